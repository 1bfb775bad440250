"""Run one block: cells in, records written. Used inside a worker process."""

import errno
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from experiments import environment
from experiments.cell import Block, Cell
from experiments.measures import ENTRY_POINTS, MEASURES
from experiments.measures.base import Context, Measure, Outcome, Prune, never
from experiments.outcomes import outcome_of
from experiments.record import Record
from experiments.store import Store
from models.errors import BadInput
from models.lookup import find

NOT_AGAIN = ("killed", "timed_out", "skipped")
"""Statuses that end a cell for good, even where its block is measured again."""


def find_measure(name: str) -> type[Measure]:
    """Return the measure class called ``name``.

    Raises:
        BadInput: there is none, or it is not a measure; the message names the nearest.
    """
    found = find(name, MEASURES, ENTRY_POINTS, "measure")
    if not (isinstance(found, type) and issubclass(found, Measure)):
        raise BadInput(
            f"measure '{name}': {found!r} is not a subclass of experiments.measures.base.Measure."
        )
    return found


def cells_to_run(block: Block, store: Store) -> list[Cell]:
    """Return the cells of a block that are still to be measured.

    A comparison holds within one block only, so an exclusive block of which anything is missing is
    measured again as a whole, except for what killed a worker, ran out of time or was cancelled.
    """
    missing = [cell for cell in block.cells if not store.has(cell.key)]
    if not missing or not block.exclusive:
        return missing
    return [
        cell
        for cell in block.cells
        if not store.has(cell.key) or store.read(cell.key).status not in NOT_AGAIN
    ]


def run_block(
    block: Block,
    store: Store,
    *,
    progress: Callable[[str], None] = lambda message: None,
    started: Callable[[Cell], None] = lambda cell: None,
    point: Callable[[Cell, str, float, float], None] = lambda cell, name, x, y: None,
    prune: Prune = never,
) -> Iterator[Record]:
    """Measure what is missing of a block; yield each record after it is on disk.

    Raises:
        BadInput: a cell asks for something that cannot be.
        OSError: a record could not be written, or the disk filled up while a cell ran.
    """
    cells = cells_to_run(block, store)
    if block.exclusive:
        for cell in cells:  # else a second interruption could leave records of two comparisons
            store.path(cell.key).unlink(missing_ok=True)
    for name, group in groupby(cells, key=lambda cell: cell.measure):
        clock = Clock(started)
        context = Context(
            store=store, progress=progress, started=clock.turn_to, point=point, prune=prune
        )
        measure = find_measure(name)()
        for cell, outcome in _outcomes(measure, list(group), context):
            if "No space left on device" in outcome.reason:  # the disk's fault, not a result
                raise OSError(errno.ENOSPC, "No space left on device")
            clock.stop()
            record = make_record(
                cell,
                block,
                outcome,
                started=clock.begun.get(cell.key, ""),
                duration_s=clock.spent(cell),
            )
            store.write(record)
            measure.recorded(cell, context)
            yield record


def make_record(
    cell: Cell, block: Block, outcome: Outcome, *, started: str = "", duration_s: float = 0.0
) -> Record:
    """Make the record of an outcome. NaN and infinities become null: JSON has no word for them."""
    found = {part.name: plain(getattr(outcome, part.name)) for part in fields(outcome)}
    found["environment"] = {**environment.describe(cell), **found["environment"]}
    found["rounds"] = [value for value in found["rounds"] if value is not None]
    return Record(
        key=cell.key,
        block=block.key,
        cell=cell,
        started=started or now(),
        duration_s=round(duration_s, 3),
        **found,
    )


def plain(value: Any) -> Any:
    """Return JSON data: NaN and infinities as None, scalars of numpy and torch as numbers."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Clock:
    """Seconds spent on each cell, also where a measure turns from one to the other and back."""

    def __init__(self, started: Callable[[Cell], None] = lambda cell: None) -> None:
        self.started = started
        self.begun: dict[str, str] = {}  # key -> time of the first turn
        self.seconds: dict[str, float] = {}
        self.current: str | None = None
        self.since = 0.0

    def turn_to(self, cell: Cell) -> None:
        """Count time for ``cell`` from now on."""
        if self.current == cell.key:
            return
        self.stop()
        self.begun.setdefault(cell.key, now())
        self.current, self.since = cell.key, time.monotonic()
        self.started(cell)

    def stop(self) -> None:
        """Count time for no cell."""
        if self.current is not None:
            self.seconds[self.current] = self.spent_on(self.current)
            self.current = None

    def spent_on(self, key: str) -> float:
        """Return the seconds counted for a cell so far."""
        running = time.monotonic() - self.since if key == self.current else 0.0
        return self.seconds.get(key, 0.0) + running

    def spent(self, cell: Cell) -> float:
        """Return the seconds counted for a cell so far."""
        return self.spent_on(cell.key)


def _outcomes(
    measure: Measure, cells: Sequence[Cell], context: Context
) -> Iterator[tuple[Cell, Outcome]]:
    """Yield one outcome for every cell, even if the measure itself breaks."""
    waiting = {cell.key: cell for cell in cells}
    reason = Outcome(status="failed", reason="the measure ended without a result for this cell")
    context.started(cells[0])
    try:
        for cell, outcome in measure.block(cells, context):
            waiting.pop(cell.key, None)
            yield cell, outcome
            if waiting:
                context.started(next(iter(waiting.values())))
    except Exception as error:
        reason = outcome_of(error)
    for cell in waiting.values():
        yield cell, reason
