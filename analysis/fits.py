"""How a quantity grows with a size: exponents on logarithmic axes, and where two curves cross.

Slopes on logarithmic axes bend, so a fit over all sizes is shown with its local slopes, and the one
that is held against theory is that of the large end. Where raw timing rounds exist, the slope of each
round is fitted apart and the interval is over rounds: one device on one day, nothing else.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.load import Results
from analysis.statistics import LEVEL, Interval, Numbers, mean_interval

LARGE_END = 3
"""The large end is the largest three sizes."""

OUT_OF_MEMORY = "out_of_memory"

Axis = Literal["n", "d"]


@dataclass(frozen=True)
class Exponent:
    """The slope of log y against log size."""

    value: float  # over all sizes, least squares
    interval: Interval | None  # Student's, of that fit: scatter of the sizes around one line
    large_end: float  # slope over the largest sizes; of rounds their mean
    large_end_interval: Interval | None  # over rounds, where there are any
    large_end_rounds: tuple[float, ...]  # that slope, round by round
    local: tuple[tuple[float, float, float], ...]  # (size, next size, slope between them)
    sizes: tuple[float, ...]

    @property
    def large_sizes(self) -> tuple[float, ...]:
        """The sizes of the large end."""
        return self.sizes[-LARGE_END:]


@dataclass(frozen=True)
class Series:
    """One layer's growth with one size, the other size fixed."""

    architecture: str
    part: str
    kernel: str  # the class that ran, or that was asked for
    attention: str  # the kernel of attention that was asked for: "explicit", "fused", or ""
    over: Axis
    fixed: float  # the value of the other size
    rows: pd.DataFrame  # the cells, failed ones included, by size
    exponent: Exponent | None  # None with fewer than two usable sizes

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the cells behind it."""
        return tuple(self.rows.key)

    @property
    def unfinished(self) -> list[str]:
        """What became of the cells that are not finished, in words."""
        return self._told(~self.rows.status.isin(["ok", OUT_OF_MEMORY]))

    @property
    def did_not_fit(self) -> list[str]:
        """Which sizes were out of memory, in words: a result, where a sweep may end."""
        return self._told(self.rows.status == OUT_OF_MEMORY)

    def _told(self, chosen: "pd.Series[bool]") -> list[str]:
        failed = self.rows[chosen]
        return [
            f"{self.over} = {getattr(row, self.over):g}: {str(row.status).replace('_', ' ')}"
            for row in failed.itertuples()
        ]


def log_log(
    sizes: Numbers, values: Numbers, rounds: Sequence[Sequence[float]] | None = None
) -> Exponent | None:
    """Fit the slope of log ``values`` against log ``sizes``, both positive; None below two sizes.

    ``rounds`` holds the raw repetitions of each size, the i-th of all sizes measured together.
    """
    order = np.argsort(np.asarray(sizes, dtype=float))
    x, y = np.asarray(sizes, dtype=float)[order], np.asarray(values, dtype=float)[order]
    if len(x) < 2 or len(np.unique(x)) < len(x) or (x <= 0).any() or not (y > 0).all():
        return None
    log_x, log_y = np.log(x), np.log(y)
    end = slice(-LARGE_END, None)
    per_round: tuple[float, ...] = ()
    if rounds is not None:
        kept = [rounds[i] for i in order][end]
        common = min(len(times) for times in kept)
        per_round = tuple(
            _slope(log_x[end], np.log([times[i] for times in kept])) for i in range(common)
        )
    return Exponent(
        value=_slope(log_x, log_y),
        interval=_slope_interval(log_x, log_y),
        large_end=float(np.mean(per_round)) if per_round else _slope(log_x[end], log_y[end]),
        large_end_interval=mean_interval(per_round, "rounds") if len(per_round) > 1 else None,
        large_end_rounds=per_round,
        local=tuple(
            (float(x[i]), float(x[i + 1]), _slope(log_x[i : i + 2], log_y[i : i + 2]))
            for i in range(len(x) - 1)
        ),
        sizes=tuple(float(size) for size in x),
    )


def exponents(
    results: Results,
    measure: str,
    over: Axis = "n",
    *,
    comparison: str | None = None,
    architecture: str | None = None,
    part: str | None = None,
) -> list[Series]:
    """Return the growth of every layer that was measured, in legend order.

    The other size is fixed at its value with most sizes. The timed cells of one sweep are those of
    one block: times of different blocks are not compared.
    """
    if measure == "step_time" and comparison is None:
        comparison = "fixed_batch"
    frame = results.sizes(measure, architecture=architecture, part=part, comparison=comparison)
    order = {name: place for place, name in enumerate(results.architectures)}
    groups = frame.groupby(["architecture", "part", "asked", "attention"], sort=False)
    found = [_series(rows, key, over, timed=measure == "step_time") for key, rows in groups]
    return sorted(found, key=lambda s: (order.get(s.architecture, len(order)), s.part, s.kernel))


def one_block(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the block with most finished cells: times compare within a block only."""
    if frame.empty:
        return frame
    finished = (frame.status == "ok").groupby(frame.block).sum()
    return frame[frame.block == finished.sort_index().idxmax()]


