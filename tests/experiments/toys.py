"""Measures without torch whose cells do what a test needs: fail, hang, kill their worker."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.cell import Block, Cell
from experiments.measures import base
from experiments.measures.base import Context, Diverged, Measure, Outcome
from models.errors import BadInput

LOG = "SEQYARD_TOY_LOG"
"""Variable with the path of a file that gets a line for every cell that is begun."""


class Act(Measure):
    """Do what the cell's ``action`` says."""

    class Options(base.Options):
        action: str = "value"
        seconds: float = 0.0

    def one(self, cell: Cell, context: Context) -> Outcome:
        log(cell)
        return self.act(cell, context)

    def act(self, cell: Cell, context: Context) -> Outcome:
        options = self.Options.model_validate(cell.options)
        match options.action:
            case "sleep":
                context.progress("asleep")
                time.sleep(options.seconds)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "kill once" if begun().count(name_of(cell)) == 1:
                os.kill(os.getpid(), signal.SIGSEGV)
            case "nan":
                values = {"loss": float("nan"), "best": float("-inf"), "fine": 1.5}
                return Outcome(metrics=values, curves={"loss": [[1, float("inf")], [2, 0.5]]})
            case "diverge":
                raise Diverged("loss not finite at step 3")
            case "memory":
                raise MemoryError
            case "raise":
                raise ZeroDivisionError("division by zero\nsecond line")
            case "bad input":
                raise BadInput("distance = -3: must be more than 0.")
            case "full":
                raise OSError(28, "No space left on device")
            case "exit":
                raise SystemExit(3)
            case "print":
                print("noise on standard output", flush=True)
        return Outcome(metrics={"value": float(cell.seed), "pid": os.getpid()})


class Together(Act):
    """Turn from cell to cell, twice, and give all results at the end, as a timing measure does."""

    exclusive = True

    def block(self, cells: Sequence[Cell], context: Context) -> Iterator[tuple[Cell, Outcome]]:
        from experiments.outcomes import guarded

        outcomes = {}
        for _ in range(2):
            for cell in cells:
                context.started(cell)
                outcomes[cell.key] = guarded(self.one, cell, context)
        for cell in cells:
            yield cell, outcomes[cell.key]


class Broken(Act):
    """Break after the first cell."""

    def block(self, cells: Sequence[Cell], context: Context) -> Iterator[tuple[Cell, Outcome]]:
        yield cells[0], self.one(cells[0], context)
        raise KeyError("broken measure")


def toy(action: str = "value", seed: int = 0, measure: str = "Act", **options: Any) -> Cell:
    """Return a cell of a toy measure."""
    return Cell(
        measure=f"{__name__}:{measure}",
        architecture="toy",
        options={"action": action, **options},
        seed=seed,
    )


def block(*cells: Cell, exclusive: bool = False, timeout_s: float = 60.0) -> Block:
    """Return a block of cells."""
    return Block(name="toys", cells=cells, exclusive=exclusive, timeout_s=timeout_s)


def name_of(cell: Cell) -> str:
    return f"{cell.options['action']} {cell.seed}"


def log(cell: Cell) -> None:
    if LOG in os.environ:
        with Path(os.environ[LOG]).open("a") as file:
            file.write(name_of(cell) + "\n")


def begun() -> list[str]:
    """Return the cells that were begun, by action and seed, in order."""
    path = Path(os.environ[LOG])
    return path.read_text().splitlines() if path.exists() else []
