"""``seqyard sweep --launcher slurm``: the options of the workers' jobs, and their start."""

import argparse
import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.cell import Block
from experiments.commands import work
from experiments.commands.parser import Parser, choice, number
from experiments.plans.base import Plan, Request
from experiments.run import cells_to_run
from experiments.store import Store
from experiments.sweep import slurm
from models.errors import BadInput

if TYPE_CHECKING:
    from experiments.sweep.queue import Queue


def add_launcher(found: argparse.ArgumentParser) -> None:
    """Add ``--launcher`` and what only a job of SLURM needs."""
    group = found.add_argument_group("jobs of SLURM, one worker each")
    group.add_argument(
        "--launcher",
        type=choice("launcher", ("slurm",)),
        metavar="NAME",
        help="slurm: start an array of workers on a cluster, and return",
    )
    group.add_argument("--array", type=number(int, 1), metavar="N", help="jobs (default: 1)")
    group.add_argument("--partition", metavar="NAME", help="of the cluster")
    group.add_argument("--account", metavar="NAME", help="who pays")
    group.add_argument(
        "--time",
        type=number(int, 5),
        metavar="MINUTES",
        help="of a job, which is queued again until nothing is left (default: 240)",
    )
    group.add_argument(
        "--cpus-per-task",
        type=number(int, 1),
        metavar="N",
        help="cores of a job; times are measured with so many threads (default: 1)",
    )
    group.add_argument("--gpus-per-node", type=number(int, 1), metavar="N", help="GPUs of a job")
    group.add_argument("--mem", type=_memory, metavar="AMOUNT", help="memory of a job, such as 16G")
    group.add_argument(
        "--setup",
        nargs="+",
        action="extend",
        default=None,
        metavar="LINE",
        help="lines of the shell that each job begins with, such as 'module load cuda'",
    )
    group.add_argument(
        "--sbatch",
        nargs="+",
        action="extend",
        default=None,
        type=_option,
        metavar="NAME[=VALUE]",
        help="any other option of sbatch, such as qos=long constraint=a100",
    )
    group.add_argument(
        "--shared-nodes",
        action="store_true",
        help="share nodes with other jobs where times are measured too (default: whole nodes then)",
    )
    group.add_argument("--dry-run", action="store_true", help="print the job and start nothing")


