"""One worker's side of the queue: what it holds, what it still has to tell, and who else has died.

Nothing here waits for the database. What cannot be told while it is away is kept and told later; the
records are in the store by then, whatever happens.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TypeVar

from optuna.trial import TrialState

from experiments.cell import Block, Cell
from experiments.launch import RunStopped
from experiments.run import cells_to_run
from experiments.store import Store
from experiments.sweep.identity import known_dead, me
from experiments.sweep.needs import fits, needs_of
from experiments.sweep.planned import Planned
from experiments.sweep.queue import Queue
from experiments.sweep.rows import Count, Row
from experiments.sweep.storage import Unreachable

AGAIN_S = 1.0  # between two attempts to reach the database
LOOK_S = 5.0  # between two looks for the dead
PATIENCE_S = 3600.0
"""After so long without the database a worker gives up."""
BEATS = 6  # heartbeats, and looks at those of others, within the grace period
Answer = TypeVar("Answer")

FAULTS = 3
"""After so many blocks in a row that cannot be run the fault is taken to be this machine's."""


@dataclass(kw_only=True)
class Held:
    """A block in hand."""

    row: Row
    block: Block
    begun: float
    cell: str | None = None  # in hand
    told: str | None = None  # in hand, as the queue knows it
    visited: set[str] = field(default_factory=set)


