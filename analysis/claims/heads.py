"""Claim T5: several heads against one."""

from collections.abc import Sequence

import numpy as np

from analysis.ablation import Ablation, Row, Run, ablations
from analysis.claims.ablation_scores import mean_score, percent_or_bleu, set_aside, where
from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.head_maps import HeadMaps, head_maps
from analysis.load import Results
from analysis.pairing import pairs
from analysis.statistics import MIN_PAIRED_SEEDS

CLAIM = Claim(
    id="T5",
    statement="Several heads see different things, and together beat one head.",
    topic="Inside the Transformer",
    kind="measured",
    how="1, 2, 4 and more heads at a fixed width, so that parameters are equal: the mean score of all "
    "counts above one minus that of one head, paired by seed. That contrast was named beforehand; the "
    "best count against one would be a choice made after looking. Supported when the interval lies "
    "above 0, refuted when it lies below 0.02 (BLEU: 1). Each count against one, and the mean pairwise "
    "distance of the heads’ maps (Jensen-Shannon divergence) after training minus that at "
    "initialisation, are shown beside.",
    source="Vaswani et al. 2017, section 3.2.2 and table 3 (A); Clark et al. 2019, section 6",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T5."""
    parts: list[Verdict] = []
    for place, ablation in enumerate(ablations(results)):
        rows = ablation.along("heads")
        one, several = rows[0], rows[1:]
        if one.options["heads"] != 1 or not several:
            continue
        suffix = f".{place}" if place else ""
        parts.append(_together(ablation, one, several, suffix))
        parts += [_alone(ablation, one, row, suffix) for row in several]
        parts += _apart(head_maps(results, ablation), suffix)
    if not parts:
        return not_measured(CLAIM, "a Transformer with one head and with several at a fixed width")
    return every(CLAIM, parts, figure="heads")


def contrasts(one: Row, several: Sequence[Row], *, converged: bool) -> list[tuple[float, list[Run]]]:
    """Return, seed by seed, the mean score of ``several`` minus that of ``one``, and all the runs."""
    found = []
    for seed in sorted(set.intersection(*(set(row.runs) for row in (one, *several)))):
        runs = [one.runs[seed], *(row.runs[seed] for row in several)]
        if not converged or all(run.converged for run in runs):
            found.append((mean_score(runs[1:]) - runs[0].score, runs))
    return found


def _together(ablation: Ablation, one: Row, several: Sequence[Row], suffix: str) -> Verdict:
    known = contrasts(one, several, converged=True)
    shown = known or contrasts(one, several, converged=False)
    counts = ", ".join(str(row.options["heads"]) for row in several)
    effect = ""
    if shown:
        caveat = "" if known else "Over seeds that had not all converged: "
        single = mean_score([runs[0] for _, runs in shown])
        gain = float(np.mean([gain for gain, _ in shown]))
        effect = (
            f"{caveat}{where(ablation)}, one head scores {percent_or_bleu(ablation, single)} and "
            f"{counts} heads on average {percent_or_bleu(ablation, single + gain)}: a difference of "
            f"{percent_or_bleu(ablation, gain, signed=True)}."
        )
    return mean_beyond(
        CLAIM.part(f".together{suffix}", "Several heads, on average, score higher than one."),
        [gain for gain, _ in known],
        bound=0.0,
        refuted_at=ablation.margin,
        minimum=MIN_PAIRED_SEEDS,
        blockers=[text for row in (one, *several) for text in row.unfinished],
        effect=(effect + set_aside((one, *several))).strip(),
        evidence=tuple(run.key for _, runs in shown for run in runs),
    )


def _alone(ablation: Ablation, one: Row, row: Row, suffix: str) -> Verdict:
    count = row.options["heads"]
    known = pairs(row, one) or pairs(row, one, converged=False)
    gains = [a.score - b.score for a, b in known]
    return mean_beyond(
        CLAIM.part(f".{count}{suffix}", f"{count} heads score higher than one."),
        gains,
        bound=0.0,
        refuted_at=ablation.margin,
        minimum=MIN_PAIRED_SEEDS,
        effect=f"{count} heads against one: "
        f"{percent_or_bleu(ablation, float(np.mean(gains)), signed=True)}."
        if gains
        else "",
        evidence=tuple(run.key for pair in known for run in pair),
        decides=False,
    )


def _apart(maps: Sequence[HeadMaps], suffix: str) -> list[Verdict]:
    """Return whether maps are further apart after training, for each count of heads above one."""
    found = []
    for count in sorted({one.heads for one in maps if one.heads > 1}):
        mine = [
            (one.distance, one.distance_init, one.key)
            for one in maps
            if one.heads == count and one.distance is not None and one.distance_init is not None
        ]
        if not mine:
            continue
        after, before = (float(np.mean([row[place] for row in mine])) for place in (0, 1))
        found.append(
            mean_beyond(
                CLAIM.part(
                    f".apart.{count}{suffix}", f"Training drives the maps of {count} heads apart."
                ),
                [after - before for after, before, _ in mine],
                bound=0.0,
                minimum=MIN_PAIRED_SEEDS,
                effect=f"The maps of {count} heads are {after:.2f} bits apart, {before:.2f} at "
                "initialisation (0: equal, 1: no key in common).",
                evidence=tuple(key for _, _, key in mine),
                decides=False,
            )
        )
    return found
