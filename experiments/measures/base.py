"""What a measure is: validated options, a version, and cells → outcomes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from experiments.cell import Cell
from experiments.record import Status
from experiments.store import Store

if TYPE_CHECKING:
    from experiments.tasks.base import Task


class Options(BaseModel):
    """Base of every measure's options."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a measure gives for one cell; the runner makes it a Record. The fields are the record's."""

    status: Status = "ok"
    reason: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    slices: list[dict[str, Any]] = field(default_factory=list)
    curves: dict[str, list[Any]] = field(default_factory=dict)
    rounds: list[float] = field(default_factory=list)
    trials: list[dict[str, Any]] = field(default_factory=list)
    sentences: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)  # what the measure adds: kernel class ...


Point = Callable[[str, float, float], None]
"""Told of one point of a curve while its cell still runs: the curve's name in the record, x, y."""


def no_point(name: str, x: float, y: float) -> None:
    """Tell nobody."""


Prune = Callable[[int, float], bool]
"""Told of every validation: its number, from 1, and the best score so far; whether to give up."""


def never(number: int, best: float) -> bool:
    """Go on to the end of the budget."""
    return False


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a measure may use besides its cell."""

    store: Store
    progress: Callable[[str], None] = lambda message: None  # one short line for the live display
    started: Callable[[Cell], None] = lambda cell: None  # now working on this cell: a death is its own
    point: Callable[[Cell, str, float, float], None] = lambda cell, name, x, y: None
    """A point of one of the cell's curves, live: the curve's name, x, y."""
    prune: Prune = never  # of a tuning trial


class Diverged(Exception):
    """Training gave a NaN or an infinity: a result, not a fault."""


class Measure:
    """Base of every measure. The class docstring's first line is its line in ``seqyard list``."""

    version: ClassVar[int] = 1
    Options: ClassVar[type[Options]] = Options
    exclusive: ClassVar[bool] = False  # True: its blocks run alone, with all threads
    needs_task: ClassVar[bool] = False  # True: the cell names a task and is trained on it
    trains: ClassVar[bool] = False  # True: the recipe is part of the cell
    hardware_bound: ClassVar[bool] = False  # True: the result holds for one device model (time, memory)

    @classmethod
    def accept(cls, task: "Task") -> None:
        """Refuse a task that cannot be measured so; asked before anything is planned.

        Raises:
            BadInput: why it cannot.
        """

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Measure one cell. Exceptions become statuses in the runner."""
        raise NotImplementedError

    def recorded(self, cell: Cell, context: Context) -> None:
        """Clear away what was kept for the case that the cell's record would not come to be."""

    def block(self, cells: Sequence[Cell], context: Context) -> Iterator[tuple[Cell, Outcome]]:
        """Measure cells one after the other; a timing measure overrides this to interleave them.

        A measure that overrides it catches what one competitor raises (experiments.outcomes.guarded),
        so that the others go on, and calls ``context.started(cell)`` whenever it turns to a cell, so
        that time limit and sudden death are counted against the right one.
        """
        from experiments.outcomes import guarded

        for cell in cells:
            context.started(cell)
            yield cell, guarded(self.one, cell, context)
