"""The observer that mirrors a run in W&B. Whatever W&B does, no cell waits for it or fails by it.

A thread hands one message after the other to a process of its own and waits for each with a limit.
When that process dies, hangs or loses its server, a second one goes on offline, into files that
``wandb sync`` uploads later. If that fails too, the mirror is given up with one line: the records are
complete, and the same command mirrors what is missing.
"""

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.cell import Cell
from experiments.store import Store
from experiments.tracking.mirror_process import Lost, MirrorProcess
from experiments.tracking.observer import Observer
from experiments.tracking.target import Mode, Target

SAY_AFTER_S = 2.0
"""After so long a wait at the end, a line says what it is for."""


class Mirror(Observer):
    """Hands what happens to the mirror's process."""

    def __init__(
        self, store: Store, target: Target, mode: Mode, note: Callable[[str], None] = print
    ) -> None:
        self.store, self.target, self.mode, self.note = store, target, mode, note
        self.queue: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.backlog: deque[str] = deque()  # records of earlier runs
        self.ending = False
        self.cells: dict[str, Cell] = {}  # that run now
        self.live: dict[str, list[dict[str, Any]]] = {}  # key -> points, until it is recorded
        self.quiet = threading.Event()  # an exclusive block runs
        self.closing = threading.Event()
        self.process: MirrorProcess | None = None
        self.given_up = False
        self.wrote: Counter[str] = Counter()  # mode -> runs
        self.url: str | None = None
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    # What the supervisor tells ---------------------------------------------------------------------

    def phase(self, *, exclusive: bool) -> None:
        """While exclusive blocks run, nothing is written: they are timed."""
        (self.quiet.set if exclusive else self.quiet.clear)()

    def started(self, cell: Cell) -> None:
        """Keep the cell, for its points."""
        self.cells[cell.key] = cell

    def point(self, key: str, name: str, x: float, y: float) -> None:
        """Log a point of a curve."""
        if key in self.cells:
            cell = self.cells[key].model_dump(mode="json")
            self.queue.put({"do": "point", "key": key, "cell": cell, "name": name, "x": x, "y": y})

    def recorded(self, key: str) -> None:
        """Log a run from its record."""
        self.cells.pop(key, None)
        self.queue.put({"do": "recorded", "key": key})

    def reported(self, folder: Path) -> None:
        """Log the report."""
        self.queue.put({"do": "reported", "folder": str(folder.resolve())})

    def close(self) -> None:
        """Wait until everything is written, or nothing more can be; say where it is."""
        self.closing.set()
        self.quiet.clear()
        self.queue.put(None)
        begun, said = time.monotonic(), False
        try:
            while self.thread.is_alive():
                self.thread.join(0.1)
                if not said and time.monotonic() - begun > SAY_AFTER_S:
                    said = True
                    left = self.queue.qsize() + len(self.backlog)
                    self.note(f"W&B: messages left to write: {left} (Ctrl-C leaves them)")
        except KeyboardInterrupt:
            self._give_up("interrupted")
            return
        self._end(1.0)
        self._say_where()

    # The thread that talks to the process ----------------------------------------------------------

    def _serve(self) -> None:
        try:
            self._start(self.mode)
            if self.target.everything:
                self._deliver({"do": "missing"})
            while (message := self._next()) is not None:
                while self.quiet.is_set() and not self.closing.is_set():
                    self.closing.wait(0.2)
                self._deliver(message)
            self._deliver({"do": "close"})
        except Exception as error:  # a fault of the mirror itself must not end anything else
            self._give_up(f"{type(error).__name__}: {error}")

    def _next(self) -> dict[str, Any] | None:
        """Return what to write next, what happens now before earlier records; None: that was all."""
        if self.backlog and (self.queue.empty() or self.ending):
            return {"do": "recorded", "key": self.backlog.popleft()}
        message = None if self.ending else self.queue.get()
        if message is None and self.backlog:
            self.ending = True
            return self._next()
        return message

    def _start(self, mode: str) -> None:
        """Start a process; offline, if need be."""
        try:
            self.process = MirrorProcess(self.store, self.target, mode)
            self.process.wait_until_ready(self._note_offline)
        except (Lost, OSError) as error:
            if mode == "online":
                self._fall_back(str(error))
            else:
                self._give_up(str(error))

    def _deliver(self, message: dict[str, Any]) -> None:
        """Have one message worked off, by the process or by its successor."""
        if message["do"] == "point":
            self.live.setdefault(message["key"], []).append(message)
        while not self.given_up:
            assert self.process is not None
            try:
                answer = self.process.ask(message)
            except Lost as lost:
                if self.process.mode == "online":
                    self._fall_back(str(lost))
                else:
                    self._give_up(str(lost))
                continue
            self.wrote[self.process.mode] += answer["wrote"]
            self.url = answer.get("url") or self.url
            self.backlog.extend(answer.get("keys", ()))
            break
        if message["do"] == "recorded":
            self.live.pop(message["key"], None)

    def _fall_back(self, why: str) -> None:
        """Go on offline: what is not logged whole is written again, with the points so far."""
        self._note_offline(why)
        self._end()
        self._start("offline")
        try:
            for message in [point for points in self.live.values() for point in points]:
                if self.process is not None:
                    self.process.ask(message)
        except Lost as lost:
            self._give_up(str(lost))

    def _note_offline(self, why: str) -> None:
        self.note(f"W&B: {why}; writing files to sync later instead")

    def _give_up(self, why: str) -> None:
        if not self.given_up:
            self.given_up = True
            log = self.store.folder / "logs" / "wandb.log"
            self.note(
                f"W&B: {why}; nothing more is mirrored (see {log}). "
                "The records are complete; the same command mirrors them later"
            )
        self._end()

    def _end(self, seconds: float = 0.0) -> None:
        if self.process is not None:
            self.process.end(seconds)
            self.process = None

    def _say_where(self) -> None:
        online, offline = self.wrote["online"], self.wrote["offline"]
        if online:
            self.note(f"W&B: {_runs(online)} at {self.url}, group {self.target.group}")
        if offline:
            files = self.store.folder / "wandb" / "offline-run-*"
            self.note(f"W&B: {_runs(offline)} in files; `wandb sync {files}` uploads them")


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"
