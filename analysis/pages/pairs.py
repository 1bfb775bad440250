"""What was trained, as pairs of architecture and task: one score a seed, and what it is held against.

A pair is an architecture on a task with one set of data, in the setting (options, recipe) that the plan
names first; what the plan varies beside it is another setting, for a claim.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from analysis import formal_languages
from analysis.load import TRAINED
from analysis.spans import SOLVED
from analysis.statistics import Interval, mean_interval, wilson
from analysis.translation import setting_label
from analysis.view import View
from analysis.wording import fixed, number, percent
from experiments.cell import digest
from experiments.record import Record

NOT_A_SIZE = {"label", "class", "construction", "mismatch", "distance_attractors"}
"""Slices whose values have no order: nothing falls with them."""


@dataclass(frozen=True)
class Kind:
    """What a score is."""

    metric: str  # of records
    words: str
    shown: Callable[[float], str]
    larger_is_better: bool = True
    solvable: bool = True  # whether SOLVED of it can be asked for


ACCURACY = Kind("test", "test accuracy", percent)
EXACT = Kind("exact_match", "exact match", percent)
ERROR = Kind("test", "test mean squared error", number, larger_is_better=False, solvable=False)
BITS = Kind("bits_per_token", "bits a token", fixed, larger_is_better=False, solvable=False)
BLEU = Kind("bleu", "BLEU", lambda value: fixed(value, 1), solvable=False)


@dataclass(frozen=True)
class Run:
    """One finished training run."""

    record: Record
    score: float

    @property
    def seed(self) -> int:
        """Return the cell's seed."""
        return self.record.cell.seed

    @property
    def converged(self) -> bool:
        """Whether loss and score had stopped improving."""
        return bool(self.record.metrics.get("converged"))

    @property
    def learning_rate(self) -> float | None:
        """Return the rate that validation selected."""
        rate = self.record.metrics.get("learning_rate")
        return None if rate is None else float(rate)

    def metric(self, name: str) -> float | None:
        """Return a metric, or None where the record has none."""
        value = self.record.metrics.get(name)
        return None if value is None else float(value)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An architecture on a task with one set of data, over its seeds."""

    architecture: str
    task: str
    setting: str  # of the data: pairs that share it are compared
    label: str  # of the task with what sets its data apart
    kind: Kind
    runs: tuple[Run, ...]  # finished, by seed
    unfinished: tuple[tuple[str, int], ...]  # (status, seed) of runs that gave no score
    planned: tuple[str, ...]  # keys

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the finished runs."""
        return tuple(run.record.key for run in self.runs)

    @property
    def scores(self) -> list[float]:
        """Return the score of every seed."""
        return [run.score for run in self.runs]

    @cached_property
    def mean(self) -> float | None:
        """Return the mean over seeds; None without a finished run."""
        return float(np.mean(self.scores)) if self.runs else None

    @cached_property
    def interval(self) -> Interval | None:
        """Return the interval of the mean over seeds; of one seed's accuracy over its test answers."""
        if len(self.runs) > 1:
            return mean_interval(self.scores, "seeds")
        if self.kind is not ACCURACY or not self.runs or not (count := self._answers()):
            return None
        return wilson(round(self.runs[0].score * count), count, "test examples")

    @property
    def bounds(self) -> str:
        """Return the interval as text, within what a share can be: ``[48.6 %, 83.4 %]``, or nothing."""
        if self.interval is None:
            return ""
        ends = [self.interval.low, self.interval.high]
        if self.kind.solvable:
            ends = [min(1.0, max(0.0, end)) for end in ends]
        return f"[{', '.join(self.kind.shown(end) for end in ends)}]"

    @property
    def solved(self) -> int:
        """Return how many seeds score SOLVED or more, where that can be asked for."""
        return sum(run.score >= SOLVED for run in self.runs) if self.kind.solvable else 0

    @property
    def low(self) -> tuple[Run, ...]:
        """Return the runs that did not solve the task; where nothing counts as that, all of them."""
        return tuple(run for run in self.runs if not (self.kind.solvable and run.score >= SOLVED))

    @cached_property
    def baselines(self) -> dict[str, float]:
        """Return what a score is held against, by name: chance, and predictors without the source."""
        names = {
            ACCURACY: {
                "chance": "chance",
                "target_only_floor": "target-only floor",
                "guessing": "guessing by place and length",
            },
            ERROR: {"chance": "the mean as every answer"},
            BITS: {"bits_unigram": "unigram model", "bits_bigram": "bigram model"},
            BLEU: {"bleu_floor": "target-only Markov model"},
        }.get(self.kind, {})
        found: dict[str, float] = {"none right": 0.0} if self.kind is EXACT else {}
        for name, words in names.items():
            values = [value for run in self.runs if (value := run.metric(name)) is not None]
            if values:
                found[words] = float(np.mean(values))
        return found

    @property
    def baseline(self) -> tuple[str, float] | None:
        """Return the hardest of the baselines to beat, with its name."""
        if not self.baselines:
            return None
        pick = max if self.kind.larger_is_better else min
        return pick(self.baselines.items(), key=lambda item: item[1])

    @cached_property
    def slices(self) -> dict[str, dict[float, float]]:
        """Return slice → value → test accuracy, mean over seeds, of slices that have an order."""
        found: dict[str, dict[float, list[float]]] = {}
        for run in self.runs:
            for row in run.record.slices:
                name, value = row.get("slice"), row.get("value")
                if row.get("split") != "test" or name in NOT_A_SIZE or "correct" not in row:
                    continue
                if row["count"] and isinstance(value, int | float):
                    by_value = found.setdefault(str(name), {})
                    by_value.setdefault(float(value), []).append(row["correct"] / row["count"])
        return {
            name: {value: float(np.mean(shares)) for value, shares in sorted(values.items())}
            for name, values in found.items()
            if len(values) > 1
        }

    def mean_of(self, name: str) -> float | None:
        """Return the mean of a metric over the runs that have it."""
        values = [value for run in self.runs if (value := run.metric(name)) is not None]
        return float(np.mean(values)) if values else None

    def _answers(self) -> int:
        """Return how many test answers one run gave."""
        rows = [r for r in self.runs[0].record.slices if r.get("split") == "test" and "correct" in r]
        first = [r for r in rows if r.get("slice") == rows[0].get("slice")]
        return int(sum(r["count"] for r in first))


