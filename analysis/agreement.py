"""Agreement runs as analysis reads them: accuracy by distance and attractors, corrupted, on pairs.

A *setting* is the task with its data: one corpus. A real one leads before the generated one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from analysis.load import Results
from analysis.style import clip, short_name
from analysis.view import View
from experiments.cell import digest
from experiments.record import Record

TASK = "agreement"
GENERATED = "generated"
CROSSED = 100
"""The slice ``distance_attractors`` has the values CROSSED * distance + attractors."""

TRAIN, CORRUPTED, PAIRS = "train", "robustness", "minimal_pairs"
BUCKETS = {4: "3–4", 8: "5–8", 16: "9–16", 32: "17+"}
"""Names of the buckets of a corpus' distances; those of generated sentences are the distances."""

MOST_ATTRACTORS = 4
SETTLED = 0.75


@dataclass(frozen=True, eq=False)
class Run:
    """One trained model with what was tested on it."""

    key: str
    architecture: str
    seed: int
    settled: bool  # converged, or the best checkpoint lies before the last quarter of the steps
    baseline: float  # majority
    accuracy: float
    seen: float | None  # share of the test sentences whose words up to the verb training has, too
    learning_rate: float | None
    slices: pd.DataFrame  # slice, value, correct, count, accuracy
    crossed: pd.DataFrame  # distance, attractors, accuracy, count
    corrupted: pd.DataFrame  # corruption, share, accuracy, lost; empty before it is measured
    pairs: pd.DataFrame  # construction, accuracy, count; empty without
    pair_accuracy: float | None
    further_keys: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the records that it rests on."""
        return (self.key, *self.further_keys)

    def at(self, name: str) -> pd.DataFrame:
        """Return the rows of a slice, by value."""
        return self.slices[self.slices["slice"] == name].sort_values("value")

    @cached_property
    def plain_accuracy(self) -> float | None:
        """Accuracy where there is no attractor."""
        rows = self.slices[(self.slices["slice"] == "attractors") & (self.slices.value == 0)]
        return float(rows.accuracy.iloc[0]) if len(rows) else None

    @cached_property
    def slope(self) -> float | None:
        """Change of accuracy with each attractor more, at a fixed distance; None if none varies."""
        return within_slope(self.crossed)

    @cached_property
    def lost(self) -> float | None:
        """Mean accuracy lost over all corruptions; None before they are measured."""
        rows = self.corrupted[self.corrupted.share > 0]
        return float(rows.lost.mean()) if len(rows) else None


@dataclass(frozen=True, eq=False)
class Setting:
    """One corpus: its runs in legend order and by seed."""

    label: str
    generated: bool
    runs: tuple[Run, ...]
    planned: dict[str, int]  # architecture -> seeds
    unfinished: dict[str, tuple[str, ...]]  # architecture -> in words

    @property
    def seeds(self) -> int:
        """Return the fewest finished seeds of an architecture."""
        return min((len(self.of(name)) for name in self.planned), default=0)

    def of(self, architecture: str) -> list[Run]:
        """Return an architecture's finished runs, by seed."""
        return [run for run in self.runs if run.architecture == architecture]

    @property
    def baseline(self) -> float | None:
        """Return the majority baseline, the same for every run."""
        return self.runs[0].baseline if self.runs else None

    @property
    def seen(self) -> float | None:
        """Return which share of the test sentences stands in training, too; None in older records."""
        return next((run.seen for run in self.runs if run.seen is not None), None)

    def name_of(self, slice_name: str, value: float) -> str:
        """Return a slice value as a reader wants it."""
        if slice_name == "attractors":
            return f"{value:g}+" if not self.generated and value == MOST_ATTRACTORS else f"{value:g}"
        return f"{value:g}" if self.generated else BUCKETS.get(int(value), f"{value:g}")


@lru_cache(maxsize=2)  # of one report, every figure and claim asks
def settings(results: Results) -> list[Setting]:
    """Return every corpus of the store, the one that claims rest on first: real, then most seeds."""
    groups: dict[str, list[str]] = {}
    for key in sorted(results.planned):
        cell = results.planned[key]["cell"]
        if cell.get("task") == TASK:
            groups.setdefault(digest(cell["data"]), []).append(key)
    found = [_setting(results, keys) for keys in groups.values()]
    return sorted(found, key=lambda setting: (setting.generated, -setting.seeds, setting.label))


def only(view: View, tasks: Iterable[str], *, inside: bool = True) -> View:
    """Return a view of the cells of ``tasks`` alone, or with ``inside`` False of all others."""
    wanted = set(tasks)
    cells = {
        key: entry
        for key, entry in view.results.planned.items()
        if (entry["cell"].get("task") in wanted) == inside
    }
    if len(cells) == len(view.results.planned):
        return view
    manifest = {**view.manifest, "cells": cells}
    return View(Results(manifest, [record for record in view.records if record.key in cells]))


