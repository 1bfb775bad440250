"""The supervisor: gives blocks to worker processes and survives whatever happens to them. No torch.

Ordinary blocks share the machine, one worker a core (one in all on a GPU); exclusive blocks follow,
one at a time, with all threads, while no other run on this machine does anything.
"""

import contextlib
import queue
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from experiments.allocator import NAME as ALLOCATOR
from experiments.allocator import worker_environment
from experiments.cell import Block, Cell
from experiments.locks import NotAcquired, machine_lock
from experiments.measures.base import Outcome
from experiments.progress import Display
from experiments.record import Status
from experiments.replicas import DEVICES
from experiments.run import cells_to_run, make_record
from experiments.store import Store
from experiments.worker_process import Event, WorkerProcess
from models.errors import BadInput

POLL_S = 0.2
DEATHS = 2
"""A cell that ends its worker this often is recorded as killed, and not tried again."""


class RunStopped(Exception):
    """The run cannot go on; ``str(error)`` says why in one line. What is recorded stays."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to use this machine."""

    device: Literal["cpu", "cuda"] = "cpu"
    workers: int = 1  # for blocks that are not exclusive
    speed: Literal["fast", "plain"] = "fast"
    seconds: float | None = None  # take no new block after this long
    devices: int = 1  # of one training cell


def launch(blocks: Sequence[Block], store: Store, settings: Settings, display: Display) -> bool:
    """Run what is missing of ``blocks``; return whether everything was taken (no time limit hit).

    Raises:
        BadInput: a cell asks for something that cannot be.
        RunStopped: a record cannot be written, or no worker can be kept alive.
    """
    supervisor = Supervisor(store, settings, display)
    try:
        return supervisor.run(blocks)
    finally:
        supervisor.stop()


class Supervisor:
    """Queue of blocks, worker processes, and what happened to them."""

    def __init__(self, store: Store, settings: Settings, display: Display) -> None:
        self.store, self.settings, self.display = store, settings, display
        self.events: queue.Queue[Event] = queue.Queue()
        self.queue: deque[Block] = deque()
        self.workers: list[WorkerProcess] = []
        self.deaths: Counter[str] = Counter()  # by cell, or by block before its first cell
        self.begun = time.monotonic()
        self.environment: dict[str, str] = {}

    def run(self, blocks: Sequence[Block]) -> bool:
        """Run the ordinary blocks, then the exclusive ones."""
        todo = [block for block in blocks if cells_to_run(block, self.store)]
        for exclusive in (False, True):
            phase = [block for block in todo if block.exclusive == exclusive]
            if phase and not self._phase(phase, exclusive=exclusive):
                return False
        return True

    def stop(self) -> None:
        """End every worker."""
        for worker in self.workers:
            worker.kill()
        self.workers = []

    def _phase(self, blocks: list[Block], *, exclusive: bool) -> bool:
        threads = max(cell.threads for block in blocks for cell in block.cells)
        count = 1 if exclusive else min(self.settings.workers, len(blocks))
        self.environment = worker_environment(threads, self.settings.speed, self.settings.device)
        self.environment[DEVICES] = str(self.settings.devices)
        try:
            with machine_lock(exclusive=exclusive, waiting=self._waiting):
                self.display.phase(exclusive=exclusive)
                self.queue = deque(blocks)
                for index in range(count):
                    self._start_worker(index)
                while self._assign():
                    self._step()
                self.stop()
        except NotAcquired:
            return False
        return not self.queue

    def _waiting(self, seconds: float) -> bool:
        self.display.waiting("waiting for another run on this machine", seconds)
        return not self._out_of_time()

    def _out_of_time(self) -> bool:
        limit = self.settings.seconds
        return limit is not None and time.monotonic() - self.begun >= limit

    def _assign(self) -> bool:
        """Give idle workers a block each; return whether anybody works."""
        for worker in self.workers:
            if worker.block is None and self.queue and not self._out_of_time():
                worker.give(self.queue.popleft())
        return any(worker.block for worker in self.workers)

    def _step(self) -> None:
        event = None
        with contextlib.suppress(queue.Empty):
            event = self.events.get(timeout=POLL_S)
        if event is not None:
            self._handle(event)
        for worker in list(self.workers):
            self._check_time(worker)
        self.display.tick()

    def _handle(self, event: Event) -> None:
        worker, details = event.worker, event.details
        if worker not in self.workers:  # it was ended on purpose
            return
        match event.name:
            case "ready":
                worker.ready = True
            case "started":
                cell = worker.turn_to(details["key"])
                if cell is not None:
                    self.display.cell_started(worker.index, cell)
            case "progress":
                self.display.message(worker.index, details["message"])
            case "recorded":
                worker.finished_cell()
                self.display.cell_recorded(worker.index, **details)
            case "done":
                worker.block = None
                self.display.idle(worker.index)
            case "error":
                self._error(worker, **details)
            case "died":
                self._died(worker)

    def _error(self, worker: WorkerProcess, kind: str, message: str) -> None:
        if kind == "bad_input":
            raise BadInput(message)
        if kind == "write":
            raise RunStopped(
                f"a record cannot be written to {self.store.folder}: {message}. "
                "What is finished is kept; run the same command again to go on."
            )
        raise RunStopped(f"a worker failed: {message} (see {worker.log}).")

    def _died(self, worker: WorkerProcess) -> None:
        how = worker.end()
        if not worker.ready:
            raise RunStopped(f"a worker cannot start: {how}: {worker.last_words()} (see {worker.log}).")
        block, cell = worker.block, worker.current
        self._replace(worker, block)
        if block is None:
            return
        self.deaths[cell.key if cell else block.key] += 1
        if cell is not None and self.deaths[cell.key] >= DEATHS:
            self._record(worker, block, cell, "killed", f"{how}, {DEATHS} times")
        elif cell is None and self.deaths[block.key] > DEATHS:
            raise RunStopped(f"block '{block.name}' ends its worker before any cell: {how}.")
        else:
            self.display.note(f"{how}; {block.name} is taken again")

    def _check_time(self, worker: WorkerProcess) -> None:
        block, cell = worker.block, worker.current
        if block is None or cell is None or worker.clock.spent(cell) <= block.timeout_s:
            return
        worker.kill()
        self._replace(worker, block)
        self._record(worker, block, cell, "timed_out", f"more than {block.timeout_s:g} s")

    def _replace(self, worker: WorkerProcess, block: Block | None) -> None:
        """Put a fresh worker in the place of a dead one; its block goes first in the queue."""
        self.workers.remove(worker)
        self.display.idle(worker.index)
        if block is not None:
            self.queue.appendleft(block)
        self._start_worker(worker.index)

    def _start_worker(self, index: int) -> None:
        self.workers.append(WorkerProcess(index, self.store, self.environment, self.events))

    def _record(
        self, worker: WorkerProcess, block: Block, cell: Cell, status: Status, reason: str
    ) -> None:
        """Write the record of a cell whose worker cannot."""
        spent = worker.clock.spent(cell)
        speed = {"name": self.settings.speed, "allocator": self.environment[ALLOCATOR]}
        outcome = Outcome(status=status, reason=reason, environment={"speed": speed})
        started = worker.clock.begun.get(cell.key, "")
        record = make_record(cell, block, outcome, started=started, duration_s=spent)
        try:
            self.store.write(record)
        except OSError as error:
            raise RunStopped(
                f"a record cannot be written to {self.store.folder}: {error.strerror}."
            ) from error
        self.display.cell_recorded(worker.index, cell.key, status, reason, spent)
