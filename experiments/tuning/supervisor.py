"""The supervisor of tuning: it answers workers that ask whether to give up, and waits for others."""

import time

from experiments.cell import Cell
from experiments.launch import Settings, Supervisor
from experiments.progress import LineDisplay, clock
from experiments.store import Store
from experiments.tuning.source import TuningSource
from experiments.worker_process import Event

POLL_S = 2.0
"""Between two looks at what other machines still have in hand."""


class TuningSupervisor(Supervisor):
    """A supervisor whose workers ask after every validation."""

    source: TuningSource

    def _handle(self, event: Event) -> None:
        worker = event.worker
        if event.name != "asks":
            super()._handle(event)
        elif worker in self.workers and worker.block is not None:
            worker.answer(prune=self.source.prune(worker.block, **event.details))


class TuningDisplay(LineDisplay):
    """Plain lines: how every trial ended, and how far every architecture is."""

    source: TuningSource | None = None

    def __init__(self) -> None:
        super().__init__([], {})

    def cell_started(self, worker: int, cell: Cell) -> None:
        """A worker turned to a trial."""
        self.cells[cell.key] = cell
        super().cell_started(worker, cell)

    def cell_recorded(self, worker: int, key: str, status: str, reason: str, duration_s: float) -> None:
        """A record was written; the source says how the trial ended."""
        self.workers.pop(worker, None)
        self.statuses[key] = status
        self.new.add(key)

    def headline(self) -> str:
        """Return how many trials are finished, for each architecture."""
        if self.source is None:
            return ""
        wanted = self.source.effort.trials
        parts = [f"{name} {len(p.finished)}/{wanted}" for name, p in self.source.progress().items()]
        return f"{', '.join(parts)} trials · {clock(self.elapsed())} elapsed"


def tune(source: TuningSource, store: Store, settings: Settings, display: TuningDisplay) -> bool:
    """Run trials until every architecture has what it gets; return whether that is so.

    Trials that another machine has in hand are waited for: one that fails there is replaced.

    Raises:
        RunStopped: a record cannot be written, or no worker can be kept alive.
        KeyboardInterrupt: what is in hand was given back.
    """
    display.source = source
    supervisor = TuningSupervisor(store, settings, display)
    try:
        while not source.empty():
            supervisor.run(source)
            if supervisor.out_of_time():
                break
            while not source.empty() and not source.wants() and not supervisor.out_of_time():
                display.waiting("waiting for trials on other machines", supervisor_age(supervisor))
                time.sleep(POLL_S)
                source.tick()
        return source.empty()
    finally:
        source.release()


def supervisor_age(supervisor: Supervisor) -> float:
    """Return the seconds since it began."""
    return time.monotonic() - supervisor.begun
