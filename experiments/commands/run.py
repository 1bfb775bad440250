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
from experiments.commands.parser import Parser, choice, number
from experiments.commands.settings import add_settings, check_used, for_plan
from experiments.environment import choose_device, cores
from experiments.launch import RunStopped, Settings, launch
from experiments.locks import store_lock
from experiments.plans import ENTRY_POINTS, PLANS
from experiments.plans.base import PROFILES, Plan, Request
from experiments.progress import Display, clock, display_for, label
from experiments.store import Store, read_json
from experiments.tracking.options import add_wandb_option, observed
from models.errors import BadInput
from models.lookup import find

EXAMPLES = """\
  seqyard run table1 --profile quick
  seqyard run table1 --architecture my_module:MyModel     beside the default ones
  seqyard run complexity --only lstm transformer          these alone
  seqyard run translation --corpus ../data/multi30k --pair en-de
  seqyard run translation --corpus ../data/pydocs --pair en-ko --set recipe.seconds=300
  seqyard run long_range --profile standard --seconds 480 in slices of eight minutes
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


def add_plan_options(found: Parser) -> None:
    """Add what says which cells there are."""
    found.add_argument("plan", metavar="PLAN", help="a name of `seqyard list plans`, or module:PLAN")
    found.add_argument(
        "--profile",
        type=choice("profile", PROFILES),
        default="quick",
        metavar="PROFILE",
        help=f"{', '.join(PROFILES)} (default: quick)",
    )
    found.add_argument(
        "--architecture",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="more architectures, by name or module:Class, beside the default ones",
    )
    found.add_argument(
        "--only", nargs="+", action="extend", default=[], metavar="NAME", help="these in their place"
    )
    found.add_argument(
        "--corpus",
        metavar="PLACE",
        help="for plans on text: a folder of files, or a name on the hub (default: generated text)",
    )
    found.add_argument(
        "--pair", metavar="SOURCE-TARGET", help="the languages of a parallel corpus, such as en-de"
    )
    found.add_argument(
        "--columns",
        nargs=2,
        metavar=("SOURCE", "TARGET"),
        help="names of a corpus' columns, where they are not the languages",
    )
    add_settings(
        found, "any option of architecture, task, recipe or measure, for every cell that has it"
    )


def add_machine_options(found: Parser) -> None:
    """Add what `run` and `train` share."""
    found.add_argument(
        "--device",
        type=choice("device", ("auto", "cpu", "cuda")),
        default="auto",
        metavar="DEVICE",
        help="auto, cpu, cuda (default: auto)",
    )
    found.add_argument(
        "--devices",
        type=number(int, 1),
        default=1,
        metavar="N",
        help="train each cell on so many devices, which share every batch (default: 1)",
    )
    found.add_argument(
        "--speed",
        type=choice("speed", ("fast", "plain")),
        default="fast",
        metavar="SPEED",
        help="fast: the measured speed settings; plain: torch as it ships (default: fast)",
    )


def add_worker_options(found: Parser) -> None:
    """Add how many cells are trained at a time, and for how long."""
    found.add_argument(
        "--workers",
        type=number(int, 1),
        metavar="N",
        help="cells trained at a time (default: one a core; one on a GPU)",
    )
    found.add_argument(
        "--seconds",
        type=number(float, 0),
        metavar="LIMIT",
        help="begin nothing new after this long; run again to go on",
    )


def find_plan(name: str) -> Plan:
    """Return the plan called ``name``.

    Raises:
        BadInput: there is none; the message names the nearest.
    """
    plan = find(name, PLANS, ENTRY_POINTS, "plan")
    if not isinstance(plan, Plan):
        raise BadInput(f"plan '{name}': {plan!r} is not an experiments.plans.base.Plan.")
    return plan


def make_request(options: argparse.Namespace, plan: Plan) -> Request:
    """Return the request; loads every architecture, so that a wrong name stops here.

    Raises:
        BadInput: a name or a setting is wrong, or the plan takes no corpus.
    """
    from models.registry import architecture

    for name in ("corpus", "pair", "columns"):
        if getattr(options, name) is not None and not plan.corpora:
            takes = ", ".join(known for known in PLANS if find_plan(known).corpora)
            raise BadInput(f"--{name}: plan '{plan.name}' takes no corpus; these do: {takes}.")
    names = list(dict.fromkeys([*(options.only or plan.architectures), *options.architecture]))
    for name in names:
        architecture(name)
    return Request(
        profile=options.profile,
        architectures=names,
        device=choose_device(options.device),
        threads=cores(),
        speed=options.speed,
        corpus=options.corpus,
        pair=options.pair,
        columns=options.columns and tuple(options.columns),
        settings=for_plan(options.set, names),
        tuned=read_tuned(options.tuned, plan, names) if options.tuned else {},
    )


def read_tuned(path: Path, plan: Plan, architectures: Sequence[str]) -> dict[str, Any]:
    """Return the tuned values of every architecture.

    Raises:
        BadInput: the file is none, is another plan's, or leaves an architecture out.
    """
    data = read_json(path)
    try:
        values, name = {key: row["values"] for key, row in data["architectures"].items()}, data["plan"]
    except (TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"--tuned '{path}' is no file that `seqyard tune` wrote.") from error
    if name != plan.name:
        raise BadInput(f"--tuned '{path}' is of plan '{name}', not of '{plan.name}'.")
    missing = [key for key in architectures if key not in values]
    if missing:
        raise BadInput(
            f"--tuned '{path}' has no values for {', '.join(missing)}: untuned beside tuned would be "
            f"unfair; tune them, or choose --only {' '.join(values)}."
        )
    return values


def keep_tuned(store: Store, path: Path | None) -> None:
    """Put what was tuned beside the manifest, for the report; nothing, where nothing is tuned."""
    kept = store.folder / "tuned.json"
    if path is None:
        kept.unlink(missing_ok=True)
    else:
        store.write_json(kept, read_json(path))


def plan_blocks(plan: Plan, request: Request) -> list[Block]:
    """Return the blocks of a plan.

    Raises:
        BadInput: something asked for cannot be, or a setting fits no cell.
    """
    blocks = distinct(plan.blocks(request))
    check_used(request.settings, (cell for block in blocks for cell in block.cells))
    return blocks


def distinct(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks without cells that an earlier one has, where that changes no comparison.

    Raises:
        ValueError: a comparison shares a cell with another block; the plan is wrong.
    """
    seen: set[str] = set()
    found = []
    for block in blocks:
        cells = tuple({cell.key: cell for cell in block.cells if cell.key not in seen}.values())
        if block.exclusive and len(cells) < len(block.cells):
            raise ValueError(f"block '{block.name}' has a cell twice, or one of an earlier block")
        seen |= {cell.key for cell in cells}
        if cells:
            found.append(block.model_copy(update={"cells": cells}))
    return found


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
