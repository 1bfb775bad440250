"""What one comparison of a quantity in two stores says."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics import ALPHA, LEVEL, Numbers, holm, sign_flip_test, two_sample_test

SAME, CHANGED, NOISE, FEW = "the same", "changed", "within noise", "too few to tell"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One quantity of one architecture, in a store A and in a store B."""

    kind: str  # scores, times, counts
    what: str  # in words: "recall, test"
    architecture: str
    before: float | None
    after: float | None
    outcome: str
    interval: tuple[float, float] | None = None  # of after - before; of a ratio, after / before
    p_value: float | None = None
    adjusted_p: float | None = None  # Holm's, over the comparisons of a kind
    points: tuple[int, int] = (0, 0)  # seeds or rounds in A and in B
    covers: str = "seeds"
    note: str = ""


def difference(
    one: Numbers, other: Numbers, *, paired: bool
) -> tuple[tuple[float, float] | None, float | None]:
    """Return the interval of mean(other) - mean(one) and its p: Student's t paired, or Welch's.

    Where neither side varies there is no interval, and p is that of the permutation test. None below
    two values on a side, or where so few that do not vary could not be told apart whatever they are.
    """
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if len(a) < 2 or len(b) < 2:
        return None, None
    if paired:
        gaps = b - a
        if _alike(gaps):
            return None, _told_apart(sign_flip_test(gaps), float(gaps[0]))
        result: Any = stats.ttest_1samp(gaps, 0.0)
    else:
        if _alike(a) and _alike(b):
            return None, _told_apart(two_sample_test(a, b), float(b[0] - a[0]))
        result = stats.ttest_ind(b, a, equal_var=False)
    interval = result.confidence_interval(LEVEL)
    return (float(interval.low), float(interval.high)), float(result.pvalue)


def _alike(values: NDArray[np.float64]) -> bool:
    """Whether values differ by rounding alone, of which no test can be made."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())))


def _told_apart(p_value: float, gap: float) -> float | None:
    return p_value if p_value <= ALPHA or not gap else None


def judged(changes: Iterable[Change]) -> list[Change]:
    """Return the changes with their p-values corrected together, and what follows from them."""
    listed = list(changes)
    tested = {i: c.p_value for i, c in enumerate(listed) if c.p_value is not None}
    adjusted = holm(tested)
    return [
        change
        if i not in adjusted
        else replace(
            change,
            adjusted_p=adjusted[i],
            outcome=CHANGED if adjusted[i] <= ALPHA else NOISE,
        )
        for i, change in enumerate(listed)
    ]


def as_ratio(change: Change) -> Change:
    """Return a change of logarithms as one of ratios."""
    low_high = change.interval
    return replace(
        change,
        before=None if change.before is None else math.exp(change.before),
        after=None if change.after is None else math.exp(change.after),
        interval=None if low_high is None else (math.exp(low_high[0]), math.exp(low_high[1])),
    )
