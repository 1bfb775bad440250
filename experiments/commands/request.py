"""What a plan is asked for: the options of commands that plan, as a request, and as blocks."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cell import Block
from experiments.commands.parser import Parser, choice, number
from experiments.commands.settings import add_settings, check_used, for_plan
from experiments.environment import choose_device, cores
from experiments.plans import ENTRY_POINTS, PLANS
from experiments.plans.base import PROFILES, Plan, Request
from experiments.store import read_json
from models.errors import BadInput
from models.lookup import find


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
        "--seeds",
        type=number(int, 1),
        metavar="N",
        help="so many of everything that is drawn, in place of the profile's; verdicts need 12",
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
        seeds=options.seeds,
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


def plan_blocks(plan: Plan, request: Request) -> list[Block]:
    """Return the blocks of a plan.

    Raises:
        BadInput: something asked for cannot be, or a setting fits no cell.
    """
    blocks = distinct(plan.blocks(request))
    if not blocks:
        raise BadInput(
            f"--only {' '.join(request.architectures)}: plan '{plan.name}' measures nothing of that; "
            f"it compares {', '.join(plan.architectures)}."
        )
    seeds = {cell.seed for block in blocks for cell in block.cells}
    if request.seeds is not None and seeds != set(range(request.seeds)):
        raise BadInput(f"--seeds {request.seeds}: nothing that plan '{plan.name}' measures is drawn.")
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
