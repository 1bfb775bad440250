"""What tuning found, and what it changed: read from ``tuned.json`` beside a store's manifest.

The file is what ``seqyard tune`` wrote (docs/tuning.md). Untuned cells are records of the same store
that the manifest no longer plans: the same plan was run there before, without ``--tuned``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from analysis.expected_best import Expected, best_so_far, expected_best
from analysis.statistics import MIN_PAIRED_SEEDS, Interval, mean_interval
from experiments.cell import Cell
from experiments.record import Record

SOLVED_FOR = ("width", "feedforward")
"""Options that meet the parameter budget: they follow from the others."""


@dataclass(frozen=True)
class Tuned:
    """One architecture's trials."""

    architecture: str
    row: Mapping[str, Any]
    larger_is_better: bool

    @property
    def finished(self) -> list[Mapping[str, Any]]:
        """Return the trials that count: complete or pruned, in their order."""
        return [trial for trial in self.row["trials"] if trial["status"] in ("ok", "pruned")]

    @property
    def scores(self) -> list[float]:
        """Return the best validation score of every finished trial, in their order."""
        return [float(t["validation"]) for t in self.finished if t["validation"] is not None]

    @property
    def keys(self) -> list[str]:
        """Return the keys of the trials' records."""
        return [trial["key"] for trial in self.row["trials"] if trial["key"]]

    @property
    def failed(self) -> int:
        """Return how many trials gave no number."""
        return sum(self.row["failed"].values())

    @property
    def edges(self) -> dict[str, str]:
        """Return the names whose best value lies at an end of its range, and at which."""
        return {name: end for name, end in self.row["edges"].items() if end}

    @property
    def best(self) -> Mapping[str, Any]:
        """Return the trial whose values were taken."""
        number = self.row["best"]["number"]
        return next(trial for trial in self.row["trials"] if trial["number"] == number)

    def expected(self) -> list[Expected]:
        """Return the expected best of 1, 2 ... trials."""
        return expected_best(self.scores, larger_is_better=self.larger_is_better)

    def so_far(self) -> list[float]:
        """Return the best after 1, 2 ... trials as they came."""
        return best_so_far(self.scores, larger_is_better=self.larger_is_better)


@dataclass(frozen=True)
class Effect:
    """Tuned minus untuned, for one architecture on one task, paired by seed."""

    architecture: str
    task: str
    metric: str
    seeds: tuple[int, ...]
    tuned: tuple[float, ...]
    untuned: tuple[float, ...]
    keys: tuple[str, ...]

    @property
    def differences(self) -> list[float]:
        """Return tuned minus untuned, by seed."""
        return [a - b for a, b in zip(self.tuned, self.untuned, strict=True)]

    @property
    def mean(self) -> float:
        """Return the mean difference."""
        return float(np.mean(self.differences))

    @property
    def interval(self) -> Interval | None:
        """Return Student's t interval of the mean difference over seeds."""
        return mean_interval(self.differences, "seeds")

    @property
    def differs(self) -> bool:
        """Whether the interval leaves no difference out."""
        found = self.interval
        return found is not None and not found.low <= 0 <= found.high

    @property
    def enough(self) -> bool:
        """Whether there are seeds enough for a verdict."""
        return len(self.seeds) >= MIN_PAIRED_SEEDS


class Tuning:
    """A tuned report's trials and effects."""

    def __init__(
        self, data: Mapping[str, Any], planned: Iterable[Record], others: Iterable[Record]
    ) -> None:
        self.data = data
        self.planned, self.others = list(planned), list(others)

    @property
    def larger_is_better(self) -> bool:
        """Whether the score that selected is an accuracy, not an error."""
        return bool(self.data["direction"] == "maximize")

    def of(self, architecture: str) -> Tuned | None:
        """Return one architecture's trials."""
        row = self.data["architectures"].get(architecture)
        return None if row is None else Tuned(architecture, row, self.larger_is_better)

    @cached_property
    def effects(self) -> list[Effect]:
        """Return what tuning changed, for every architecture and task with records of both."""
        pairs: dict[tuple[str, str], list[tuple[Record, Record]]] = {}
        before = [record for record in self.others if self._is_untuned(record.cell)]
        for record in self.planned:
            if record.status == "ok" and record.cell.measure in ("train", "translate"):
                twin = next((other for other in before if self._twins(record.cell, other.cell)), None)
                if twin is not None:
                    name = (record.cell.architecture, str(record.cell.task))
                    pairs.setdefault(name, []).append((record, twin))
        return [
            effect
            for (architecture, task), found in pairs.items()
            if (effect := _effect(architecture, task, found)) is not None
        ]

    def _is_untuned(self, cell: Cell) -> bool:
        """Whether a cell has what the plan has where nothing is tuned."""
        row = self.data["architectures"].get(cell.architecture, {})
        planned = row.get("untuned", {}).get(cell.task)
        return planned is not None and all(
            getattr(cell, part).get(key) == value
            for part, values in planned.items()
            for key, value in values.items()
        )

    def _twins(self, tuned: Cell, other: Cell) -> bool:
        """Whether two cells differ in nothing but what is tuned, and what follows from it."""
        values = self.data["architectures"].get(tuned.architecture, {}).get("values", {})
        return _rest(tuned, values) == _rest(other, values)


def _rest(cell: Cell, values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a cell without what is tuned."""
    found = cell.model_dump(mode="json")
    for part, keys in values.items():
        found[part] = {key: value for key, value in found[part].items() if key not in keys}
    found["model"] = {key: v for key, v in found["model"].items() if key not in SOLVED_FOR}
    return found


def _effect(architecture: str, task: str, pairs: list[tuple[Record, Record]]) -> Effect | None:
    metric = "bleu" if "bleu" in pairs[0][0].metrics else "test"
    both = [
        (a, b)
        for a, b in sorted(pairs, key=lambda pair: pair[0].cell.seed)
        if b.status == "ok" and None not in (a.metrics.get(metric), b.metrics.get(metric))
    ]
    if not both:
        return None
    return Effect(
        architecture=architecture,
        task=task,
        metric=metric,
        seeds=tuple(a.cell.seed for a, _ in both),
        tuned=tuple(float(a.metrics[metric]) for a, _ in both),
        untuned=tuple(float(b.metrics[metric]) for _, b in both),
        keys=tuple(key for a, b in both for key in (a.key, b.key)),
    )
