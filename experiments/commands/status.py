"""``seqyard status STORE``: what is done, running, without result and why, and left. No torch."""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.commands.parser import Parser, number
from experiments.commands.report import planned_store
from experiments.operations.overview import Overview
from experiments.progress import clock
from experiments.store import Store

LIVE_EVERY_S, LINE_EVERY_S = 2.0, 10.0
SHOWN = 3  # cells of one reason
Read = Callable[[], dict[str, Any]]

EXAMPLES = """\
  seqyard status                          of the newest store under runs/
  seqyard status runs/table1-quick --watch
  seqyard status runs/long_range --storage postgresql://seqyard@head:5432/sweeps
  seqyard status runs/table1-quick --json
"""


def main(arguments: Sequence[str]) -> int:
    """Say what a store holds, once or until nothing is left.

    Raises:
        BadInput: the store or the storage is wrong, or a record is damaged.
    """
    options = parser().parse(arguments)
    store = Store(planned_store(options.store))
    with reader(store, options) as read:
        if not options.watch:
            state = read()
            print(json.dumps(state) if options.json else in_words(state))
            return 0
        with contextlib.suppress(KeyboardInterrupt):
            watch(read, options)
    return 0


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser(
        "status",
        "Show what is done, running (where, since when), without result (why), left.",
        EXAMPLES,
    )
    found.add_argument(
        "store", type=Path, nargs="?", metavar="STORE", help="default: the newest under runs/"
    )
    found.add_argument("--watch", action="store_true", help="go on until nothing is left, or Ctrl-C")
    found.add_argument(
        "--every",
        type=number(float, 0, above=True),
        metavar="SECONDS",
        help=f"between two looks (default: {LIVE_EVERY_S:g} on a terminal, else {LINE_EVERY_S:g})",
    )
    found.add_argument(
        "--storage",
        metavar="URL",
        help="also ask the queue of a sweep: what waits, and who works on machines that write to "
        "other folders (default: $SEQYARD_STORAGE, where the store has a queue)",
    )
    found.add_argument("--json", action="store_true", help="print JSON; with --watch a line a look")
    return found


@contextlib.contextmanager
def reader(store: Store, options: argparse.Namespace) -> Iterator[Read]:
    """Yield what returns the store's state, with its queue where that is asked for."""
    overview = Overview(store)
    if options.storage is None and (store.folder / "sweep.json").exists():
        options.storage = os.environ.get("SEQYARD_STORAGE")
    if options.storage is None:
        yield overview.read
        return
    from experiments.commands.work import opened
    from experiments.sweep.storage import Unreachable

    with opened(store, options) as (queue, _):

        def read() -> dict[str, Any]:
            try:
                return overview.read(queue)
            except Unreachable as error:
                if not options.watch:
                    raise
                return overview.read() | {"queue": {"away": str(error)}}

        yield read


def watch(read: Read, options: argparse.Namespace) -> None:
    """Show the state again and again until nothing is left."""
    if options.json or not sys.stdout.isatty():
        _lines(read, options)
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            state = read()
            live.update(Text(in_words(state)), refresh=True)
            if state["done"] >= state["cells"]:
                return
            time.sleep(options.every or LIVE_EVERY_S)


def _lines(read: Read, options: argparse.Namespace) -> None:
    while True:
        state = read()
        print(json.dumps(state) if options.json else in_one_line(state), flush=True)
        if state["done"] >= state["cells"]:
            return
        time.sleep(options.every or LINE_EVERY_S)


def in_one_line(state: dict[str, Any]) -> str:
    """Return the state in one line."""
    without = len(state["without_result"])
    parts = [f"{state['done']}/{state['cells']} cells"]
    parts += [f"{without} without result"] if without else []
    running = ", ".join(f"{row['cell']} on {row['host']}" for row in state["running"])
    parts += [f"running: {running}"] if running else []
    parts += [time_left(state["time_left"])] if state["time_left"] else []
    if "away" in state.get("queue", {}):
        parts.append(f"the queue's database is away: {state['queue']['away']}")
    return " · ".join(parts)


def in_words(state: dict[str, Any]) -> str:
    """Return the state for people."""
    name = f"{state['plan']} ({state['profile']})"
    lines = [f"{state['store']}: {name}, {state['done']}/{state['cells']} cells done"]
    lines += [f"  {number:5d} {name.replace('_', ' ')}" for name, number in state["statuses"].items()]
    lines += [f"  {number:5d} left: {measure}" for measure, number in state["left"].items()]
    if state["running"]:
        lines.append("running:")
    for row in state["running"]:
        where = f"{row['host']}, process {row['pid']}"
        lines.append(f"  {row['cell']} ({row['key']}): for {clock(row['seconds'])} on {where}")
    lines += _queue_in_words(state.get("queue"))
    if state["time_left"]:
        lines.append(time_left(state["time_left"]))
    lines += _why_in_words(state)
    return "\n".join(lines)


def time_left(found: dict[str, Any]) -> str:
    """Return the time that is left, for people."""
    unknown = sum(found["unknown"].values())
    beside = f"; {unknown} cells are unknown" if unknown else ""
    if not found["cells"]:
        return "time left: unknown, nothing like it was measured yet"
    times = f"about {clock(found['seconds'])} left ({clock(found['low'])} to {clock(found['high'])}"
    who = (
        f"with {found['workers']} at work" if found["workers"] else "for one worker; nobody is at work"
    )
    return f"{times}) {who}{beside}"


def _queue_in_words(queue: dict[str, Any] | None) -> list[str]:
    if queue is None:
        return []
    if "away" in queue:
        return [f"the queue's database is away: {queue['away']}"]
    lines = [f"queue: {queue['waiting']} blocks waiting, {queue['running']} in hand"]
    return lines + [f"cannot be run: {row['block']}: {row['error']}" for row in queue["cannot_be_run"]]


def _why_in_words(state: dict[str, Any]) -> list[str]:
    cells = {row["key"]: row for row in state["without_result"]}
    lines = []
    for group in state["why"]:
        for key in group["keys"][:SHOWN]:
            row = cells[key]
            why = ": ".join(each for each in (row["status"].replace("_", " "), row["reason"]) if each)
            lines.append(f"{row['cell']} ({key}): {why}")
        if len(group["keys"]) > SHOWN:
            lines.append(f"  ... and {len(group['keys']) - SHOWN} more for the same reason")
    return lines
