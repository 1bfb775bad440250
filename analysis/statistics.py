"""Intervals and tests over few points, each of which says what it covers.

Means of seeds get Student-t intervals: a percentile bootstrap over 3 to 5 seeds claims 95 % and covers
73 to 84 %. Tests are permutation tests, exact wherever all permutations can be counted out, and
Holm-corrected within a family of claims. Nothing here is random from one call to the next.
"""

import functools
import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8

MIN_SEEDS = 10
"""Seeds that a verdict needs."""

MIN_PAIRED_SEEDS = 12
"""Seeds that a verdict needs where pairs are compared."""

MIN_ROUNDS = 5
"""Rounds of a timing that a verdict on one device needs."""

Covers = Literal["seeds", "test examples", "sentences", "rounds", "sizes"]
"""What an interval is over: it says nothing of how other things vary."""

_PERMUTATIONS = 20_000  # up to so many are counted out one by one; of more, so many are drawn
_SEED = 20_170_612

Name = TypeVar("Name", bound=Hashable)
Numbers = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An interval around a point estimate."""

    low: float
    high: float
    level: float
    covers: Covers
    n: int  # points that it comes from

    def __str__(self) -> str:
        return f"{self.level:.0%} over {self.n} {self.covers}: {self.low:.3g} to {self.high:.3g}"

    def within(self, low: float, high: float) -> bool:
        """Whether all of it lies between two bounds."""
        return low <= self.low and self.high <= high


def mean_interval(values: Numbers, covers: Covers, level: float = LEVEL) -> Interval | None:
    """Return Student's t interval of the mean; None for fewer than two values."""
    array = _finite(values)
    if len(array) < 2:
        return None
    mean, half = float(array.mean()), _half_width(array, level)
    return Interval(mean - half, mean + half, level, covers, len(array))


def median_interval(values: Numbers, covers: Covers, level: float = LEVEL) -> Interval | None:
    """Return the interval of the median between two order statistics; None if there are too few.

    It asks for no distribution and lets values be infinite, so it suits censored spans. Below six
    values no such interval covers 95 %.
    """
    array = np.sort(np.asarray(values, dtype=float))
    if np.isnan(array).any():
        raise ValueError("a value is not a number")
    n = len(array)
    # coverage of [x_(k+1), x_(n-k)] is P(k < Binomial(n, 1/2) < n - k)
    k = int(stats.binom.ppf((1 - level) / 2, n, 0.5)) if n else 0
    while k > 0 and 2 * stats.binom.cdf(k - 1, n, 0.5) > 1 - level:
        k -= 1
    if k == 0:
        return None
    return Interval(float(array[k - 1]), float(array[n - k]), level, covers, n)


def wilson(successes: int, count: int, covers: Covers, level: float = LEVEL) -> Interval | None:
    """Return Wilson's score interval of a share (Wilson 1927); None for no trials."""
    if count == 0:
        return None
    result = stats.binomtest(successes, count).proportion_ci(level, method="wilson")
    return Interval(float(result.low), float(result.high), level, covers, count)


def sign_flip_test(values: Numbers, null: float = 0.0) -> float:
    """Return the two-sided p of the paired permutation test that ``values`` centre on ``null``.

    Under the null hypothesis a value is as likely to lie above as below. Exact up to 14 values.
    """
    array = _finite(values) - null
    if len(array) == 0:
        return 1.0
    if 2 ** len(array) <= _PERMUTATIONS:  # 350 times as fast as counting them out in scipy
        means, mean = _signs(len(array)) @ array / len(array), float(array.mean())
        rounding = 1e-12 * max(1.0, abs(mean))
        tails = (np.mean(means <= mean + rounding), np.mean(means >= mean - rounding))
        return min(1.0, 2 * float(min(tails)))
    result = stats.permutation_test(
        (array,),
        lambda x, axis=-1: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=_PERMUTATIONS,
        rng=np.random.default_rng(_SEED),
    )
    return float(result.pvalue)


def two_sample_test(one: Numbers, other: Numbers) -> float:
    """Return the two-sided p of the permutation test that two groups have the same mean.

    Exact while there are at most 20,000 ways to divide the values.
    """
    a, b = _finite(one), _finite(other)
    if len(a) < 1 or len(b) < 1 or len(a) + len(b) < 3:
        return 1.0
    result = stats.permutation_test(
        (a, b),
        lambda x, y, axis=-1: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        permutation_type="independent",
        vectorized=True,
        n_resamples=_PERMUTATIONS,
        rng=np.random.default_rng(_SEED),
    )
    return float(result.pvalue)


def student_test(values: Numbers, null: float = 0.0) -> float:
    """Return the two-sided p of Student's t test that the mean of ``values`` is ``null``.

    For rounds of a timing: repetitions of one thing, too few for a permutation test to say anything.
    """
    array = _finite(values) - null
    if len(array) < 2:
        return 1.0
    spread = float(array.std(ddof=1))
    if spread <= 1e-12 * max(1.0, float(np.abs(array).max())):
        return 0.0 if abs(float(array.mean())) > 1e-12 else 1.0
    t = float(array.mean()) / (spread / np.sqrt(len(array)))
    return float(2 * stats.t.sf(abs(t), len(array) - 1))


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Return p-values adjusted for the size of their family (Holm 1979), in the order given."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted: dict[Name, float] = {}
    largest = 0.0
    for place, name in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - place) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def smallest_detectable(values: Numbers, n: int | None = None) -> float | None:
    """Return the mean that ``n`` values with this spread would tell from 0 with a power of 80 %.

    ``n`` defaults to the number of values. None for fewer than two values.
    """
    array = _finite(values)
    points = n or len(array)
    if len(array) < 2 or points < 2:
        return None
    factor = stats.t.ppf(1 - ALPHA / 2, points - 1) + stats.t.ppf(POWER, points - 1)
    return float(factor * array.std(ddof=1) / np.sqrt(points))


@functools.cache
def _signs(n: int) -> NDArray[np.float64]:
    """Return all (2^n, n) ways to give ``n`` values a sign."""
    return np.array(list(itertools.product((1.0, -1.0), repeat=n)))


def _half_width(array: NDArray[np.float64], level: float) -> float:
    quantile = stats.t.ppf((1 + level) / 2, len(array) - 1)
    return float(quantile * array.std(ddof=1) / np.sqrt(len(array)))


def _finite(values: Numbers) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        raise ValueError("a value is infinite or not a number; leave it out, and say so")
    return array
