"""Claim L5: a GRU against an LSTM."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.paired import Run, Setting, pairs, setting
from analysis.claims.quality import TOO_SMALL
from analysis.load import Results
from analysis.statistics import MIN_PAIRED_SEEDS

TASKS = ("recall", "digits")
"""Named beforehand: a made task of memory, and real data."""

RATIO = Fraction(3, 4)

CLAIM = Claim(
    id="L5",
    statement="A GRU has fewer parameters than an LSTM, and often generalises better.",
    topic="Long-range",
    kind="measured",
    how="Parameters of a GRU layer to those of an LSTM layer at equal width, 3:4 (exact); and test "
    "accuracy of the GRU minus that of the LSTM at equal parameters, the mean over "
    f"{' and '.join(TASKS)}, paired by seed. Supported when the ratio is exact and the interval lies "
    f"above 0; refuted when it lies below {TOO_SMALL}.",
    source="Cho et al. 2014; Chung et al. 2014; Jozefowicz, Zaremba and Sutskever 2015",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on L5."""
    settings = {
        task: (
            setting(results, "the GRU", task, "gru", _usual),
            setting(results, "the LSTM", task, "lstm", _usual),
        )
        for task in TASKS
    }
    counted = results.sizes("flops", part="recurrent")
    counted = counted[counted.architecture.isin(["gru", "lstm"])]
    if "gru" not in set(counted.architecture) and all(one is None for one, _ in settings.values()):
        return not_measured(CLAIM, "a GRU beside an LSTM")
    return every(CLAIM, (_ratio(counted), _quality(settings)))


def _usual(model: object) -> bool:
    return isinstance(model, dict) and model.get("forget_bias", "one") == "one"


def _ratio(rows: pd.DataFrame) -> Verdict:
    claim = CLAIM.part(".parameters", "A GRU layer has 3/4 of an LSTM layer’s parameters.", "exact")
    rows = rows[rows.status == "ok"].drop_duplicates(["architecture", "d"])
    counts: dict[tuple[str, int], tuple[int | None, str]] = {
        (name, int(d)): (theory.get("parameters"), key)
        for name, d, theory, key in zip(rows.architecture, rows.d, rows.theory, rows.key, strict=True)
    }
    known = {subject: count for subject, (count, _) in counts.items() if count is not None}
    widths = sorted(d for name, d in known if name == "gru" and ("lstm", d) in known)
    if not widths:
        return Verdict(claim=claim, verdict="inconclusive", missing="parameters at a common width")
    ratios = {Fraction(known["gru", d], known["lstm", d]) for d in widths}
    shown = ", ".join(str(ratio).replace("/", ":") for ratio in sorted(ratios))
    return Verdict(
        claim=claim,
        verdict="supported" if ratios == {RATIO} else "refuted",
        effect=f"Parameters: {shown} at {len(widths)} width{'s' if len(widths) > 1 else ''}.",
        effect_value=float(max(ratios)),
        evidence=tuple(counts[name, d][1] for d in widths for name in ("gru", "lstm")),
    )


def _told(task: str, runs: Sequence[tuple[Run, Run]]) -> str:
    gru, lstm = (float(np.mean([run.score for run in side])) for side in zip(*runs, strict=True))
    return f"{gru:.2f} against {lstm:.2f} on {task}"


def _quality(settings: dict[str, tuple[Setting | None, Setting | None]]) -> Verdict:
    claim = CLAIM.part(".quality", "A GRU scores higher than an LSTM with as many parameters.")
    known = {task: (a, b) for task, (a, b) in settings.items() if a is not None and b is not None}
    if len(known) < len(TASKS):
        lacking = [task for task in TASKS if task not in known]
        return not_measured(claim, f"GRU and LSTM on {' and '.join(lacking)}")
    for converged in (True, False):
        found = {
            task: {a.seed: (a, b) for a, b in pairs(one, other, converged=converged)}
            for task, (one, other) in known.items()
        }
        shared = sorted(set.intersection(*(set(by_seed) for by_seed in found.values())))
        if shared:
            break
    caveat = "" if converged else "Over seeds that had not all converged: "
    told = ", ".join(_told(task, [found[task][seed] for seed in shared]) for task in TASKS if shared)
    gains = [
        float(np.mean([found[task][seed][0].score - found[task][seed][1].score for task in TASKS]))
        for seed in shared
    ]
    return mean_beyond(
        claim,
        gains if converged else [],
        bound=0.0,
        refuted_at=TOO_SMALL,
        minimum=MIN_PAIRED_SEEDS,
        blockers=[text for pair in known.values() for one in pair for text in one.unfinished],
        effect=f"{caveat}The GRU scores {told}." if shared else "",
        evidence=tuple(run.key for task in TASKS for seed in shared for run in found[task][seed]),
    )
