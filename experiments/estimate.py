"""What cells will cost, from what others did cost. No torch.

Nothing is invented: a cell of which nothing is known stays unknown. The evidence is, best first:

- ``budget``: training ends after a number of seconds that is part of the cell.
- ``same``: cells of the same size were measured (other seeds, or other stores).
- ``scaled``: cells of the same measure, architecture and task were measured, of other sizes. A line
  through their times (a fixed part and one that goes with the FLOPs) gives the time; through one size
  alone, the time goes with the FLOPs.
- ``related``: only other tasks, layers or architectures of the measure were.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from experiments.cell import Cell
from experiments.evidence import Observation, batch_unit, budget_of, size_of, trains

KINDS = ("budget", "same", "scaled", "related")
SAME = 0.02  # sizes that differ by less are the same
LEAST_SPREAD = {"same": 0.1, "scaled": 0.25}  # of the logarithm, either way
LARGER, SMALLER = 0.3, 0.5
"""Beyond the measured sizes time goes with FLOPs to the power of 1 ∓ 0.3 (upwards: small models use a
machine badly), and downwards to the power of 1 - 0.5 at least (what is fixed stays)."""
REACH, REACH_OF_OTHERS = 100.0, 10.0
"""A size that is so many times beyond the measured ones (of other tasks or layers) is unknown."""
OTHER_MACHINE, OTHER_TASK, OTHER_ARCHITECTURE = 2.0, 2.0, 3.0  # factors either way


@dataclass(frozen=True, kw_only=True)
class Guess:
    """Seconds that a cell takes, between ``low`` and ``high``, and what kind of evidence says so."""

    seconds: float
    low: float
    high: float
    kind: str

    def within(self, limit: float) -> "Guess":
        """Return the guess for a cell that is ended after ``limit`` seconds."""
        values = (min(value, limit) for value in (self.seconds, self.low, self.high))
        return Guess(**dict(zip(("seconds", "low", "high"), values, strict=True)), kind=self.kind)

    def after(self, spent: float) -> "Guess":
        """Return the guess of what is left after ``spent`` seconds."""
        values = (max(0.0, value - spent) for value in (self.seconds, self.low, self.high))
        return Guess(**dict(zip(("seconds", "low", "high"), values, strict=True)), kind=self.kind)


class Rate:
    """Seconds a repetition against work, from observations that are alike but for their size."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        self.points = sorted(
            (each.size.work, max(each.seconds, 1e-3) / each.size.repetitions) for each in observations
        )

    @cached_property
    def line(self) -> tuple[float, float]:
        """Return the fixed seconds and the seconds a FLOP, not below 0, fitted by relative error."""
        smallest, largest = self.points[0][0], self.points[-1][0]
        if largest <= smallest * (1 + SAME):
            return 0.0, median(seconds / work for work, seconds in self.points)
        import numpy as np
        from scipy.optimize import nnls

        rows = np.array([[1 / seconds, work / largest / seconds] for work, seconds in self.points])
        (fixed, rate), _ = nnls(rows, np.ones(len(rows)))
        return float(fixed), float(rate) / largest

    def distance(self, work: float) -> float:
        """Return how many times smaller or larger a size is than all that were measured."""
        return max(work / self.points[-1][0], self.points[0][0] / work, 1.0)

    def at(self, work: float) -> tuple[float, float, float, str]:
        """Return the seconds of one repetition, the least and the most, and the kind of evidence."""
        alike = [s for size, s in self.points if abs(size - work) <= SAME * max(size, work)]
        if alike:
            middle = median(alike)
            spread = _spread(alike, [middle] * len(alike), "same")
            return middle, middle / spread, middle * spread, "same"
        fixed, rate = self.line
        middle = fixed + rate * work
        expected = [fixed + rate * size for size, _ in self.points]
        spread = _spread([seconds for _, seconds in self.points], expected, "scaled")
        up = max(1.0, work / self.points[-1][0])
        down = max(1.0, self.points[0][0] / work)
        low = middle / (spread * up**LARGER * down**LARGER)
        return middle, low, middle * spread * up**LARGER * down**SMALLER, "scaled"


