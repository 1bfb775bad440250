"""How a quantity grows with a size, at the large end: the slope on logarithmic axes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

LARGE_END = 3
"""The exponent is that of the largest three sizes: fits over all sizes hide that slopes bend."""


@dataclass(frozen=True, kw_only=True)
class Exponent:
    """A slope with its 95 % interval over timing rounds (none for counts, which have no noise)."""

    value: float
    low: float | None
    high: float | None
    first: float  # the range of sizes that it holds for
    last: float
    rounds: int
    local: float  # slope between the two largest sizes
    keys: tuple[str, ...]


def slope(sizes: ArrayLike, values: ArrayLike) -> float:
    """Return the least-squares slope of log ``values`` against log ``sizes``."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def exponent(rows: pd.DataFrame, x: str, y: str) -> Exponent | None:
    """Fit ``y`` against ``x`` over the largest sizes of one series; None with fewer than two.

    ``rows`` has one row a size, and raw ``times`` where it was timed: the slope of every round is
    fitted apart, and the interval is Student's over rounds. It says nothing about other machines.
    """
    usable = rows[(rows.status == "ok") & (rows[y] > 0) & (rows[x] > 0)].sort_values(x)
    usable = usable.drop_duplicates(x, keep="last").tail(LARGE_END)
    if len(usable) < 2:
        return None
    sizes, values = usable[x].to_numpy(float), usable[y].to_numpy(float)
    rounds = min(len(times) for times in usable.times)
    low = high = None
    if rounds > 1:
        slopes = [slope(sizes, [times[i] for times in usable.times]) for i in range(rounds)]
        half = stats.t.ppf(0.975, rounds - 1) * np.std(slopes, ddof=1) / np.sqrt(rounds)
        low, high = float(np.mean(slopes) - half), float(np.mean(slopes) + half)
    value = slope(sizes, values)
    return Exponent(
        value=value,
        low=None if low is None else min(low, value),
        high=None if high is None else max(high, value),
        first=float(sizes[0]),
        last=float(sizes[-1]),
        rounds=rounds,
        local=slope(sizes[-2:], values[-2:]),
        keys=tuple(usable.key),
    )


def one_width(rows: pd.DataFrame, x: str) -> pd.DataFrame:
    """Return the sweep over ``x`` ("n" or "width"), at the value of the other with most sizes."""
    fixed = "width" if x == "n" else "n"
    if rows.empty:
        return rows
    counts = rows.groupby(fixed)[x].nunique()
    return rows[rows[fixed] == counts.idxmax()]