def pairs(view: View) -> list[Pair]:
    """Return every pair that a plan trains, by task in the order of the plan, then in legend order."""
    results = view.results
    formal = {run.key: run.score for run in formal_languages.runs(results)}
    groups: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], str] = {}
    for key in sorted(results.planned, key=lambda key: results.places.get(key, 0)):
        cell = results.planned[key]["cell"]
        if cell["measure"] not in TRAINED or not cell.get("task"):
            continue
        place = (digest([cell["task"], cell.get("data", {})]), cell["architecture"])
        if first.setdefault(place, _setting(cell)) == _setting(cell):
            groups.setdefault(place, []).append(key)
    labels = _labels(results.planned[keys[0]]["cell"] for keys in groups.values())
    legend = {name: place for place, name in enumerate(view.architectures)}
    order = {setting: place for place, setting in enumerate(dict.fromkeys(s for s, _ in groups))}
    return [
        _pair(view, keys, setting, labels[setting], formal)
        for (setting, _), keys in sorted(
            groups.items(), key=lambda item: (order[item[0][0]], legend.get(item[0][1], len(legend)))
        )
    ]


def _setting(cell: dict[str, Any]) -> str:
    """Return what tells an architecture's settings on one task's data apart."""
    parts = (cell["measure"], *(cell.get(name, {}) for name in ("model", "recipe", "options")))
    return digest(parts)


def _labels(cells: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the name of each setting of data: those of one task are told apart by what differs."""
    found = {digest([cell["task"], cell.get("data", {})]): cell for cell in cells}
    labels = {}
    for setting, cell in found.items():
        data = [other.get("data", {}) for other in found.values() if other["task"] == cell["task"]]
        keys = dict.fromkeys(key for options in data for key in options)
        differing = [key for key in keys if len({digest(options.get(key)) for options in data}) > 1]
        labels[setting] = setting_label(str(cell["task"]), cell.get("data", {}), differing)
    return labels


def _pair(view: View, keys: list[str], setting: str, label: str, formal: dict[str, float]) -> Pair:
    results = view.results
    cell = results.planned[keys[0]]["cell"]
    records = {key: results.records[key] for key in keys if key in results.records}
    ok = [record for record in records.values() if record.status == "ok"]
    kind = _kind(cell, ok)
    runs = []
    for record in ok:
        score = formal.get(record.key, record.metrics.get(kind.metric))
        if score is not None:
            runs.append(Run(record, float(score)))
    scored = {run.record.key for run in runs}
    return Pair(
        architecture=str(cell["architecture"]),
        task=str(cell["task"]),
        setting=setting,
        label=label,
        kind=kind,
        runs=tuple(sorted(runs, key=lambda run: (run.seed, run.record.key))),
        unfinished=tuple(
            (record.status if record.status != "ok" else "without a score", record.cell.seed)
            for key, record in records.items()
            if key not in scored
        ),
        planned=tuple(keys),
    )


def _kind(cell: dict[str, Any], records: Iterable[Record]) -> Kind:
    if cell["measure"] == "translate":
        return BLEU if cell.get("data", {}).get("corpus") else EXACT
    found = list(records)
    if any("bits_per_token" in record.metrics for record in found):
        return BITS
    return ERROR if any("total" in row for record in found for row in record.slices) else ACCURACY
