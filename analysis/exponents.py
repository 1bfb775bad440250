"""How a quantity grows with a size, at the large end: the slope on logarithmic axes."""

from dataclasses import dataclass

import pandas as pd

from analysis.fits import LARGE_END, log_log


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


def exponent(rows: pd.DataFrame, x: str, y: str) -> Exponent | None:
    """Fit ``y`` against ``x`` over the largest sizes of one series; None with fewer than two.

    ``rows`` has one row a size, and raw ``times`` where it was timed: see analysis.fits.log_log.
    """
    usable = rows[(rows.status == "ok") & (rows[y] > 0) & (rows[x] > 0)].sort_values(x)
    usable = usable.drop_duplicates(x, keep="last")
    timed = len(usable) > 0 and all(len(times) > 1 for times in usable.times)
    fit = log_log(
        usable[x].to_numpy(float),
        usable[y].to_numpy(float),
        list(usable.times) if timed else None,
    )
    if fit is None:
        return None
    interval = fit.large_end_interval
    return Exponent(
        value=fit.large_end,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        first=fit.large_sizes[0],
        last=fit.large_sizes[-1],
        rounds=len(fit.large_end_rounds),
        local=fit.local[-1][2],
        keys=tuple(usable.key.tail(LARGE_END)),
    )


def one_width(rows: pd.DataFrame, x: str) -> pd.DataFrame:
    """Return the sweep over ``x`` ("n" or "width"), at the value of the other with most sizes."""
    fixed = "width" if x == "n" else "n"
    if rows.empty:
        return rows
    counts = rows.groupby(fixed)[x].nunique()
    return rows[rows[fixed] == counts.idxmax()]