def _spread(seconds: Sequence[float], expected: Sequence[float], kind: str) -> float:
    """Return the factor that nine of ten measured times are within, of what was expected."""
    off = sorted(abs(math.log(s / e)) for s, e in zip(seconds, expected, strict=True))
    few = 2.0 if len(off) < 2 else 1.0
    return math.exp(max(off[math.ceil(0.9 * len(off)) - 1], few * LEAST_SPREAD[kind]))


class Estimator:
    """Guesses the cost of cells from observations."""

    def __init__(
        self, observations: Iterable[Observation], machines: Mapping[str, str] | None = None
    ) -> None:
        """Take what was measured, and the device models here (``cpu`` or ``cuda`` -> brand)."""
        self.machines = dict(machines or {})
        self.groups: dict[tuple[Any, ...], list[Observation]] = {}
        for observation in observations:
            for group, _ in groups_of(observation.cell):
                self.groups.setdefault(group, []).append(observation)
        self.rates: dict[tuple[Any, ...], tuple[Rate, float]] = {}

    def guess(self, cell: Cell, theory: Mapping[str, Any]) -> Guess | None:
        """Return what a cell takes; None: nothing is known."""
        budget = budget_of(cell)
        if budget is not None:
            beyond = self._beyond_budget(cell)
            high = max(beyond, default=0.0)
            return Guess(
                seconds=budget + (median(beyond) if beyond else 0.0),
                low=budget + min(beyond, default=0.0),
                high=budget + high,
                kind="budget",
            )
        size = size_of(cell, theory)
        for group, factor in groups_of(cell):
            if group in self.groups:
                rate, machine = self._rate(group)
                if rate.distance(size.work) > (REACH if factor == 1 else REACH_OF_OTHERS):
                    continue
                middle, low, high, kind = rate.at(size.work)
                times, wide = size.repetitions, factor * machine
                return Guess(
                    seconds=middle * times,
                    low=low * times / wide,
                    high=high * times * wide,
                    kind="related" if factor > 1 else kind,
                )
        return None

    def bytes_of(self, cell: Cell, theory: Mapping[str, Any]) -> tuple[float, float] | None:
        """Return the size on disk of a cell's record and of its weights; None: nothing is known."""
        found = next((self.groups[g] for g, _ in groups_of(cell) if g in self.groups), None)
        if found is None:
            return None
        record = sum(each.record_bytes for each in found) / len(found)
        kept = [each for each in found if each.artifact_bytes]
        share = sum(each.artifact_bytes / each.parameters for each in kept) / max(1, len(kept))
        return record, share * float(theory.get("parameters") or 1.0)

    def _rate(self, group: tuple[Any, ...]) -> tuple[Rate, float]:
        """Return the rate, of this kind of machine if it was measured, and the factor if it was not."""
        if group not in self.rates:
            found = self.groups[group]
            here = self.machines.get(found[0].cell.device)
            ours = [each for each in found if here in (None, each.device_model)]
            self.rates[group] = (Rate(ours or found), 1.0 if ours else OTHER_MACHINE)
        return self.rates[group]

    def _beyond_budget(self, cell: Cell) -> list[float]:
        """Return how much longer than their budgets such cells took: data, tests, waiting."""
        for group, factor in groups_of(cell):
            if factor > OTHER_TASK:
                break
            budgets = [(each, budget_of(each.cell)) for each in self.groups.get(group, [])]
            found = [each.seconds - budget for each, budget in budgets if budget is not None]
            if found:
                return [max(0.0, seconds) for seconds in found]
        return []


def groups_of(cell: Cell) -> list[tuple[tuple[Any, ...], float]]:
    """Return what a cell has in common with others, the most alike first, and how far off those may be.

    First of all the cell itself, whatever its seed.
    """
    kind = (cell.measure, cell.device)
    options, model = cell.options, cell.model
    layer = tuple(options.get(name) for name in ("scope", "part", "comparison"))
    unit = batch_unit(cell.task) if trains(cell) else None
    kernels = tuple(model.get(name) for name in ("attention", "kernel"))
    return [
        ((cell.model_copy(update={"seed": 0}).key,), 1.0),
        ((*kind, cell.architecture, cell.task, *layer, *kernels, cell.precision, cell.threads), 1.0),
        ((*kind, cell.architecture, cell.task, options.get("scope")), OTHER_TASK),
        ((*kind, cell.architecture, unit), OTHER_TASK),
        ((*kind, unit), OTHER_ARCHITECTURE),
    ]
