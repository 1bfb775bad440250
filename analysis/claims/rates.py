"""Which learning rates of a ladder train: the width of their range, from the trials of the records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.claims.variations import Configuration
from analysis.load import Results

FEWEST = 4
"""Learning rates of a ladder, at least."""

EVEN = 0.15
"""How far the steps of a ladder may differ, in decades, and still count as one step."""


@dataclass(frozen=True, eq=False)
class Ladder:
    """The validation scores of one configuration at each learning rate, seed by seed."""

    rates: tuple[float, ...]  # ascending
    scores: Mapping[int, Mapping[float, float]]  # seed -> rate -> score; a diverged rate is absent
    keys: Mapping[int, str]
    unfinished: tuple[str, ...]  # planned cells without a result, in words

    @cached_property
    def step(self) -> float:
        """Return the step of the ladder in decades."""
        return float(np.log10(self.rates[-1] / self.rates[0]) / (len(self.rates) - 1))

    def best(self) -> float | None:
        """Return the mean over seeds of the best rate's score; None if nothing ended."""
        tops = [max(scores.values()) for scores in self.scores.values() if scores]
        return float(np.mean(tops)) if tops else None

    def decades(self, seed: int, threshold: float) -> float:
        """Return how many decades of learning rates reach ``threshold``: rungs times the step."""
        return self.step * len(self.reached(seed, threshold))

    def reached(self, seed: int, threshold: float) -> list[float]:
        """Return the rates that reach ``threshold``, ascending."""
        return sorted(rate for rate, score in self.scores[seed].items() if score >= threshold)

    def at_the_end(self, threshold: float) -> bool:
        """Whether on half of the seeds or more an end of the ladder still trains: it is too short."""
        ends = {self.rates[0], self.rates[-1]}
        seeds = [bool(ends & set(self.reached(seed, threshold))) for seed in self.scores]
        return bool(seeds) and 2 * sum(seeds) >= len(seeds)


def is_ladder(rates: Sequence[float]) -> bool:
    """Whether so many learning rates, about equally far apart, can tell the width of a range."""
    if len(rates) < FEWEST:
        return False
    steps = np.diff(np.log10(np.sort(np.asarray(rates, dtype=float))))
    return bool(steps.max() - steps.min() <= EVEN)


def ladder(results: Results, of: Configuration, name: str) -> Ladder:
    """Return the scores of a configuration's trials; a cell that diverged at every rate has none."""
    rates = tuple(sorted(float(rate) for rate in of.recipe["learning_rates"]))
    scores: dict[int, dict[float, float]] = {}
    for seed, status in of.statuses(results).items():
        if status not in ("ok", "diverged"):
            continue
        trials = results.records[of.keys[seed]].trials
        scores[seed] = {
            float(trial["learning_rate"]): float(trial["validation"])
            for trial in trials
            if trial["status"] == "ok" and trial["validation"] is not None
        }
    waiting = tuple(words for words in of.unfinished(results, name) if " diverged " not in words)
    return Ladder(rates, scores, {seed: of.keys[seed] for seed in scores}, waiting)


def threshold(ladders: Sequence[Ladder], chance: float) -> float | None:
    """Return the score halfway between chance and the best that any of them reaches on average."""
    tops = [top for one in ladders if (top := one.best()) is not None]
    return (chance + max(tops)) / 2 if tops else None
