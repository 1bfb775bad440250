"""Claim T4: sinusoidal and learned positions."""

from collections.abc import Sequence

import numpy as np

from analysis.ablation import Ablation, Row, Run, ablations
from analysis.claims.ablation_scores import mean_score, percent_or_bleu, set_aside, where
from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond, mean_within
from analysis.load import Results
from analysis.pairing import pairs
from analysis.statistics import MIN_PAIRED_SEEDS

CLAIM = Claim(
    id="T4",
    statement="Sinusoidal and learned positions work equally well.",
    topic="Inside the Transformer",
    kind="measured",
    how="The score with learned positions minus that with sinusoidal ones, all else equal, paired by "
    "seed, at lengths that were trained. Supported when the whole interval lies within ±0.02 (BLEU: "
    "±1): two one-sided tests; refuted when all of it lies outside. Beyond the trained lengths, where "
    "learned positions were never trained, the same difference is shown and does not decide.",
    source="Vaswani et al. 2017, section 3.5 and table 3 (E)",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T4."""
    parts = []
    for place, ablation in enumerate(ablations(results)):
        sinusoidal, learned = (ablation.of("positions", kind) for kind in ("sinusoidal", "learned"))
        if sinusoidal is not None and learned is not None:
            suffix = f".{place}" if place else ""
            parts.append(_inside(ablation, learned, sinusoidal, suffix))
            parts += _beyond(ablation, learned, sinusoidal, suffix)
    if not parts:
        return not_measured(CLAIM, "a Transformer with sinusoidal and with learned positions")
    return every(CLAIM, parts)


def _inside(ablation: Ablation, learned: Row, sinusoidal: Row, suffix: str) -> Verdict:
    known = pairs(learned, sinusoidal)
    shown, caveat = (known, "") if known else (pairs(learned, sinusoidal, converged=False), _CAVEAT)
    return mean_within(
        CLAIM.part(f".inside{suffix}", "Within the trained lengths the two are equivalent."),
        [a.score - b.score for a, b in known],
        low=-ablation.margin,
        high=ablation.margin,
        minimum=MIN_PAIRED_SEEDS,
        blockers=(*learned.unfinished, *sinusoidal.unfinished),
        effect=(caveat + _told(ablation, shown) + set_aside((learned, sinusoidal))).strip(),
        evidence=_keys(known or shown),
    )


def _beyond(ablation: Ablation, learned: Row, sinusoidal: Row, suffix: str) -> list[Verdict]:
    """Return what is seen beyond the trained lengths, if anything is."""
    found = [
        (a, b, a.beyond, b.beyond)
        for a, b in pairs(learned, sinusoidal, converged=False)
        if a.beyond is not None and b.beyond is not None
    ]
    if not found:
        return []
    means = [float(np.mean([row[place] for row in found])) for place in (2, 3)]
    part = CLAIM.part(f".beyond{suffix}", "Beyond the trained lengths learned positions do worse.")
    return [
        mean_beyond(
            part,
            [a - b for _, _, a, b in found],
            bound=0.0,
            below=True,
            minimum=MIN_PAIRED_SEEDS,
            effect=f"At longer strings than any trained one learned positions score {means[0]:.3f}, "
            f"sinusoidal ones {means[1]:.3f}.",
            evidence=_keys([(a, b) for a, b, _, _ in found]),
            decides=False,
        )
    ]


_CAVEAT = "Over seeds that had not all converged: "


def _told(ablation: Ablation, shown: Sequence[tuple[Run, Run]]) -> str:
    if not shown:
        return ""
    learned, sinusoidal = (mean_score(runs) for runs in zip(*shown, strict=True))
    return (
        f"{where(ablation)}, learned positions score {percent_or_bleu(ablation, learned)} and "
        f"sinusoidal ones {percent_or_bleu(ablation, sinusoidal)}: a difference of "
        f"{percent_or_bleu(ablation, learned - sinusoidal, signed=True)}."
    )


def _keys(runs: Sequence[tuple[Run, Run]]) -> tuple[str, ...]:
    return tuple(run.key for pair in runs for run in pair)