def _series(rows: pd.DataFrame, key: Hashable, over: Axis, *, timed: bool) -> Series:
    assert isinstance(key, tuple)
    architecture, part, asked, attention = (str(value) for value in key)
    fixed_axis = "d" if over == "n" else "n"
    counts = rows.groupby(fixed_axis)[over].nunique()
    fixed = float(counts.index.to_numpy(float)[counts.to_numpy().argmax()])
    rows = one_block(rows[rows[fixed_axis] == fixed]) if timed else rows[rows[fixed_axis] == fixed]
    rows = rows.drop_duplicates(over).sort_values(over)
    usable = rows[(rows.status == "ok") & (rows.value > 0)]
    repeated = len(usable) > 0 and all(len(times) > 1 for times in usable.rounds)
    ran = sorted({kernel for kernel in usable.kernel if kernel})
    return Series(
        architecture=architecture,
        part=part,
        kernel=" / ".join(ran) or attention or asked,
        attention=attention,
        over=over,
        fixed=fixed,
        rows=rows,
        exponent=log_log(
            usable[over].to_numpy(float),
            usable.value.to_numpy(float),
            list(usable.rounds) if repeated else None,
        ),
    )


@dataclass(frozen=True)
class Crossover:
    """The size from which ``one`` is dearer than ``other``, between measured sizes."""

    value: float | None  # None: not within the measured range
    side: Literal["within", "always cheaper", "never cheaper"]  # of ``one``, in the measured range
    first: float
    last: float
    crossings: int  # how often the order changes: more than one is noise, or no simple crossover

    def __str__(self) -> str:
        if self.value is not None:
            return f"{self.value:,.0f}"
        words = "cheaper" if self.side == "always cheaper" else "dearer"
        return f"not within the measured range: {words} from {self.first:,.0f} to {self.last:,.0f}"


def crossover(sizes: Numbers, one: Numbers, other: Numbers) -> Crossover | None:
    """Interpolate, on logarithmic axes, the size from which ``one`` stays dearer than ``other``.

    All three are positive and of one length. None without any size.
    """
    order = np.argsort(np.asarray(sizes, dtype=float))
    x = np.asarray(sizes, dtype=float)[order]
    if len(x) == 0:
        return None
    gap = (np.log(np.asarray(one, dtype=float)) - np.log(np.asarray(other, dtype=float)))[order]
    dearer = gap > 0
    changes = np.flatnonzero(dearer[1:] != dearer[:-1])
    first, last = float(x[0]), float(x[-1])
    if not dearer[-1]:  # cheaper at the end: if it crosses to stay dearer, it does so beyond
        return Crossover(None, "always cheaper", first, last, len(changes))
    if len(changes) == 0:
        return Crossover(None, "never cheaper", first, last, 0)
    i = int(changes[-1])
    share = gap[i] / (gap[i] - gap[i + 1])
    value = float(np.exp(np.log(x[i]) + share * (np.log(x[i + 1]) - np.log(x[i]))))
    return Crossover(value, "within", first, last, len(changes))


def _slope(log_x: NDArray[np.float64], log_y: NDArray[np.float64]) -> float:
    centred = log_x - log_x.mean()
    return float((centred * log_y).sum() / (centred**2).sum())


def _slope_interval(log_x: NDArray[np.float64], log_y: NDArray[np.float64]) -> Interval | None:
    if len(log_x) < 3:
        return None
    fit = stats.linregress(log_x, log_y)
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(log_x) - 2) * fit.stderr)
    return Interval(float(fit.slope) - half, float(fit.slope) + half, LEVEL, "sizes", len(log_x))
