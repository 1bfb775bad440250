"""``seqyard run PLAN``: plan, run what is missing, report."""

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cell import Block
from experiments.cli import fail
from experiments.commands.parser import Parser
from experiments.commands.request import (
    add_machine_options,
    add_plan_options,
    add_worker_options,
    find_plan,
    make_request,
    plan_blocks,
)
from experiments.environment import cores
from experiments.launch import RunStopped, Settings, launch
from experiments.locks import store_lock
from experiments.plans.base import Plan, Request
from experiments.progress import Display, clock, display_for, label
from experiments.store import Store, read_json
from experiments.tracking.options import add_wandb_option, observed

EXAMPLES = """\
  seqyard run table1 --profile quick
  seqyard run table1 --architecture my_module:MyModel     beside the default ones
  seqyard run complexity --only lstm transformer          these alone
  seqyard run translation --corpus ../data/multi30k --pair en-de
  seqyard run translation --corpus ../data/pydocs --pair en-ko --set recipe.seconds=300
  seqyard run long_range --profile standard --seconds 480 in slices of eight minutes
  seqyard run long_range --seeds 12                       as many as a verdict needs
  seqyard run table1 --profile full --estimate            what it will cost
"""


def main(arguments: Sequence[str]) -> int:
    """Run a plan.

    Raises:
        BadInput: an argument, a cell or the store is wrong.
    """
    options = parser().parse(arguments)
    plan = find_plan(options.plan)
    request = make_request(options, plan)
    store = Store(options.store or Path("runs") / f"{plan.name}-{request.profile}")
    print(f"planning {plan.name} ({request.profile}) ...", file=sys.stderr, flush=True)
    blocks = plan_blocks(plan, request)
    if options.estimate:
        return estimate(options, plan, request, blocks, store)
    store.create()
    with store_lock(store.folder):
        return run(options, plan, request, blocks, store, command_line(arguments))


def run(
    options: argparse.Namespace,
    plan: Plan,
    request: Request,
    blocks: list[Block],
    store: Store,
    command: str,
) -> int:
    """Run what is missing, with the store in hand."""
    from experiments.manifest import write_manifest

    cells = {cell.key: cell for block in blocks for cell in block.cells}
    statuses = {key: store.read(key).status for key in cells if store.has(key)}
    write_manifest(store, plan, request, blocks, command)
    keep_tuned(store, options.tuned)
    settings = Settings(
        device=request.device,
        workers=default_workers(options, request),
        speed=request.speed,
        seconds=options.seconds,
        devices=options.devices,
    )
    display = display_for(cells.values(), statuses)
    with observed(options.wandb, store, f"{plan.name}-{request.profile}", display.note) as observer:
        try:
            with display:
                launch(blocks, store, settings, display, observer)
        except KeyboardInterrupt:
            return fail(f"interrupted; {_kept(display)}", 130)
        except RunStopped as error:
            return fail(f"{error}", 1)
        report = None
        if not options.no_report:
            from experiments.commands.report import write

            report = write(store.folder, None)
            observer.reported(store.folder)
    summary = summarise(display, store, plan, request, report)
    print(json.dumps(summary) if options.json else in_words(summary))
    return 0


def default_workers(options: argparse.Namespace, request: Request) -> int:
    """Return how many cells are trained at a time."""
    return int(options.workers or (1 if request.device == "cuda" else cores()))


def estimate(
    options: argparse.Namespace, plan: Plan, request: Request, blocks: list[Block], store: Store
) -> int:
    """Say what the plan will cost; nothing is written."""
    from experiments.commands.estimating import show_estimate

    return show_estimate(
        plan,
        request,
        blocks,
        store,
        workers=default_workers(options, request),
        devices=options.devices,
        as_json=options.json,
    )


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser("run", "Run a plan and write its report. Finished cells are not repeated.", EXAMPLES)
    add_plan_options(found)
    found.add_argument(
        "--store", type=Path, metavar="FOLDER", help="where records go (default: runs/PLAN-PROFILE)"
    )
    found.add_argument(
        "--tuned", type=Path, metavar="FILE", help="values that `seqyard tune` found, by architecture"
    )
    add_machine_options(found)
    add_worker_options(found)
    add_wandb_option(found)
    found.add_argument("--no-report", action="store_true", help="only records, no report")
    found.add_argument(
        "--estimate", action="store_true", help="only say how many cells there are and what they cost"
    )
    found.add_argument("--json", action="store_true", help="print the summary as JSON")
    return found


def keep_tuned(store: Store, path: Path | None) -> None:
    """Put what was tuned beside the manifest, for the report; nothing, where nothing is tuned."""
    kept = store.folder / "tuned.json"
    if path is None:
        kept.unlink(missing_ok=True)
    else:
        store.write_json(kept, read_json(path))


def command_line(arguments: Sequence[str]) -> str:
    """Return the exact command; of a path that leaves this folder no more than its last part."""
    parts = []
    for argument in arguments:
        option, equals, value = argument.rpartition("=")
        path = Path(value).expanduser()
        if path.is_absolute() or ".." in path.parts:
            value = path.name
        parts.append(f"{option}{equals}{value}")
    return shlex.join(["seqyard", "run", *parts])


def summarise(
    display: Display, store: Store, plan: Plan, request: Request, report: Path | None
) -> dict[str, Any]:
    """Return how the run ended, as plain data."""
    statuses = display.statuses
    failed = [key for key in display.cells if statuses.get(key, "ok") != "ok"]
    return {
        "plan": plan.name,
        "profile": request.profile,
        "store": str(store.folder),
        "cells": len(display.cells),
        "done": display.counts().total(),
        "new": len(display.new),
        "left": len(display.cells) - display.counts().total(),
        "statuses": dict(sorted(display.counts().items())),
        "without_result": [
            {"key": key, "cell": label(display.cells[key]), "status": statuses[key]} for key in failed
        ],
        "seconds": round(display.elapsed(), 1),
        "report": None if report is None else str(report),
    }


def in_words(summary: dict[str, Any]) -> str:
    """Return the summary for people."""
    counts = Counter(row["status"].replace("_", " ") for row in summary["without_result"])
    lines = [
        f"{summary['plan']} ({summary['profile']}): {summary['done']}/{summary['cells']} cells done, "
        f"{summary['new']} of them now, in {clock(summary['seconds'])}"
    ]
    if counts:
        lines.append("without result: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
    if summary["left"]:
        lines.append(f"{summary['left']} cells left; run the same command again to go on")
    if summary["report"]:
        lines.append(f"report: {summary['report']}")
    return "\n".join(lines)


def _kept(display: Display) -> str:
    done = display.counts().total()
    return (
        f"{done} of {len(display.cells)} cells are done and kept; the same command goes on from there"
    )