def within_slope(rows: pd.DataFrame) -> float | None:
    """Return the slope of accuracy in attractors, pooled over distances, each with its own mean.

    Least squares weighted by the number of test examples, with an intercept for each distance.
    """
    above, below = 0.0, 0.0
    for _, part in rows.groupby("distance", sort=True):
        weight = part["count"].to_numpy(dtype=float)
        x, y = (part[name].to_numpy(dtype=float) for name in ("attractors", "accuracy"))
        x, y = x - np.average(x, weights=weight), y - np.average(y, weights=weight)
        above += float((weight * x * y).sum())
        below += float((weight * x * x).sum())
    return above / below if below > 0 else None


def _setting(results: Results, keys: Sequence[str]) -> Setting:
    cells = {key: results.planned[key]["cell"] for key in keys}
    data = next(iter(cells.values()))["data"]
    corpus = str(data.get("corpus", GENERATED))
    further: dict[str, dict[str, Record]] = {}
    unfinished: dict[str, list[str]] = {}
    planned: dict[str, int] = {}
    for key, cell in cells.items():
        name, record = cell["architecture"], results.records.get(key)
        planned[name] = planned.get(name, 0) + (cell["measure"] == TRAIN)
        if record is None or record.status != "ok":
            state = "missing" if record is None else record.status.replace("_", " ")
            what = "" if cell["measure"] == TRAIN else f"{cell['measure'].replace('_', ' ')} of "
            unfinished.setdefault(name, []).append(
                f"{what}{short_name(name)} {state} (seed {cell['seed']})"
            )
        elif cell["measure"] in (CORRUPTED, PAIRS):
            trained = str(cell["options"].get("trained", ""))
            further.setdefault(trained, {})[cell["measure"]] = record
    order = {name: place for place, name in enumerate(results.architectures)}
    runs = [
        _run(results.records[key], further.get(key, {}))
        for key, cell in cells.items()
        if cell["measure"] == TRAIN and key in results.records and results.records[key].status == "ok"
    ]
    return Setting(
        label=clip(corpus),
        generated=corpus == GENERATED,
        runs=tuple(sorted(runs, key=lambda r: (order.get(r.architecture, len(order)), r.seed, r.key))),
        planned=dict(sorted(planned.items(), key=lambda item: order.get(item[0], len(order)))),
        unfinished={name: tuple(words) for name, words in unfinished.items()},
    )


def _run(record: Record, further: dict[str, Record]) -> Run:
    metrics = record.metrics
    slices = pd.DataFrame(
        [
            {**{name: row[name] for name in ("slice", "value", "correct", "count")}}
            for row in record.slices
            if row.get("split") == "test" and row.get("count") and "correct" in row
        ],
        columns=["slice", "value", "correct", "count"],
    )
    slices["accuracy"] = slices.correct.astype(float) / slices["count"].astype(float)
    crossed = slices[slices["slice"] == "distance_attractors"]
    value = crossed.value.astype(int)
    crossed = crossed.assign(distance=value // CROSSED, attractors=value % CROSSED)
    steps, best = metrics.get("steps"), metrics.get("best_step")
    flat = bool(steps and best is not None and best <= SETTLED * steps)
    pairs = further.get(PAIRS)
    seen, sentences = (metrics.get(name) for name in ("test_seen_in_training", "test_sentences"))
    return Run(
        key=record.key,
        architecture=record.cell.architecture,
        seed=record.cell.seed,
        settled=bool(metrics.get("converged")) or flat,
        baseline=float(metrics.get("chance") or 0.5),
        accuracy=float(metrics.get("test") or 0.0),
        seen=None if seen is None or not sentences else float(seen) / float(sentences),
        learning_rate=metrics.get("learning_rate"),
        slices=slices,
        crossed=crossed[["distance", "attractors", "accuracy", "count"]],
        corrupted=_corrupted(further.get(CORRUPTED)),
        pairs=_pairs(pairs),
        pair_accuracy=None if pairs is None else float(pairs.metrics["test"]),
        further_keys=tuple(further[name].key for name in sorted(further)),
    )


def _corrupted(record: Record | None) -> pd.DataFrame:
    curves = {} if record is None else record.curves
    rows = [
        {"corruption": name, "share": share, "accuracy": accuracy, "lost": points[0][1] - accuracy}
        for name, points in curves.items()
        for share, accuracy in points
    ]
    return pd.DataFrame(rows, columns=["corruption", "share", "accuracy", "lost"])


def _pairs(record: Record | None) -> pd.DataFrame:
    rows = [
        {
            "construction": str(row["value"]),
            "accuracy": row["correct"] / row["count"],
            "count": row["count"],
        }
        for row in (record.slices if record else [])
        if row.get("slice") == "construction" and row.get("count")
    ]
    return pd.DataFrame(rows, columns=["construction", "accuracy", "count"])