def _memory(text: str) -> str:
    try:
        return slurm.memory(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _option(text: str) -> tuple[str, str | bool]:
    name, equals, value = text.partition("=")
    name = name.removeprefix("--")
    if not name.replace("-", "").isalnum() or "\n" in value:
        raise argparse.ArgumentTypeError(f"'{text}' is no option of sbatch; write NAME=VALUE")
    return name, value if equals else True


def without_launcher(arguments: Sequence[str]) -> list[str]:
    """Return a command's arguments without those of this page: they change no result."""
    own = Parser("sweep", "", "")
    add_launcher(own)
    return own.parse_known_args(list(arguments))[1]


def prepare(options: argparse.Namespace, request: Request) -> Request:
    """Return the request as it is for the nodes.

    Raises:
        BadInput: an option fits no other, or jobs cannot be submitted from here.
    """
    if options.launcher is None:
        own = Parser("sweep", "", "")
        add_launcher(own)
        given = vars(own.parse_args([]))
        wrong = [name for name in given if getattr(options, name) != given[name]]
        if wrong:
            raise BadInput(f"--{wrong[0].replace('_', '-')} is for --launcher slurm.")
        return request
    if options.plan_only:
        raise BadInput("--plan-only starts no workers, --launcher slurm does; choose one of them.")
    if request.device == "cuda" and not options.gpus_per_node:
        raise BadInput("--device cuda: ask for GPUs with --gpus-per-node, or choose --device cpu.")
    if request.device == "cpu" and options.gpus_per_node:
        raise BadInput(
            f"--gpus-per-node {options.gpus_per_node}: this machine, where cells are planned, has no "
            "GPU; plan on a node: srun --gpus-per-node 1 seqyard sweep ..."
        )
    if not options.dry_run:
        slurm.check_installed()
    return replace(request, threads=options.cpus_per_task or 1)


def resources(options: argparse.Namespace, plan: Plan, blocks: Collection[Block]) -> slurm.Resources:
    """Return what a job needs."""
    return slurm.Resources(
        name=f"seqyard-{plan.name}",
        array=options.array or 1,
        time=options.time or 240,
        partition=options.partition,
        account=options.account,
        cpus_per_task=options.cpus_per_task or 1,
        gpus_per_node=options.gpus_per_node,
        mem=options.mem,
        exclusive=not options.shared_nodes and any(block.exclusive for block in blocks),
        setup=options.setup or (),
        more=dict(options.sbatch or ()),
    )


def worker(options: argparse.Namespace, store: Store) -> tuple[slurm.Worker, dict[str, str]]:
    """Return what each job calls, and the environment that it needs: an address with a password."""
    from experiments.sweep.storage import parse, shown

    url = work.wanted(options)
    address = parse(url)
    if address.drivername == "sqlite":
        url = f"sqlite:///{Path(str(address.database)).absolute()}"
    secret = shown(url) != url
    arguments = [] if secret else ["--storage", url]
    arguments += ["--store", str(store.folder.absolute())]
    for name in ("workers", "devices", "seconds", "wandb"):
        value = getattr(options, name)
        if value is not None:
            arguments += [f"--{name}", str(value)]
    return slurm.Worker(tuple(arguments)), {work.VARIABLE: url} if secret else {}


def dry_run(options: argparse.Namespace, plan: Plan, blocks: Sequence[Block], store: Store) -> int:
    """Print the job."""
    missing = [block for block in blocks if cells_to_run(block, store)]
    job, _ = worker(options, store)
    needs = resources(options, plan, missing)
    print(slurm.script(needs, store.folder / "slurm"), end="")
    print(f"# each job runs: seqyard work {' '.join(job.arguments)}")
    return 0


def start(
    options: argparse.Namespace,
    plan: Plan,
    blocks: Sequence[Block],
    store: Store,
    queue: "Queue",
    added: int,
) -> int:
    """Start the workers; say what to watch.

    Raises:
        BadInput: SLURM refuses, or the storage cannot be shared by the workers.
    """
    live = sum(row.trials for row in queue.counts() if not row.state.is_finished())
    told: dict[str, Any] = {
        "store": str(store.folder),
        "queue": queue.name,
        "blocks": len(blocks),
        "added": added,
        "job": None,
    }
    if not live:
        words = f"nothing is left to do: all {len(blocks)} blocks have records or cannot be run"
        print(json.dumps(told) if options.json else words)
        return 0
    needs = resources(options, plan, [block for block in blocks if cells_to_run(block, store)])
    warning = sharing(work.wanted(options), needs)
    job, environment = worker(options, store)
    told["job"] = slurm.submit(job, needs, (store.folder / "slurm").absolute(), environment)
    print(json.dumps(told) if options.json else in_words(told, needs, live))
    if warning and not options.json:
        print(warning)
    return 0


def in_words(told: dict[str, Any], needs: slurm.Resources, live: int) -> str:
    """Return for people what was started and what to watch."""
    number, store = told["job"], told["store"]
    workers = f"{needs.array} workers" if needs.array > 1 else "1 worker"
    whole = ", each on a whole node (times are measured)" if needs.exclusive else ""
    rows = {
        f"squeue --jobs {number}": "the jobs",
        f"seqyard status {store} --watch": "the cells",
        f"seqyard report {store}": "what there is so far",
        f"scancel {number}": "end it; the same sweep goes on from there",
        f"tail -f {store}/slurm/{number}_*": "what the workers say",
    }
    width = max(map(len, rows))
    lines = [f"  {command:<{width}}  {meaning}" for command, meaning in rows.items()]
    return "\n".join([f"{live} blocks in the queue; job {number}: {workers}{whole}", *lines])


def sharing(url: str, needs: slurm.Resources) -> str | None:
    """Return a warning where workers on several nodes may share a file of SQLite.

    Raises:
        BadInput: they will for certain.
    """
    from experiments.sweep.storage import parse

    if parse(url).drivername != "sqlite" or needs.array == 1 or slurm.nodes(needs.partition) == 1:
        return None
    if needs.exclusive:
        raise BadInput(
            f"--storage '{url}': {needs.array} workers on {needs.array} whole nodes cannot share a "
            "file of SQLite; use PostgreSQL, or one worker: --array 1 --cpus-per-task N."
        )
    return (
        "warning: workers on several nodes share a file of SQLite, whose locks do not hold on network "
        "file systems; with more than one node use PostgreSQL"
    )
