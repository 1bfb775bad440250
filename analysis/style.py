"""How an architecture looks: one colour, marker and line each, by legend order, and its shown name.

The colours are Okabe and Ito's (2008) and two of Tol's, told apart with any colour vision; markers
and line styles say the same thing again, for print in grey.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

INK = "#1c2430"
MUTED = "#667085"
GRID = "#e3e7ee"
BAD = "#b42318"

_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#aa4499", "#b8860b", "#3a9bd4", "#5b5b5b", "#882255")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
_LINES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1.2, 1.5)),
)
_ACRONYMS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "cnn": "CNN", "transformer": "Transformer"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 32

RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#98a2b3",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.7,
    "lines.markersize": 4.5,
    "text.color": INK,
    "text.parse_math": False,  # a name with a dollar sign is a name
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
}
"""Matplotlib settings of every chart; text stays text, so that it can be read out and searched."""


@dataclass(frozen=True)
class Style:
    """The look of one architecture."""

    label: str
    colour: str
    marker: str
    line: str | tuple[int, tuple[float, ...]]


def styles(architectures: Iterable[str]) -> dict[str, Style]:
    """Return the look of each architecture, in legend order."""
    ordered = list(architectures)
    labels = shown_names(ordered)
    return {
        name: Style(
            label=labels[name],
            colour=_COLOURS[place % len(_COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)],
            line=_LINES[(place + place // len(_COLOURS)) % len(_LINES)],
        )
        for place, name in enumerate(ordered)
    }


def shown_names(architectures: Iterable[str]) -> dict[str, str]:
    """Return short names: ``attentional_lstm`` → ``attentional LSTM``, ``a.b:Mine`` → ``Mine``.

    Where two short names would be alike, both keep their full name.
    """
    ordered = list(architectures)
    short = {name: short_name(name) for name in ordered}
    return {
        name: text if list(short.values()).count(text) == 1 else clip(name)
        for name, text in short.items()
    }


def short_name(architecture: str) -> str:
    """Return one architecture's name as a person writes it."""
    if ":" in architecture:
        return clip(architecture.rpartition(":")[2] or architecture)
    words = [_ACRONYMS.get(word, word) for word in architecture.split("_")]
    return clip(" ".join(words))


def clip(text: str, longest: int = _LONGEST) -> str:
    """Return ``text`` on one line, without control characters, and not longer than ``longest``."""
    clean = _CONTROL.sub(" ", text)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
