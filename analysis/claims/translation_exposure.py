"""Claim D2: a decoder trained on true prefixes errs more on its own, and the more the longer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.translation import mean, weighted_slope
from analysis.corpus_scores import Floats
from analysis.load import Results
from analysis.statistics import MIN_SEEDS
from analysis.style import short_name
from analysis.translation import setting_label
from experiments.cell import digest

FIGURE = "exposure_gap"
LENGTHS = ("target_length", "length")
"""Slices by the length of the target, in tokens."""

TOO_SMALL = 0.005
"""Accuracy: a gap below this does not matter."""

SOLVED = 0.99
LEARNED = 0.1

D2 = Claim(
    id="D2",
    statement="Teacher forcing trains a decoder on prefixes that it will not see: running freely it "
    "errs more, and the more the longer the target.",
    topic="Training and decoding",
    kind="measured",
    how="The exposure gap: token accuracy given the true prefix minus that given the model’s own, at "
    "each target length, averaged over architectures, seed by seed. Supported when the interval of the "
    "mean gap and that of its growth with a doubling of the length both lie above 0; refuted when one "
    f"lies below {TOO_SMALL} (gap) or 0 (growth). In translation the gap also counts other right "
    "wordings, and words right but displaced.",
    source="Bengio et al. 2015; Ranzato et al. 2016",
)


@dataclass(frozen=True)
class Gaps:
    """The gap on one task with its data, one row a finished run and length."""

    label: str
    real: bool
    rows: pd.DataFrame  # architecture, seed, key, length, count, forced, free, gap
    unfinished: tuple[str, ...]

    @property
    def seeds(self) -> int:
        """Return how many seeds have a gap."""
        return int(self.rows.seed.nunique())


def verdict(results: Results) -> Verdict:
    """Return the verdict on D2."""
    parts: list[Verdict] = []
    for place, gaps in enumerate(gather(results)):
        found = _judge(gaps, results, f".{place + 1}")
        parts += [part if place == 0 else replace(part, decides=False) for part in found]
    if not parts:
        return not_measured(D2, "accuracy by target length, with and without the true prefix")
    return every(D2, parts, figure=FIGURE)


def gather(results: Results) -> list[Gaps]:
    """Return the gaps of every task that has them, real text first, then by seeds."""
    groups: dict[str, list[str]] = {}
    for key, entry in results.planned.items():
        cell = entry["cell"]
        # a decoder without its causal mask is given the answer itself, not a prefix
        if cell["measure"] in ("train", "translate") and cell["model"].get("causal", True):
            groups.setdefault(digest([cell["task"], cell["data"]]), []).append(key)
    found = []
    for keys in groups.values():
        rows = [row for key in sorted(keys) for row in _rows(results, key)]
        if not rows:
            continue
        cell = results.planned[keys[0]]["cell"]
        has = {str(row["architecture"]) for row in rows}
        open_runs = tuple(
            f"{short_name(str(planned['architecture']))} without a result (seed {planned['seed']})"
            for key in sorted(keys)
            if (planned := results.planned[key]["cell"])["architecture"] in has
            and (key not in results.records or results.records[key].status != "ok")
        )
        found.append(
            Gaps(
                setting_label(cell["task"], cell["data"]),
                bool(cell["data"].get("corpus")),
                pd.DataFrame(rows),
                open_runs,
            )
        )
    return sorted(found, key=lambda gaps: (not gaps.real, -gaps.seeds, gaps.label))


def _rows(results: Results, key: str) -> list[dict[str, object]]:
    record = results.records.get(key)
    if record is None or record.status != "ok":
        return []
    by_split: dict[tuple[str, str], dict[float, tuple[float, float]]] = {}
    for row in record.slices:
        if "correct" in row and row.get("count") and row.get("slice") in LENGTHS:
            place = by_split.setdefault((row["split"], row["slice"]), {})
            place[row["value"]] = (row["correct"], row["count"])
    for name in LENGTHS:
        free, forced = (by_split.get((split, name), {}) for split in ("test", "test_teacher_forced"))
        lengths = sorted(length for length in set(free) & set(forced) if length > 0)
        if lengths:
            return [
                {
                    "architecture": record.cell.architecture,
                    "seed": record.cell.seed,
                    "key": key,
                    "length": length,
                    "count": free[length][1],
                    "forced": forced[length][0] / forced[length][1],
                    "free": free[length][0] / free[length][1],
                    "gap": forced[length][0] / forced[length][1] - free[length][0] / free[length][1],
                }
                for length in lengths
            ]
    return []


def _judge(gaps: Gaps, results: Results, suffix: str) -> list[Verdict]:
    rows = gaps.rows
    parts = _pair(gaps, rows, suffix, "", results)
    if rows.architecture.nunique() > 1:
        for name in dict.fromkeys(rows.architecture):
            alone = _pair(gaps, rows[rows.architecture == name], f"{suffix}.{name}", name, results)
            parts += [replace(part, decides=False) for part in alone]
    return parts


def _pair(
    gaps: Gaps, rows: pd.DataFrame, suffix: str, architecture: str, results: Results
) -> list[Verdict]:
    who = f"the {short_name(architecture)}" if architecture else "the architectures on average"
    each = [_of_seed(run) for _, run in rows.groupby("seed", sort=True)]
    sizes = [size for size, _ in each]
    growths = [growth for _, growth in each if growth is not None]
    forced, free = (float(np.average(rows[name], weights=rows["count"])) for name in ("forced", "free"))
    keys = tuple(sorted(set(rows.key)))
    size = mean_beyond(
        D2.part(f"{suffix}.gap", f"On {gaps.label}, {who}: right given the true prefix more often."),
        sizes,
        bound=0.0,
        refuted_at=TOO_SMALL,
        minimum=MIN_SEEDS,
        blockers=gaps.unfinished,
        effect=f"On {gaps.label}, {forced:.1%} of tokens are right given the true prefix and "
        f"{free:.1%} without it.",
        evidence=keys,
        figure=FIGURE,
    )
    growth = mean_beyond(
        D2.part(f"{suffix}.growth", f"On {gaps.label}, {who}: the gap grows with the target."),
        growths,
        bound=0.0,
        minimum=MIN_SEEDS,
        blockers=gaps.unfinished,
        effect=f"The gap changes by {mean(growths):+.3f} with each doubling of the length."
        if growths
        else "",
        evidence=keys,
        figure=FIGURE,
    )
    return [_unless_uninformative(part, forced, free, keys, results) for part in (size, growth)]


def _unless_uninformative(
    part: Verdict, forced: float, free: float, keys: Sequence[str], results: Results
) -> Verdict:
    """Return a refutation only where there was something to lose, and something learned."""
    if part.verdict != "refuted":
        return part
    chance = max(float(results.records[key].metrics.get("chance") or 0.0) for key in keys)
    if min(forced, free) >= SOLVED:
        return replace(part, verdict="inconclusive", missing="the task was solved: no error to expose")
    if forced < chance + LEARNED * (1 - chance):
        return replace(part, verdict="inconclusive", missing="the task was not learned at this budget")
    return part


def _of_seed(rows: pd.DataFrame) -> tuple[float, float | None]:
    """Return a seed's mean gap over its architectures, and its growth a doubling of the length."""
    sizes, growths = [], []
    for _, run in rows.groupby("architecture", sort=True):
        gap: Floats = run.gap.to_numpy(dtype=float)
        weights: Floats = run["count"].to_numpy(dtype=float)
        sizes.append(float(np.average(gap, weights=weights)))
        if run.length.nunique() > 1:
            lengths = np.log2(run.length.to_numpy(dtype=float))
            growths.append(float(weighted_slope(lengths, gap, weights)))
    return mean(sizes), mean(growths) if growths else None
