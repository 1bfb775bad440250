"""``seqyard sweep PLAN``: plan once, put what is missing into a queue, work on it, report."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands import run, slurm, work
from experiments.commands.parser import Parser, number
from experiments.commands.request import find_plan, make_request, plan_blocks
from experiments.locks import store_lock
from experiments.plans.base import Plan, Request
from experiments.run import cells_to_run
from experiments.store import Store, read_json
from experiments.tracking.options import observed, say
from models.errors import BadInput

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

    from experiments.cell import Block
    from experiments.sweep.queue import Queue

EXAMPLES = """\
  seqyard sweep long_range --storage runs/sweep.db                all cores of this machine
  seqyard sweep table1 --profile full --storage postgresql://seqyard@head:5432/sweeps --plan-only
  seqyard sweep table1 --storage postgresql://seqyard@head:5432/sweeps --launcher slurm --array 16
"""


def main(arguments: Sequence[str]) -> int:
    """Plan a sweep and work on it.

    Raises:
        BadInput: an argument, a cell, the store or the storage is wrong.
    """
    from experiments.sweep.storage import Unreachable, open_storage, shown

    options = parser().parse(arguments)
    url = work.wanted(options)
    plan = find_plan(options.plan)
    request = slurm.prepare(options, make_request(options, plan))
    store = Store(options.store or Path("runs") / f"{plan.name}-{request.profile}")
    if options.dry_run:
        return slurm.dry_run(options, plan, plan_blocks(plan, request), store)
    if options.estimate:
        return run.estimate(options, plan, request, plan_blocks(plan, request), store)
    storage = open_storage(url, create=True)
    try:
        print(f"planning {plan.name} ({request.profile}) ...", file=sys.stderr, flush=True)
        blocks = plan_blocks(plan, request)
        store.create()
        refuse_other(store, plan, request)
        with store_lock(store.folder, shared=True):
            queue, added = enqueue(options, plan, request, blocks, store, storage, arguments)
            if options.launcher == "slurm":
                return slurm.start(options, plan, blocks, store, queue, added)
            return go_on(options, store, queue, added)
    except Unreachable as error:
        raise BadInput(f"--storage '{shown(url)}': {error}.") from error
    finally:
        storage.engine.dispose()


def parser() -> Parser:
    """Return the command's parser: all of `run`, and the queue."""
    found = run.parser()
    found.prog = "seqyard sweep"
    found.description = "Run a plan with many workers, here and on other machines, through one queue."
    found.epilog = f"examples:\n{EXAMPLES}"
    work.add_storage(found)
    found.add_argument(
        "--plan-only", action="store_true", help="fill the queue; `seqyard work` does the rest"
    )
    found.add_argument(
        "--grace",
        type=number(float, 1),
        default=120.0,
        metavar="SECONDS",
        help="a worker that was not heard of for so long is taken for dead (default: 120)",
    )
    slurm.add_launcher(found)
    return found


def refuse_other(store: Store, plan: Plan, request: Request) -> None:
    """Refuse a store of another plan: its workers would lose what they take from.

    Raises:
        BadInput: it is one.
    """
    if not store.manifest.exists():
        return
    manifest = read_json(store.manifest)
    found = (manifest.get("plan"), manifest.get("profile"))
    if found != (plan.name, request.profile):
        raise BadInput(
            f"--store '{store.folder}' is of {found[0]} ({found[1]}), not of {plan.name} "
            f"({request.profile}); choose another."
        )


def enqueue(
    options: argparse.Namespace,
    plan: Plan,
    request: Request,
    blocks: "Sequence[Block]",
    store: Store,
    storage: "RDBStorage",
    arguments: Sequence[str],
) -> tuple["Queue", int]:
    """Write the manifest, make the queue, add what has no record; return it and how many blocks."""
    from experiments.manifest import write_manifest
    from experiments.sweep.planned import queue_name
    from experiments.sweep.queue import Queue

    write_manifest(store, plan, request, blocks, command_line(arguments))
    run.keep_tuned(store, options.tuned)
    queue = Queue.create(
        storage,
        queue_name(store, create=True),
        grace_s=options.grace,
        plan=plan.name,
        profile=request.profile,
        store=store.folder.name,
    )
    missing = [block for block in blocks if cells_to_run(block, store)]
    return queue, queue.enqueue(missing, planned={block.key for block in blocks})


def go_on(options: argparse.Namespace, store: Store, queue: "Queue", added: int) -> int:
    """Work and report, or say how others can."""
    from experiments.sweep.planned import Planned
    from experiments.sweep.storage import shown

    planned = Planned(store)
    if options.plan_only:
        url = shown(options.storage)
        told: dict[str, Any] = {
            "store": str(store.folder),
            "queue": queue.name,
            "blocks": len(planned.blocks),
            "added": added,
        }
        words = (
            f"{added} of {len(planned.blocks)} blocks added to the queue; now, wherever this folder "
            f"and the database can be reached:\n  seqyard work --storage {url} --store {store.folder}"
        )
        print(json.dumps(told) if options.json else words)
        return 0
    code, summary = work.run_workers(options, store, queue, planned)
    if summary is None:
        return code
    summary["report"] = None
    if not options.no_report:
        from experiments.commands.report import write

        summary["report"] = str(write(store.folder, None))
        group = f"{planned.plan}-{planned.profile}"
        with observed(options.wandb, store, group, say, everything=False) as observer:
            observer.reported(store.folder)
    print(json.dumps(summary) if options.json else work.in_words(summary))
    if summary["report"] and not options.json:
        print(f"report: {summary['report']}")
    return code


def command_line(arguments: Sequence[str], name: str = "sweep") -> str:
    """Return the exact command without passwords, and with no more of a path than its last part."""
    from experiments.sweep.storage import shown

    hidden = []
    arguments = slurm.without_launcher(arguments)
    for before, argument in zip(["", *arguments], arguments, strict=False):
        option, equals, value = argument.partition("=")
        if option == "--storage" and equals:
            argument = f"{option}={shown(value)}"
        elif before == "--storage":
            argument = shown(argument)
        hidden.append(argument)
    return run.command_line(hidden).replace("seqyard run", f"seqyard {name}", 1)
