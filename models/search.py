"""What may be tuned, as plain data: one source for tuning, W&B sweep files and the docs. No torch.

A space maps dotted names, as ``--set`` has them, to a `Range` or a `Choice`: ``recipe.learning_rate``
(which becomes ``learning_rates``, with this one rate), ``recipe.warmup_steps``, ``model.dropout`` ...
Every architecture has the common part (`common_space`) and its own, which stands in its own file
(``Seq2Seq.own_search_space``).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import BadInput, nearest

EDGE = 0.05
"""A value in the outer so much of its range lies at the edge: the best may lie beyond."""

LONGEST_WARMUP = 4000
"""Steps of Vaswani et al. 2017, section 5.3."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included.

    Raises:
        BadInput: the range is empty, or it is logarithmic and begins at 0 or below.
    """

    low: float
    high: float
    log: bool = False  # uniform in the logarithm
    integer: bool = False
    why: str = ""  # for the documentation

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise BadInput(f"range {self.low:g} to {self.high:g}: low must be less than high.")
        if self.log and self.low <= 0:
            raise BadInput(f"range {self.low:g} to {self.high:g}: a logarithm needs more than 0.")
        if self.integer and not (self.low == int(self.low) and self.high == int(self.high)):
            raise BadInput(f"range {self.low:g} to {self.high:g}: integer ends for integers.")

    def position(self, value: float) -> float:
        """Return where ``value`` lies, from 0 at ``low`` to 1 at ``high``, on the range's scale."""
        scale = math.log if self.log else float
        low, high = scale(self.low), scale(self.high)
        return (scale(value) - low) / (high - low)

    def edge(self, value: float) -> str | None:
        """Return ``"low"`` or ``"high"`` where ``value`` is within 5 % of that end, else None."""
        place = self.position(value)
        return "low" if place <= EDGE else "high" if place >= 1 - EDGE else None

    def contains(self, value: Any) -> bool:
        """Return whether ``value`` is a number of this range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and (not self.integer or value == int(value))

    def extremes(self) -> tuple[float, ...]:
        """Return both ends, of their type."""
        kind = int if self.integer else float
        return kind(self.low), kind(self.high)

    @property
    def scale(self) -> str:
        """Return the scale in words."""
        return ("logarithmic" if self.log else "linear") + (", integers" if self.integer else "")

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of some values.

    Raises:
        BadInput: there are fewer than two, or one occurs twice.
    """

    values: tuple[Any, ...]
    why: str = ""

    def __post_init__(self) -> None:
        if len(self.values) < 2 or len(set(map(repr, self.values))) < len(self.values):
            raise BadInput(f"choice of {list(self.values)}: at least two values, each once.")

    def edge(self, value: Any) -> None:
        """Return None: there is no end."""

    def contains(self, value: Any) -> bool:
        """Return whether ``value`` is one of these."""
        return value in self.values

    def extremes(self) -> tuple[Any, ...]:
        """Return all values."""
        return self.values

    @property
    def scale(self) -> str:
        """Return the scale in words."""
        return "one of them"

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


Space = dict[str, Range | Choice]
"""Dotted name -> what it may be."""

Point = Mapping[str, Any]
"""Dotted name -> one value."""


def common_space(steps: int) -> Space:
    """Return what is tuned for every architecture, where training takes at most ``steps``."""
    warm = max(2, min(LONGEST_WARMUP, steps // 4))
    return {
        "recipe.learning_rate": Range(1e-4, 3e-2, log=True, why="matters most (Greff et al. 2017)"),
        "recipe.warmup_steps": Range(
            max(1, warm // 50),
            warm,
            log=True,
            integer=True,
            why="to a quarter of the steps, at most the 4,000 of Vaswani et al. 2017, section 5.3",
        ),
        "recipe.weight_decay": Range(
            1e-5, 0.1, log=True, why="decoupled from the gradient (Loshchilov and Hutter 2019)"
        ),
        "model.dropout": Range(0.0, 0.5, why="Srivastava et al. 2014; Zaremba et al. 2014"),
    }


def check_space(space: Space, fields: Mapping[str, Iterable[str]]) -> None:
    """Refuse names that are no option; ``fields`` has the options of each part.

    Raises:
        BadInput: the name, and the nearest valid one.
    """
    for name in space:
        part, _, key = name.partition(".")
        if part not in fields:
            raise BadInput(f"search space: unknown part of '{name}'.{nearest(part, fields)}")
        known = [*fields[part], *(["learning_rate"] if part == "recipe" else [])]
        if key not in known:
            raise BadInput(f"search space: unknown name '{name}'.{nearest(key, known)}")


def settings(point: Point) -> dict[str, dict[str, Any]]:
    """Return a point as part -> key -> value, as the options of a cell are written."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in point.items():
        part, _, key = name.partition(".")
        if name == "recipe.learning_rate":
            key, value = "learning_rates", [value]
        found.setdefault(part, {})[key] = value
    return found


def corners(space: Space) -> list[dict[str, Any]]:
    """Return points at every end and value of the space: each dimension in turn, the others first."""
    base = {name: dimension.extremes()[0] for name, dimension in space.items()}
    return [
        {**base, name: value} for name, dimension in space.items() for value in dimension.extremes()
    ]


def table(spaces: Mapping[str, Space]) -> str:
    """Return the spaces of some architectures as a Markdown table: each dimension, and whose it is."""
    lines = ["| name | values | scale | tuned for | source |", "| --- | --- | --- | --- | --- |"]
    seen: dict[str, tuple[Range | Choice, list[str]]] = {}
    for owner, space in spaces.items():
        for name, dimension in space.items():
            seen.setdefault(f"{name} {dimension}", (dimension, []))[1].append(owner)
    for label, (dimension, owners) in seen.items():
        whose = "all" if len(owners) == len(spaces) else ", ".join(owners)
        name = label.partition(" ")[0]
        lines.append(f"| `{name}` | {dimension} | {dimension.scale} | {whose} | {dimension.why} |")
    return "\n".join(lines)
