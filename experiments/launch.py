"""The supervisor: gives blocks to worker processes and survives whatever happens to them. No torch.

Blocks come from a source: a list of this process, or a queue that many supervisors share. Ordinary
blocks share the machine, one worker a core (one in all on a GPU); exclusive blocks follow, one at a
time, with all threads, while no other run on this machine does anything.
"""

import contextlib
import queue
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from experiments.allocator import NAME as ALLOCATOR
from experiments.allocator import worker_environment
from experiments.cell import Block, Cell
from experiments.gpus import VISIBLE, share
from experiments.locks import NotAcquired, machine_lock
from experiments.measures.base import Outcome
from experiments.operations.cancel import CANCELLED, was_cancelled
from experiments.presence import Presence
from experiments.progress import Display
from experiments.record import Status
from experiments.replicas import DEVICES
from experiments.run import Clock, cells_to_run, make_record
from experiments.source import LocalSource, Source
from experiments.store import Store, read_json
from experiments.tracking.observer import Observer
from experiments.worker_process import Event, WorkerProcess
from models.errors import BadInput

POLL_S = 0.2
DEATHS = 2
"""A cell that ends its worker this often is recorded as killed, and not tried again."""
EARLY = "ends its worker before any cell"


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
    gpus: tuple[str, ...] = ()  # shared out among the workers; none: every worker sees all
    name: str = ""  # of this run, where several share a store; part of the log files' names


def launch(
    blocks: Sequence[Block],
    store: Store,
    settings: Settings,
    display: Display,
    observer: Observer | None = None,
) -> bool:
    """Run what is missing of ``blocks``; return whether everything was taken (no time limit hit).

    Raises:
        BadInput: a cell asks for something that cannot be.
        RunStopped: a record cannot be written, or no worker can be kept alive.
    """
    supervisor = Supervisor(store, settings, display, observer)
    todo = [block for block in blocks if cells_to_run(block, store)]
    for exclusive in (False, True):
        phase = [block for block in todo if block.exclusive == exclusive]
        if phase and not supervisor.run(LocalSource(phase, exclusive=exclusive)):
            return False
    return True