class Client:
    """Takes blocks, keeps them alive, tells what became of them. To be used as a context."""

    def __init__(
        self, queue: Queue, planned: Planned, store: Store, note: Callable[[str], None]
    ) -> None:
        self.queue, self.planned, self.store, self.note = queue, planned, store, note
        self.held: dict[str, Held] = {}  # block key -> what we know
        self.outbox: deque[Callable[[], object]] = deque()
        self.seen: dict[int, tuple[object, float]] = {}  # trial -> its heartbeat, since when we see it
        self.gone: set[int] = set()  # trials that are not ours any more
        self.away_since: float | None = None
        self.looked = 0.0
        self.next_attempt = 0.0
        self.next_recovery = 0.0
        self.faults: list[Exception] = []
        self.interval = queue.grace_s / BEATS
        self.needs: dict[str, bool] = {}
        self.needs_of = 0  # the manifest, by its time
        self.ended = threading.Event()
        self.heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Client":
        self.heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give back what is in hand, if the database can be reached."""
        self.ended.set()
        self.heart.join()
        self.outbox.append(self._give_back)
        self.held.clear()
        self.next_attempt = 0.0
        with contextlib.suppress(RunStopped):
            self._flush()

    def _give_back(self) -> None:
        """Give back all that is ours: a signal may have come between taking a block and knowing it."""
        rows = self.queue.rows([TrialState.RUNNING])
        mine = me()["id"]
        self.queue.release([row.trial for row in rows if row.worker and row.worker["id"] == mine])

    def take(self, *, exclusive: bool) -> Block | None:
        """Return a block that this machine can run, or None: there is none now, or no database."""
        needs = [need for need, ours in self._needs().items() if ours]
        while self._flush():
            row = self._try(lambda: self.queue.take(exclusive=exclusive, needs=needs))
            if row is None:
                return None
            block = self.planned.block(row.block)
            if block is None:
                self._tell(partial(self.queue.fail, row.trial, "not in the manifest"))
            elif not cells_to_run(block, self.store):
                self._tell(partial(self.queue.complete, row.trial, 0.0))
            else:
                self.held[block.key] = Held(row=row, block=block, begun=time.monotonic())
                return block
        return None

    def deaths(self, block: Block) -> Mapping[str, int]:
        """Return how often cells of a block in hand ended their workers, on any machine."""
        return self.held[block.key].row.deaths if block.key in self.held else {}

    def at(self, block: Block, cell: Cell) -> None:
        """Remember which cell is in hand; tell it at the first visit, later ones with the heartbeat."""
        held = self.held.get(block.key)
        if held is None:
            return
        held.cell = cell.key
        if cell.key not in held.visited:
            held.visited.add(cell.key)
            self._tell(lambda: self._tell_cell(held))

    def _tell_cell(self, held: Held) -> None:
        if held.cell is not None and held.cell != held.told:
            self.queue.note(held.row.trial, cell=held.cell)
            held.told = held.cell

    def died(self, block: Block, deaths: Mapping[str, int]) -> None:
        """Tell how often cells of a block in hand have ended their worker."""
        if block.key in self.held:
            trial, counts = self.held[block.key].row.trial, dict(deaths)
            self._tell(lambda: self.queue.note(trial, deaths=counts))

    def done(self, block: Block) -> None:
        """Tell that every cell of a block has a record."""
        held = self.held.pop(block.key, None)
        if held is not None:
            self.faults.clear()
            trial, seconds = held.row.trial, time.monotonic() - held.begun
            self._tell(lambda: self.queue.complete(trial, seconds))

    def failed(self, block: Block, error: Exception) -> None:
        """Tell that a block cannot be run here.

        Raises:
            Exception: ``error``, if that has happened several times in a row.
        """
        held = self.held.pop(block.key, None)
        if held is None:
            return
        self.faults.append(error)
        self.note(f"{block.name} cannot be run: {error}")
        trial = held.row.trial
        if len(self.faults) >= FAULTS:
            self._tell(lambda: self.queue.release([trial]))
            raise error
        self._tell(lambda: self.queue.fail(trial, str(error)))

    def lost(self) -> Collection[str]:
        """Return the blocks that were in hand and are somebody else's now; they are out of ours."""
        if not self.gone:
            return ()
        gone, self.gone = self.gone, set()
        keys = [key for key, held in self.held.items() if held.row.trial in gone]
        for key in keys:
            del self.held[key]
        return keys

    def counts(self) -> list[Count] | None:
        """Return the counts of what this machine can run; None without the database."""
        if not self._flush():
            return None
        counts = self._try(self.queue.counts)
        needs = self._needs()
        return None if counts is None else [row for row in counts if needs.get(row.needs, False)]

    def tick(self) -> None:
        """Tell what is to be told, and look for the dead now and then."""
        if self._flush() and time.monotonic() >= self.next_recovery:
            self.next_recovery = time.monotonic() + min(self.interval, LOOK_S)
            self._try(self._recover)

    def _recover(self) -> None:
        """Let wait again what the dead held.

        A worker of this machine whose process is gone is dead. Any other is, when its heartbeat has
        stayed the same for the grace period while we could look: no two clocks are compared, and a
        database that was away makes nobody look dead.
        """
        mine = {held.row.trial for held in self.held.values()}
        now = time.monotonic()
        looked, self.looked = self.looked, now
        seen = self.seen if now - looked < self.queue.grace_s / 2 else {}  # were we asleep ourselves?
        self.seen = {}
        for row in self.queue.rows([TrialState.RUNNING]):
            if row.worker is not None and row.worker["id"] == me()["id"]:
                if row.trial not in mine:  # taken, but the answer was lost
                    self.queue.release([row.trial])
                continue
            heartbeat, since = seen.get(row.trial, (None, now))
            if heartbeat != row.heartbeat:
                since = now
            if known_dead(row.worker) or now - since > self.queue.grace_s:
                if self.queue.take_back(row, self._in_hand(row)):
                    self.note(f"{row.name}: its worker is gone; it waits again")
            else:
                self.seen[row.trial] = (row.heartbeat, since)

    def _in_hand(self, row: Row) -> str | None:
        """Return the cell that a dead worker was at; None where it had begun none, or recorded it."""
        return row.cell if row.cell is not None and not self.store.has(row.cell) else None

    def _needs(self) -> dict[str, bool]:
        """Return every need of a planned block, and whether this machine meets it."""
        if self.needs_of != self.planned.read_at:  # not for every block that is taken
            self.needs_of = self.planned.read_at
            for block in self.planned.blocks.values():
                need = needs_of(block)
                if need not in self.needs:
                    self.needs[need] = fits(block)
        return self.needs

    def _tell(self, message: Callable[[], object]) -> None:
        self.outbox.append(message)
        self._flush()

    def _flush(self) -> bool:
        """Tell what is to be told, in order; return whether all is told and more can be tried."""
        while self.outbox:
            if self._try(self._post) is None:
                return False
            self.outbox.popleft()
        return time.monotonic() >= self.next_attempt

    def _post(self) -> bool:
        self.outbox[0]()
        return True

    def _try(self, action: Callable[[], Answer]) -> Answer | None:
        """Return what an action gives; None where the database is away."""
        if time.monotonic() < self.next_attempt:
            return None
        try:
            answer = action()
        except Unreachable as error:
            self._away(error)
            return None
        if self.away_since is not None:
            self.note(f"the database is back after {time.monotonic() - self.away_since:.0f} s")
            self.away_since = None
        return answer

    def _away(self, error: Unreachable) -> None:
        now = time.monotonic()
        self.seen.clear()  # whose heartbeats stay the same now is not dead for that
        self.next_attempt = now + AGAIN_S
        if self.away_since is None:
            self.away_since = now
            self.note(f"waiting for the database: {error}")
        elif now - self.away_since > PATIENCE_S and not self.held:
            raise RunStopped(
                f"the database was away for {PATIENCE_S / 3600:g} hours: {error}. What is recorded "
                "is kept; run the same command again to go on."
            )

    def _beat(self) -> None:
        while not self.ended.wait(self.interval):
            held = list(self.held.values())
            trials = {each.row.trial for each in held}
            with contextlib.suppress(Unreachable):
                if trials:
                    self.gone |= trials - self.queue.beat(trials)
                for each in held:
                    self._tell_cell(each)
