"""Stores with a manifest of toy cells, planned in no time: no architecture, so no torch."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from experiments.cell import Block, Cell
from experiments.measures.base import Context, Outcome
from experiments.store import Store
from experiments.sweep.planned import queue_name
from experiments.sweep.queue import Queue
from experiments.sweep.storage import open_storage
from tests.experiments import toys


class Logged(toys.Act):
    """Log who begins which cell, then do what ``action`` says."""

    def one(self, cell: Cell, context: Context) -> Outcome:
        with Path(os.environ[toys.LOG]).open("a") as file:
            file.write(f"{cell.seed} {os.getpid()}\n")
        if cell.options["action"] == "kill both":  # as the kernel does when memory is short
            time.sleep(1.0)  # memory is not short at once: it is known by then which cell is in hand
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return self.act(cell, context)


class LoggedTogether(Logged):
    """The same, as a measure that runs alone."""

    exclusive = True


def logged(seed: int, seconds: float = 0.0, action: str = "sleep", kind: str = "Logged") -> Cell:
    return Cell(
        measure=f"{__name__}:{kind}",
        architecture="toy",
        options={"action": action, "seconds": seconds},
        seed=seed,
    )


def begun() -> list[tuple[int, int]]:
    """Return who began which cell: (seed, process), in order."""
    path = Path(os.environ[toys.LOG])
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(seed), int(pid)) for seed, pid in (line.split() for line in lines)]


def named(name: str, *cells: Cell, exclusive: bool = False, timeout_s: float = 60.0) -> Block:
    return Block(name=name, cells=cells, exclusive=exclusive, timeout_s=timeout_s)


def write_plan(store: Store, blocks: Iterable[Block]) -> None:
    """Write what `seqyard work` needs of a manifest."""
    planned = list(blocks)
    manifest: dict[str, Any] = {
        "format": 1,
        "plan": "toys",
        "profile": "smoke",
        "request": {"device": "cpu", "speed": "fast"},
        "blocks": [
            {
                "key": block.key,
                "name": block.name,
                "exclusive": block.exclusive,
                "timeout_s": block.timeout_s,
                "cells": [cell.key for cell in block.cells],
            }
            for block in planned
        ],
        "cells": {
            cell.key: {"cell": cell.model_dump(mode="json"), "block": block.key, "theory": {}}
            for block in planned
            for cell in block.cells
        },
    }
    store.create()
    store.write_json(store.manifest, json.loads(json.dumps(manifest)))


def plan(store: Store, url: str, blocks: Iterable[Block], grace_s: float = 60.0) -> Queue:
    """Plan, as `seqyard sweep --plan-only` does."""
    planned = list(blocks)
    write_plan(store, planned)
    queue = Queue.create(
        open_storage(url, create=True), queue_name(store, create=True), grace_s=grace_s
    )
    queue.enqueue(planned, planned={block.key for block in planned})
    return queue


def other_worker(queue: Queue, name: str = "other", **about: Any) -> Queue:
    """Return the same queue, as a worker on another machine has it."""
    found = Queue(queue.storage, queue.name)
    me = {"id": name, "host": name, "machine": f"machine of {name}", "pid": 1, "born": 0.0, **about}
    found.token = json.dumps(me, sort_keys=True)
    return found


def start_work(store: Store, url: str, *options: str, **settings: Any) -> "subprocess.Popen[str]":
    """Start `seqyard work`; see the fixture ``work``, which also ends it."""
    command = [sys.executable, "-m", "experiments.cli", "work", "--storage", url, *options]
    return subprocess.Popen(
        [*command, "--store", str(store.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def finish(process: "subprocess.Popen[str]", seconds: float = 300.0) -> tuple[int, str, str]:
    """Wait for a worker; return exit code, output and errors."""
    try:
        output, errors = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, output, errors


def wait_until(condition: Any, seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
