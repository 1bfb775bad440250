"""A worker process: blocks in on standard input, events out on standard output, one JSON a line.

It imports torch only if a measure does. It ends itself as soon as its supervisor is gone, and it
leaves Ctrl-C to the supervisor. What libraries print goes to the log file.

Events: ``ready``; ``started`` (key); ``progress`` (message); ``recorded`` (key, status, reason,
duration_s); ``point`` (key, name, x, y: of a validation, live); ``asks`` (number, best: whether a trial
of tuning is to be given up after this validation; it waits for ``{"prune": true}`` or false on standard
input); ``done``; ``error`` (kind ``bad_input``, ``write`` or ``fault``, message).
"""

import argparse
import contextlib
import json
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from experiments.cell import Block, Cell
from experiments.parent import die_with_parent
from experiments.run import run_block
from experiments.store import Store
from models.errors import BadInput
from models.lookup import append_current_folder

PROGRESS_EVERY_S = 0.5


def main() -> None:
    """Take blocks until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m experiments.worker", description=__doc__)
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--log", required=True, type=Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_to_supervisor()
    die_with_parent()
    inbox = Inbox(sys.stdin)
    send = Sender(divert_output(arguments.log))
    append_current_folder()
    send("ready")
    store = Store(arguments.store)
    while True:
        work(inbox.blocks.get(), store, send, inbox)


def leave_to_supervisor() -> None:
    """Take no signal with which a batch system announces the end: every process of a job gets it.

    It is blocked, since Lightning would put a handler of its own in the place of any other, and end
    the cell by an exception. The supervisor ends this process with SIGKILL.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2})


def work(block: Block, store: Store, send: "Sender", inbox: "Inbox") -> None:
    """Run one block and tell what happens."""
    try:
        records = run_block(
            block,
            store,
            progress=send.progress,
            started=lambda cell: send("started", key=cell.key),
            point=send.point,
            prune=lambda number, best: ask_whether_to_prune(send, inbox, number, best),
        )
        for record in records:
            send(
                "recorded",
                key=record.key,
                status=record.status,
                reason=record.reason,
                duration_s=record.duration_s,
            )
        send("done")
    except BadInput as error:
        send("error", kind="bad_input", message=str(error))
    except OSError as error:
        send("error", kind="write", message=f"{error.strerror or error}")
    except BaseException as error:
        with contextlib.suppress(OSError):
            traceback.print_exc()
        send("error", kind="fault", message=f"{type(error).__name__}: {error}".splitlines()[0])


class Sender:
    """Writes events."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.last_progress = 0.0

    def __call__(self, event: str, **details: Any) -> None:
        """Send one event."""
        try:
            self.stream.write(json.dumps({"event": event, **details}) + "\n")
            self.stream.flush()
        except OSError:  # the supervisor is gone: that must not be taken for a fault of the cell
            os._exit(1)

    def progress(self, message: str) -> None:
        """Send a progress message, but not too often."""
        if time.monotonic() - self.last_progress >= PROGRESS_EVERY_S:
            self.last_progress = time.monotonic()
            self("progress", message=message)

    def point(self, cell: Cell, name: str, x: float, y: float) -> None:
        """Send a point of a curve of the cell that runs; what is not finite has no place in JSON."""
        if math.isfinite(x) and math.isfinite(y):
            self("point", key=cell.key, name=name, x=x, y=y)


def ask_whether_to_prune(send: Sender, inbox: "Inbox", number: int, best: float) -> bool:
    """Ask the supervisor whether to give up, and wait for its answer."""
    send("asks", number=number, best=best)
    return inbox.answers.get()


class Inbox:
    """Reads in a thread, so that the end of input ends this process at once, cell or not."""

    def __init__(self, stream: TextIO) -> None:
        self.blocks: queue.Queue[Block] = queue.Queue()
        self.answers: queue.Queue[bool] = queue.Queue()
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: TextIO) -> None:
        try:
            for line in stream:
                data = json.loads(line)
                if "prune" in data:
                    self.answers.put(bool(data["prune"]))
                else:
                    self.blocks.put(Block.model_validate(data))
        finally:
            os._exit(0)


def divert_output(log: Path) -> TextIO:
    """Send standard output and error to ``log``; return a stream on what was standard output."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    return events


if __name__ == "__main__":
    main()
