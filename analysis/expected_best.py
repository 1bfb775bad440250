"""The best validation score to expect of n trials: Dodge et al. 2019, "Show Your Work".

Of N trials with the scores V, let n be drawn with replacement. The best of them is at most v with the
probability (share of V at most v)^n, from which follow its mean and variance. Drawing with replacement
makes the mean too low where n comes near N (Tang et al. 2020, "Showing Your Work Doesn't Always Work"),
and trials of a sampler that learns are not independent: the curve describes the trials that were made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Expected:
    """Mean and standard deviation of the best of ``trials``."""

    trials: int
    mean: float
    deviation: float


def expected_best(scores: Sequence[float], *, larger_is_better: bool = True) -> list[Expected]:
    """Return the expected best of 1, 2 ... N of these N scores.

    Raises:
        ValueError: there is no score, or one is not finite.
    """
    values = np.sort(np.asarray(scores, dtype=float))
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("expected_best needs finite scores")
    if not larger_is_better:
        # the smallest is the largest of the negated
        found = expected_best(list(-values))
        return [Expected(each.trials, -each.mean, each.deviation) for each in found]
    N = len(values)
    up_to = np.arange(N + 1) / N
    expected = []
    for n in range(1, N + 1):
        chances = np.diff(up_to**n)  # of each score to be the best; equal scores share theirs
        mean = float(chances @ values)
        variance = float(chances @ (values - mean) ** 2)
        expected.append(Expected(n, mean, variance**0.5))
    return expected


def best_so_far(scores: Sequence[float], *, larger_is_better: bool = True) -> list[float]:
    """Return the best of the first 1, 2 ... N scores, in the order in which they came."""
    take = np.maximum if larger_is_better else np.minimum
    return [float(value) for value in take.accumulate(np.asarray(scores, dtype=float))]
