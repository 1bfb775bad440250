"""``seqyard work``: take cells from a sweep's queue until none is left."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from experiments.cli import fail
from experiments.commands.parser import Parser, number
from experiments.environment import cores
from experiments.gpus import gpus
from experiments.launch import RunStopped, Settings
from experiments.locks import store_lock
from experiments.progress import Display, clock, display_for
from experiments.store import Store
from experiments.tracking.options import add_wandb_option, observed
from models.errors import BadInput

if TYPE_CHECKING:
    from experiments.sweep.planned import Planned
    from experiments.sweep.queue import Queue

VARIABLE = "SEQYARD_STORAGE"
"""Environment variable that stands for ``--storage``: other users see arguments, not this."""

EXAMPLES = """\
  seqyard work --storage runs/sweep.db --store runs/long_range-quick
  seqyard work --storage postgresql://seqyard@head:5432/sweeps --store /shared/long_range --workers 8
"""


def main(arguments: Sequence[str]) -> int:
    """Work on the queue of a store.

    Raises:
        BadInput: an argument, the store or the storage is wrong.
    """
    options = parser().parse(arguments)
    store = Store(options.store)
    with opened(store, options) as (queue, planned), store_lock(store.folder, shared=True):
        code, summary = run_workers(options, store, queue, planned)
    if summary is not None:
        print(json.dumps(summary) if options.json else in_words(summary))
    return code


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser("work", "Take cells from a sweep's queue until none is left.", EXAMPLES)
    add_storage(found)
    found.add_argument(
        "--store", type=Path, required=True, metavar="FOLDER", help="the folder that was planned into"
    )
    found.add_argument(
        "--workers",
        type=number(int, 1),
        metavar="N",
        help="cells at a time on this machine (default: one a core; with GPUs one a GPU)",
    )
    found.add_argument(
        "--devices",
        type=number(int, 1),
        default=1,
        metavar="N",
        help="train each cell on so many devices, which share every batch (default: 1)",
    )
    found.add_argument(
        "--seconds", type=number(float, 0), metavar="LIMIT", help="begin nothing new after this long"
    )
    add_wandb_option(found)
    found.add_argument("--json", action="store_true", help="print the summary as JSON")
    return found


def add_storage(found: Parser) -> None:
    """Add the option ``--storage``."""
    found.add_argument(
        "--storage",
        default=os.environ.get(VARIABLE),
        metavar="URL",
        help="the queue's database: a path (SQLite, one machine), or "
        f"postgresql://USER@HOST:PORT/DATABASE (default: ${VARIABLE}); the password may be in "
        "$PGPASSWORD or ~/.pgpass",
    )


def wanted(options: argparse.Namespace) -> str:
    """Return the storage's address.

    Raises:
        BadInput: there is none.
    """
    if not options.storage:
        raise BadInput(f"--storage: name the queue's database, or set {VARIABLE}.")
    return str(options.storage)


@contextmanager
def opened(store: Store, options: argparse.Namespace) -> Iterator[tuple["Queue", "Planned"]]:
    """Yield the queue of a store that was planned, and what was planned.

    Raises:
        BadInput: there is no such store or queue, or the database cannot be reached.
    """
    from experiments.sweep.planned import Planned, queue_name
    from experiments.sweep.queue import Queue
    from experiments.sweep.storage import Unreachable, open_storage, shown

    url = wanted(options)
    planned, name = Planned(store), queue_name(store)
    storage = open_storage(url)
    try:
        yield Queue(storage, name), planned
    except Unreachable as error:
        raise BadInput(f"--storage '{shown(url)}': {error}.") from error
    finally:
        storage.engine.dispose()


def run_workers(
    options: argparse.Namespace, store: Store, queue: "Queue", planned: "Planned"
) -> tuple[int, dict[str, Any] | None]:
    """Work; return the exit code and, unless it was stopped, how it ended."""
    from experiments.sweep.client import Client
    from experiments.sweep.identity import me
    from experiments.sweep.work import work

    cells = planned.cells
    statuses = {key: store.read(key).status for key in cells if store.has(key)}
    display = display_for(cells.values(), statuses)
    settings = make_settings(options, planned, name=me()["id"])
    group = f"{planned.plan}-{planned.profile}"
    with (
        terminated_as_interrupted(),
        observed(options.wandb, store, group, display.note) as observer,
    ):
        try:
            with display, Client(queue, planned, store, display.note) as client:
                work(client, store, settings, display, observer)
        except KeyboardInterrupt:
            kept = f"{display.counts().total()} of {len(cells)} cells are done and kept"
            return fail(f"interrupted; {kept}; the same command goes on from there", 130), None
        except RunStopped as error:
            return fail(f"{error}", 1), None
    summary = summarise(display, store, queue, planned)
    return (1 if summary["cannot_be_run"] else 0), summary


def make_settings(options: argparse.Namespace, planned: "Planned", *, name: str) -> Settings:
    """Return how to use this machine: one worker a GPU, or as many as the cores are enough for."""
    device = planned.request["device"]
    found = gpus() if device == "cuda" else ()
    threads = max(
        (cell.threads for b in planned.blocks.values() if not b.exclusive for cell in b.cells),
        default=1,
    )
    default = max(1, len(found) // options.devices) if device == "cuda" else cores() // threads
    return Settings(
        device=device,
        workers=options.workers or max(1, default),
        speed=planned.request["speed"],
        seconds=options.seconds,
        devices=options.devices,
        gpus=found if len(found) > 1 else (),
        name=name,
    )


def summarise(display: Display, store: Store, queue: "Queue", planned: "Planned") -> dict[str, Any]:
    """Return how it ended, as plain data."""
    from optuna.trial import TrialState

    from experiments.sweep.work import catch_up

    catch_up(store, display)
    failed = [row for row in queue.rows([TrialState.FAIL]) if has_left(planned, row.block, store)]
    counts = display.counts()
    return {
        "plan": planned.plan,
        "profile": planned.profile,
        "store": str(store.folder),
        "cells": len(display.cells),
        "done": counts.total(),
        "new": len(display.new),
        "left": len(display.cells) - counts.total(),
        "statuses": dict(sorted(counts.items())),
        "cannot_be_run": [{"block": row.name, "error": row.error} for row in failed],
        "seconds": round(display.elapsed(), 1),
    }


def has_left(planned: "Planned", key: str, store: Store) -> bool:
    """Whether a planned block has cells without a record."""
    block = planned.blocks.get(key)
    return block is not None and not all(store.has(cell.key) for cell in block.cells)


def in_words(summary: dict[str, Any]) -> str:
    """Return the summary for people."""
    lines = [
        f"{summary['plan']} ({summary['profile']}): {summary['done']}/{summary['cells']} cells done, "
        f"{summary['new']} of them here, in {clock(summary['seconds'])}"
    ]
    without = {name: n for name, n in summary["statuses"].items() if name != "ok"}
    if without:
        words = (f"{n} {name.replace('_', ' ')}" for name, n in without.items())
        lines.append("without result: " + ", ".join(words))
    lines += [f"cannot be run: {row['block']}: {row['error']}" for row in summary["cannot_be_run"]]
    if summary["left"]:
        lines.append(
            f"{summary['left']} cells left; the same command goes on with what can be run here"
        )
    return "\n".join(lines)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Take SIGTERM, which a batch system sends before it kills, as Ctrl-C: everything is given back."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.stderr.flush()
