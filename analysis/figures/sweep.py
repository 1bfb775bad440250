"""A quantity against a size, one line a series: the shape that timing, memory and counts share."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Panel, failures, line, log_lengths, log_values, panel
from analysis.style import MUTED, Style, clip
from analysis.wording import superscript

SERIES = ["architecture", "part", "kernel"]
"""What one line stands for: an architecture, one of its layers, by one kernel class."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One panel: column ``y`` against column ``x``."""

    name: str
    title: str
    x: str
    y: str
    x_label: str
    y_label: str
    shown: Callable[[float], str]  # a value of y as text, for the axis
    low: str | None = None  # columns of the spread, drawn as a bar
    high: str | None = None
    log_y: bool = True
    size: Literal["half", "third", "full"] = "half"
    height: float = 3.2
    with_kernel: bool = True


def series(rows: pd.DataFrame, looks: dict[str, Style]) -> Iterator[tuple[str, Style, pd.DataFrame]]:
    """Yield (variant, look, rows) of every series, in legend order."""
    for architecture, look in looks.items():
        mine = rows[rows.architecture == architecture]
        for (part, kernel), group in mine.groupby(["part", "kernel"], sort=True):
            yield " · ".join(clip(str(word)) for word in (part, kernel) if word), look, group


def draw(
    sweep: Sweep,
    rows: pd.DataFrame,
    looks: dict[str, Style],
    *,
    suffix: Callable[[pd.DataFrame], str] = lambda rows: "",
    decorate: Callable[[Axes], None] = lambda axes: None,
) -> Panel:
    """Draw the panel. Rows whose status is not ``ok`` are marked at the top with their status."""
    return panel(
        sweep.name,
        sweep.title,
        partial(_points, sweep=sweep, rows=rows, looks=looks, suffix=suffix, decorate=decorate),
        size=sweep.size,
        height=sweep.height,
    )


def _points(
    axes: Axes,
    *,
    sweep: Sweep,
    rows: pd.DataFrame,
    looks: dict[str, Style],
    suffix: Callable[[pd.DataFrame], str],
    decorate: Callable[[Axes], None],
) -> None:
    parts = rows.groupby("architecture").part.nunique()
    kernels = rows.groupby(["architecture", "part"]).kernel.nunique()
    failed: list[tuple[float, str, Style]] = []
    seen: dict[str, int] = {}
    for _, look, mine in series(rows, looks):
        first = mine.iloc[0]
        ok = mine[(mine.status == "ok") & mine[sweep.y].notna()].sort_values(sweep.x)
        failed += [(row[sweep.x], row.status, look) for _, row in mine[mine.status != "ok"].iterrows()]
        if ok.empty:
            continue
        variant = seen.get(first.architecture, 0)
        seen[first.architecture] = variant + 1
        words = [look.label]
        if parts[first.architecture] > 1 and first.part:
            whole = first.part == first.architecture
            words.append("whole layer" if whole else clip(str(first.part).replace("_", " ")))
        several = kernels[(first.architecture, first.part)] > 1
        if first.kernel and (several or sweep.with_kernel):
            words.append(f"({clip(str(first.kernel))})")
        label = " ".join(words) + suffix(ok)
        hollow = {"markerfacecolor": "white", "linewidth": 1.2} if variant % 2 else {}
        fade = {"alpha": 0.55} if variant > 1 else {}
        if sweep.low and sweep.high:
            axes.vlines(ok[sweep.x], ok[sweep.low], ok[sweep.high], color=look.colour, lw=1, alpha=0.6)
        line(axes, list(ok[sweep.x]), list(ok[sweep.y]), look, label=label, **hollow, **fade)
    log_lengths(axes, rows[sweep.x].dropna(), sweep.x_label)
    if sweep.log_y:
        log_values(axes, sweep.y_label, sweep.shown)
    else:
        axes.set_ylim(bottom=0)
        axes.set_ylabel(sweep.y_label)
        axes.yaxis.set_major_formatter(lambda value, _: sweep.shown(value))
    decorate(axes)
    failures(axes, failed)


def slope_guides(axes: Axes, exponents: Sequence[float], size: str = "n") -> None:
    """Draw the theory's slopes as grey guides from the lower left, each with its exponent."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    for exponent in sorted(set(exponents)):
        if exponent <= 0:
            continue
        start = y0 * (y1 / y0) ** 0.03
        top = start * (x1 / x0) ** exponent
        end = x1 if top <= y1 else x0 * (y1 / start) ** (1 / exponent)
        axes.plot(
            [x0, end],
            [start, start * (end / x0) ** exponent],
            color=MUTED,
            lw=0.8,
            linestyle=(0, (1.5, 2)),
            zorder=0.5,
        )
        axes.annotate(
            f"∝ {size}{superscript(exponent) if exponent != 1 else ''}",
            (x0 * (end / x0) ** 0.82, start * (end / x0) ** (0.82 * exponent)),
            xytext=(3, -2),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=7.5,
            color=MUTED,
        )
    axes.set_xlim(x0, x1)
    axes.set_ylim(y0, y1)
