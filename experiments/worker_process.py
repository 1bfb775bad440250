"""The supervisor's handle on one worker process."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.cell import Block, Cell
from experiments.parent import parenthood
from experiments.run import Clock
from experiments.store import Store


@dataclass(frozen=True)
class Event:
    """What a worker said; ``name`` "died" is added when its output ends."""

    worker: "WorkerProcess"
    name: str
    details: dict[str, Any]


class WorkerProcess:
    """One worker: the block it has, the cell it is at, and the time spent on it."""

    def __init__(
        self,
        index: int,
        store: Store,
        environment: dict[str, str],
        events: "queue.Queue[Event]",
        name: str,
    ) -> None:
        self.index = index
        self.log = store.folder / "logs" / f"worker-{name}.log"
        self.block: Block | None = None
        self.current: Cell | None = None
        self.clock = Clock()
        self.ready = False
        # -P: this folder is not put first on the path, where its files would hide installed modules
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "experiments.worker"),
                *("--store", str(store.folder), "--log", str(self.log)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **environment, **parenthood()},
        )
        self.listener = threading.Thread(target=self._listen, args=(events,), daemon=True)
        self.listener.start()

    def give(self, block: Block) -> None:
        """Send a block; a worker that just died is noticed by its event."""
        self.block, self.current, self.clock = block, None, Clock()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(block.model_dump_json() + "\n")
            self.process.stdin.flush()

    def answer(self, *, prune: bool) -> None:
        """Say whether the trial of tuning in hand is to be given up."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps({"prune": prune}) + "\n")
            self.process.stdin.flush()

    def turn_to(self, key: str) -> Cell | None:
        """Note that the worker is at the cell ``key`` now."""
        cells = self.block.cells if self.block else ()
        self.current = next((cell for cell in cells if cell.key == key), None)
        if self.current is not None:
            self.clock.turn_to(self.current)
        return self.current

    def finished_cell(self) -> None:
        """Note that the worker is between two cells."""
        self.clock.stop()
        self.current = None

    def kill(self) -> None:
        """End the process now; waits until it is gone."""
        self.process.kill()
        self.close()

    def close(self) -> None:
        """Wait for the end of the process and of what it said; close the pipes."""
        self.process.wait()
        self.listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def end(self) -> str:
        """Wait for a dead process; say in words how it ended."""
        self.close()
        code = self.process.returncode
        if code >= 0:
            return f"the worker ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        often = " (often: out of memory)" if name == "SIGKILL" else ""
        return f"the worker was ended by {name}{often}"

    def last_words(self) -> str:
        """Return the last line of its log."""
        try:
            lines = Path(self.log).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _listen(self, events: "queue.Queue[Event]") -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                details = json.loads(line)
            except ValueError:  # cut off by its death
                continue
            events.put(Event(self, details.pop("event"), details))
        events.put(Event(self, "died", {}))
