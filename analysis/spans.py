"""How far back: spans, area under accuracy against log-distance, and the drop over the range.

A span is RULER's effective length (Hsieh et al. 2024): the longest distance such that the accuracy at
it, and at every shorter one, is at or above the threshold. It is censored at the range's end. The
area (AUC) is defined also where a model never, or always, stays above a threshold.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from analysis.load import Results
from analysis.statistics import Interval, Numbers, mean_interval, median_interval, wilson

SOLVED = 0.9
"""Accuracy over all distances from which a seed counts as having solved the task."""


@dataclass(frozen=True)
class Span:
    """The longest distance up to which accuracy stays at or above a threshold."""

    value: float | None  # None: already below it at the nearest distance
    threshold: float
    nearest: float
    farthest: float

    @property
    def censored(self) -> bool:
        """Whether it may be longer: accuracy is still above the threshold at the range's end."""
        return self.value == self.farthest

    @property
    def rank(self) -> float:
        """A number to order spans by: 0 below the range, infinity beyond its end."""
        return math.inf if self.censored else (self.value or 0.0)

    def __str__(self) -> str:
        if self.value is None:
            return f"< {self.nearest:g}"
        return f"≥ {self.value:g}" if self.censored else f"{self.value:g}"


@dataclass(frozen=True)
class SeedCurve:
    """One trained model's accuracy at each distance."""

    architecture: str
    seed: int
    key: str
    converged: bool
    model: dict[str, Any]
    chance: float
    distances: tuple[float, ...]  # ascending
    accuracies: tuple[float, ...]

    @cached_property
    def auc(self) -> float | None:
        """Chance-corrected area under accuracy against log-distance; None below two distances."""
        return auc(self.distances, self.accuracies, self.chance)

    @property
    def accuracy(self) -> float:
        """Mean over the distances, each of equal weight."""
        return float(np.mean(self.accuracies))

    @property
    def change(self) -> float:
        """Accuracy at the farthest distance minus that at the nearest: negative where it drops."""
        return self.accuracies[-1] - self.accuracies[0]

    def span(self, threshold: float) -> Span:
        """Return the span at a threshold of plain accuracy."""
        return span(self.distances, self.accuracies, threshold)


@dataclass(frozen=True)
class SpanOverSeeds:
    """The median span over seeds, with the interval of a median, which lets spans be censored."""

    median: float  # infinite: beyond the range's end; 0: below its beginning
    interval: Interval | None  # None: too few seeds
    per_seed: tuple[Span, ...]

    def __str__(self) -> str:
        nearest, farthest = self.per_seed[0].nearest, self.per_seed[0].farthest
        if math.isinf(self.median):
            return f"≥ {farthest:g}"
        return f"{self.median:g}" if self.median >= nearest else f"< {nearest:g}"


@dataclass(frozen=True)
class Summary:
    """One architecture's long-range accuracy over its finished seeds."""

    architecture: str
    task: str
    seeds: int
    converged: int
    failed: tuple[str, ...]  # seeds without a result, in words
    span50: SpanOverSeeds
    span90: SpanOverSeeds
    auc: float | None
    auc_interval: Interval | None
    change: float
    change_interval: Interval | None
    solved: int  # seeds with a mean accuracy of SOLVED or more
    solved_interval: Interval | None
    curves: tuple[SeedCurve, ...]


def span(distances: Numbers, accuracies: Numbers, threshold: float) -> Span:
    """Return the longest distance such that all up to it are at or above ``threshold``."""
    points = sorted(zip(map(float, distances), map(float, accuracies), strict=True))
    reached: float | None = None
    for distance, accuracy in points:
        if accuracy < threshold:
            break
        reached = distance
    return Span(reached, threshold, points[0][0], points[-1][0])


def auc(distances: Numbers, accuracies: Numbers, chance: float) -> float | None:
    """Return the mean of (accuracy - chance) / (1 - chance) over log-distance, by trapezoids.

    1 is perfect and 0 is chance at every distance. It is not clipped at 0: that would turn the noise
    of guessing into skill. A distance of 0 has no logarithm and is left out; None below two others.
    """
    points = sorted((d, a) for d, a in zip(distances, accuracies, strict=True) if d > 0)
    if len(points) < 2:
        return None
    x = np.log([distance for distance, _ in points])
    y = (np.array([accuracy for _, accuracy in points]) - chance) / (1 - chance)
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def seed_curves(results: Results, task: str, slice_name: str = "distance") -> list[SeedCurve]:
    """Return every finished training cell's curve, in legend order and by seed."""
    chance = results.chance(task)
    rows = results.slices(task, slice_name)
    order = {name: place for place, name in enumerate(results.architectures)}
    curves = []
    for key, points in rows.groupby("key", sort=True):
        points = points.sort_values("value")
        first = points.iloc[0]
        curves.append(
            SeedCurve(
                architecture=str(first.architecture),
                seed=int(first.seed),
                key=str(key),
                converged=bool(first.converged),
                model=dict(first.model),
                chance=chance or 0.0,
                distances=tuple(points.value.astype(float)),
                accuracies=tuple(points.accuracy),
            )
        )
    return sorted(curves, key=lambda c: (order.get(c.architecture, len(order)), c.seed, c.key))


def summary(results: Results, task: str, slice_name: str = "distance") -> list[Summary]:
    """Return one row an architecture that has a finished seed, in legend order.

    All finished seeds are in it, converged or not: ``converged`` says how many were.
    """
    curves = seed_curves(results, task, slice_name)
    training = results.training(task)
    names = dict.fromkeys(curve.architecture for curve in curves)
    return [
        _summarise(
            name,
            task,
            tuple(curve for curve in curves if curve.architecture == name),
            training[(training.architecture == name) & (training.status != "ok")],
        )
        for name in names
    ]


def _summarise(
    architecture: str, task: str, curves: tuple[SeedCurve, ...], failed: pd.DataFrame
) -> Summary:
    areas = [curve.auc for curve in curves if curve.auc is not None]
    changes = [curve.change for curve in curves]
    solved = sum(curve.accuracy >= SOLVED for curve in curves)
    return Summary(
        architecture=architecture,
        task=task,
        seeds=len(curves),
        converged=sum(curve.converged for curve in curves),
        failed=tuple(
            f"seed {row.seed}: {str(row.status).replace('_', ' ')}" for row in failed.itertuples()
        ),
        span50=_over_seeds(curves, 0.5),
        span90=_over_seeds(curves, 0.9),
        auc=float(np.mean(areas)) if areas else None,
        auc_interval=mean_interval(areas, "seeds"),
        change=float(np.mean(changes)),
        change_interval=mean_interval(changes, "seeds"),
        solved=solved,
        solved_interval=wilson(solved, len(curves), "seeds"),
        curves=curves,
    )


def _over_seeds(curves: Sequence[SeedCurve], threshold: float) -> SpanOverSeeds:
    spans = tuple(curve.span(threshold) for curve in curves)
    ranks = sorted(one.rank for one in spans)
    # the lower middle: a median of censored values is itself one of them
    median = ranks[(len(ranks) - 1) // 2]
    return SpanOverSeeds(median, median_interval(ranks, "seeds"), spans)
