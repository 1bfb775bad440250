"""What a figure is: panels as SVG text, the data behind them, and the cells they came from."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Literal

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from analysis.style import BAD, MUTED, RC, Style
from analysis.wording import number
from experiments.cell import digest

_WIDTH = {"half": 4.9, "third": 3.5, "full": 7.4}  # inches; the page scales a panel to its column
_ROOMY, _LEGEND_ROW = 6, 0.18  # rows of a legend that fit under a chart; inches a row
_GROUP_ID = re.compile(r'(<g) id="[^"]*"')
_HEAD = re.compile(r"^.*?<svg[^>]*viewBox=\"([^\"]*)\"[^>]*>", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)


@dataclass(frozen=True)
class Panel:
    """One chart: a whole ``<svg>`` element, with a title that a screen reader says."""

    name: str
    title: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels that answer one thing together."""

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    data: pd.DataFrame  # what is drawn, as numbers
    keys: tuple[str, ...]  # of the records behind it
    size: Literal["half", "third", "full"] = "half"


def panel(
    name: str,
    title: str,
    draw: Callable[[Axes], None],
    *,
    size: Literal["half", "third", "full"] = "half",
    height: float = 3.2,
    legend: bool = True,
) -> Panel:
    """Draw one chart and return it as SVG: byte for byte the same whenever the records are."""
    with mpl.rc_context({**RC, "svg.hashsalt": name}):
        canvas = Canvas(figsize=(_WIDTH[size], height), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.add_subplot()
        axes.set_title(title, pad=8)
        draw(axes)
        handles, labels = axes.get_legend_handles_labels()
        if legend and labels:
            columns = _columns(labels, _WIDTH[size])
            below = -(-len(labels) // columns) - _ROOMY
            if below > 0:  # a long legend must not take the chart's own room
                canvas.set_figheight(height + below * _LEGEND_ROW)
            canvas.legend(handles, labels, loc="outside lower left", ncols=columns)
        text = StringIO()
        canvas.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return Panel(file_name(name), title, _inline(text.getvalue(), title))


def file_name(name: str) -> str:
    """Return a name that is safe as a file's: unlike names stay unlike."""
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:120]
    return name if safe == name else f"{safe}-{digest(name)[:6]}"


def _columns(labels: Sequence[str], inches: float) -> int:
    """Return how many legend entries fit side by side (0.066 inches a letter, 0.55 a handle)."""
    widest = max(len(label) for label in labels) * 0.066 + 0.55
    return max(1, min(len(labels), int(inches / widest)))


def _inline(svg: str, title: str) -> str:
    """Strip what only a file of its own needs; scale to the page; name the chart for screen readers."""
    svg = _GROUP_ID.sub(r"\1", _METADATA.sub("", svg))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="\\1" role="img" aria-label="{escape(title)}">'.replace("\\1", "{box}")
    )
    found = _HEAD.match(svg)
    assert found is not None, "matplotlib writes a viewBox"
    return head.replace("{box}", found[1]) + svg[found.end() :].rstrip()


# Axes ------------------------------------------------------------------------------------------------


def log_lengths(axes: Axes, values: Iterable[float], label: str, most: int = 7) -> None:
    """Make x logarithmic with ticks at the measured lengths or distances themselves."""
    ticks = sorted({float(value) for value in values if value > 0})
    axes.set_xscale("log", base=2)
    step = -(-len(ticks) // most) or 1
    shown: list[float] = []
    for tick in ticks[::-1][::step]:  # the largest always carries its number
        if not shown or shown[0] / tick >= (ticks[-1] / ticks[0]) ** (1 / (most + 2)):
            shown.insert(0, tick)
    axes.set_xticks(shown, [number(tick) for tick in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)


def log_values(axes: Axes, label: str, shown: Callable[[float], str]) -> None:
    """Make y logarithmic with ticks in readable units."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    subs = (1.0, 2.0, 5.0) if high / max(low, 1e-300) < 200 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=subs, numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(label)


def line(axes: Axes, x: Sequence[float], y: Sequence[float], style: Style, **extra: object) -> None:
    """Draw one architecture's line with its colour, marker and line style."""
    look: dict[str, object] = {
        "color": style.colour,
        "marker": style.marker,
        "linestyle": style.line,
        "label": style.label,
    }
    axes.plot(x, y, **{**look, **extra})  # type: ignore[arg-type]


def failures(axes: Axes, points: Sequence[tuple[float, str, Style]]) -> None:
    """Mark cells that gave no number at the top edge, each with its status."""
    if not points:
        return
    low, high = axes.get_ylim()
    room = (high / low) ** 0.18 if axes.get_yscale() == "log" else 1.15
    axes.set_ylim(low, high * room)
    for place, (x, status) in enumerate(sorted({(x, status) for x, status, _ in points})):
        axes.annotate(
            status.replace("_", " "),
            (x, 0.985),
            xycoords=("data", "axes fraction"),
            xytext=(-8, -9 * (place % 2)),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7,
            color=BAD,
        )
    for x, _, style in points:
        axes.plot(
            [x],
            [0.985],
            transform=axes.get_xaxis_transform(),
            marker="x",
            markersize=7,
            markeredgewidth=1.8,
            color=style.colour,
            clip_on=False,
        )


def level(axes: Axes, y: float, text: str) -> None:
    """Draw a horizontal line that everything is compared with: chance, a threshold."""
    axes.axhline(y, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        text,
        (0.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=7.5,
        color=MUTED,
        va="bottom",
    )