class Supervisor:
    """Worker processes, the blocks that they have, and what happened to them."""

    def __init__(
        self, store: Store, settings: Settings, display: Display, observer: Observer | None = None
    ) -> None:
        self.store, self.settings, self.display = store, settings, display
        self.observer = observer or Observer()
        self.presence = Presence(store)
        self.source: Source = LocalSource((), exclusive=False)
        self.events: queue.Queue[Event] = queue.Queue()
        self.workers: list[WorkerProcess] = []
        self.deaths: Counter[str] = Counter()  # by cell, or by block before its first cell
        self.stillborn = 0  # workers in a row that died before they could take anything
        self.begun = time.monotonic()
        self.environment: dict[str, str] = {}

    def run(self, source: Source) -> bool:
        """Run one phase; return whether everything was taken (no time limit hit).

        Raises:
            BadInput: a cell asks for something that cannot be.
            RunStopped: a record cannot be written, or no worker can be kept alive.
        """
        self.source = source
        self.environment = worker_environment(source.threads, self.settings.speed, self.settings.device)
        self.environment[DEVICES] = str(self.settings.devices)
        try:
            with machine_lock(exclusive=source.exclusive, waiting=self._waiting):
                self.display.phase(exclusive=source.exclusive)
                self.observer.phase(exclusive=source.exclusive)
                while self._assign():
                    self._step()
        except NotAcquired:
            return False
        finally:
            self.stop()
        return source.empty()

    def stop(self) -> None:
        """End every worker."""
        for worker in self.workers:
            worker.kill()
        self.workers = []
        self.presence.close()

    def out_of_time(self) -> bool:
        """Whether nothing new may be begun."""
        limit = self.settings.seconds
        return limit is not None and time.monotonic() - self.begun >= limit

    def _waiting(self, seconds: float) -> bool:
        self.display.waiting("waiting for another run on this machine", seconds)
        self.source.tick()
        return self.source.waits() and not self.out_of_time()

    def _assign(self) -> bool:
        """Give every idle worker a block, a new one if need be; return whether anybody works."""
        limit = 1 if self.source.exclusive else self.settings.workers
        idle = [worker for worker in self.workers if worker.block is None]
        while (idle or len(self.workers) < limit) and not self.out_of_time():
            block = self._take()
            if block is None:
                break
            worker = idle.pop(0) if idle else self._start_worker(self._free_index())
            worker.give(block)
        return any(worker.block for worker in self.workers)

    def _take(self) -> Block | None:
        """Return the next block, without the cells that ended too many workers elsewhere."""
        block = self.source.take()
        if block is None:
            return None
        for key, count in self.source.deaths(block).items():
            self.deaths[key] = max(self.deaths[key], count)
        for cell in cells_to_run(block, self.store):
            count = self.deaths[cell.key]
            if count >= DEATHS and not self.store.has(cell.key):
                reason = f"the worker and its supervisor ended without a word, {count} times"
                self._record(block, cell, "killed", reason, Clock())
        if self.deaths[block.key] > DEATHS:
            self.source.failed(block, RunStopped(f"block '{block.name}' {EARLY}."))
            return self._take()
        return block

    def _free_index(self) -> int:
        used = {worker.index for worker in self.workers}
        return next(index for index in range(len(used) + 1) if index not in used)

    def _step(self) -> None:
        event = None
        with contextlib.suppress(queue.Empty):
            event = self.events.get(timeout=POLL_S)
        if event is not None:
            self._handle(event)
        for worker in list(self.workers):
            self._check_time(worker)
            self._check_cancelled(worker)
        self.presence.tick()
        self.source.tick()
        lost = self.source.lost()
        for worker in list(self.workers):
            if worker.block is not None and worker.block.key in lost:
                self.display.note(f"{worker.block.name} was given to another worker meanwhile")
                self._replace(worker)
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
                if cell is not None and worker.block is not None:
                    self.source.at(worker.block, cell)
                    self.presence.at(worker.index, worker.process.pid, worker.block, cell)
                    self.display.cell_started(worker.index, cell)
                    self.observer.started(cell)
            case "point":
                self.observer.point(**details)
            case "progress":
                self.display.message(worker.index, details["message"])
            case "asks":  # whether to give up: outside of tuning nothing is
                worker.answer(prune=False)
            case "recorded":
                worker.finished_cell()
                self.presence.idle(worker.index)
                self.display.cell_recorded(worker.index, **details)
                self.observer.recorded(details["key"])
            case "done":
                if worker.block is not None:
                    self._count_others(worker.block)
                    self.source.done(worker.block)
                worker.block = None
                self.display.idle(worker.index)
            case "error":
                self._error(worker, **details)
            case "died":
                self._died(worker)

    def _error(self, worker: WorkerProcess, kind: str, message: str) -> None:
        if kind == "write":
            raise RunStopped(
                f"a record cannot be written to {self.store.folder}: {message}. "
                "What is finished is kept; run the same command again to go on."
            )
        block, worker.block = worker.block, None
        self.display.idle(worker.index)
        self.presence.idle(worker.index)
        if block is not None:
            fault = RunStopped(f"a worker failed: {message} (see {worker.log}).")
            self.source.failed(block, BadInput(message) if kind == "bad_input" else fault)

    def _died(self, worker: WorkerProcess) -> None:
        how = worker.end()
        self.stillborn = 0 if worker.ready else self.stillborn + 1
        ended = worker.process.returncode >= 0  # not by a signal, which may come at any moment
        if self.stillborn and (ended or self.stillborn > DEATHS):
            raise RunStopped(f"a worker cannot start: {how}: {worker.last_words()} (see {worker.log}).")
        block, cell = worker.block, worker.current
        self._replace(worker)
        if block is None:
            return
        if not worker.ready:
            self.source.again(block)
            return
        self.deaths[cell.key if cell else block.key] += 1
        if cell is None and self.deaths[block.key] > DEATHS:
            error = RunStopped(f"block '{block.name}' {EARLY}: {how}.")
            self.source.failed(block, error)
            return
        if cell is not None and self.deaths[cell.key] >= DEATHS:
            self._record(block, cell, "killed", f"{how}, {DEATHS} times", worker.clock, worker.index)
        else:
            self.display.note(f"{how}; {block.name} is taken again")
        keys = [block.key, *(each.key for each in block.cells)]
        self.source.died(block, {key: self.deaths[key] for key in keys if self.deaths[key]})

    def _check_time(self, worker: WorkerProcess) -> None:
        block, cell = worker.block, worker.current
        if block is None or cell is None or worker.clock.spent(cell) <= block.timeout_s:
            return
        self._replace(worker)
        reason = f"more than {block.timeout_s:g} s"
        self._record(block, cell, "timed_out", reason, worker.clock, worker.index)
        self.source.again(block)

    def _check_cancelled(self, worker: WorkerProcess) -> None:
        """End a cell that was cancelled while it was in hand; its record is there already."""
        block, cell = worker.block, worker.current
        if block is None or cell is None or not was_cancelled(self.store, cell.key):
            return
        spent = worker.clock.spent(cell)
        self._replace(worker)
        self.display.cell_recorded(worker.index, cell.key, "skipped", CANCELLED, spent)
        self.observer.recorded(cell.key)
        self.source.again(block)

    def _count_others(self, block: Block) -> None:
        """Count in the cells of a block that got their records from elsewhere."""
        for cell in block.cells:
            if cell.key not in self.display.statuses and self.store.has(cell.key):
                self.display.statuses[cell.key] = str(read_json(self.store.path(cell.key))["status"])

    def _replace(self, worker: WorkerProcess) -> None:
        """Put a fresh worker in the place of a dead one, or of one that is to die."""
        worker.kill()
        self.workers.remove(worker)
        self.display.idle(worker.index)
        self.presence.idle(worker.index)
        self._start_worker(worker.index)

    def _start_worker(self, index: int) -> WorkerProcess:
        name = f"{self.settings.name}-{index}" if self.settings.name else str(index)
        environment = dict(self.environment)
        if self.settings.gpus and not self.source.exclusive:
            environment[VISIBLE] = share(self.settings.gpus, index, self.settings.devices)
        worker = WorkerProcess(index, self.store, environment, self.events, name)
        self.workers.append(worker)
        return worker

    def _record(
        self, block: Block, cell: Cell, status: Status, reason: str, clock: Clock, worker: int = -1
    ) -> None:
        """Write the record of a cell whose worker cannot."""
        spent = clock.spent(cell)
        speed = {"name": self.settings.speed, "allocator": self.environment[ALLOCATOR]}
        outcome = Outcome(status=status, reason=reason, environment={"speed": speed})
        started = clock.begun.get(cell.key, "")
        record = make_record(cell, block, outcome, started=started, duration_s=spent)
        try:
            self.store.write(record)
        except OSError as error:
            raise RunStopped(
                f"a record cannot be written to {self.store.folder}: {error.strerror}."
            ) from error
        self.display.cell_recorded(worker, cell.key, status, reason, spent)
        self.observer.recorded(cell.key)
