"""``seqyard trial PLAN``: one trial of a plan's tuning; what ``wandb agent`` runs."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands import train
from experiments.commands.parser import Parser, choice, number
from experiments.commands.request import add_machine_options, find_plan, make_request
from experiments.commands.settings import value_of
from experiments.plans.base import PROFILES
from experiments.store import Store
from experiments.tracking.options import add_wandb_option
from experiments.tracking.target import agents_run, plain
from models.errors import BadInput, nearest

if TYPE_CHECKING:
    from models.search import Space

EXAMPLES = """\
  seqyard trial long_range --architecture lstm --recipe.learning_rate=0.003 --model.dropout=0.1
  wandb sweep experiments/wandb_sweeps/long_range/lstm.yaml     then `wandb agent` runs this command
"""

_POINT = re.compile(r"--((?:model|task|recipe|measure)\.[\w.]+)=(.*)", re.DOTALL)


def main(arguments: Sequence[str]) -> int:
    """Train one cell with given values and print its validation score.

    Raises:
        BadInput: an argument is wrong, or a value is outside its range.
    """
    given = [_POINT.fullmatch(argument) for argument in arguments]
    rest = [a for a, point in zip(arguments, given, strict=True) if point is None]
    options = parser().parse(rest)
    from experiments.tuning.subject import find_subject

    plan = find_plan(options.plan)
    subject = find_subject(plan, make_request(options, plan), options.task)
    (architecture,) = options.only
    space, _ = subject.space(architecture)
    point = {found[1]: value_of(found[2]) for found in given if found is not None}
    name = f"trial {architecture}"
    block = subject.block(architecture, checked(point, space), name)
    group = f"tune-{plan.name}-{options.profile}"
    return train.run_one(block, Store(options.store or default_store(plan.name)), options, group=group)


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser(
        "trial",
        "Train one cell of a plan with given values of its search space: --PART.NAME=VALUE.",
        EXAMPLES,
    )
    found.add_argument("plan", metavar="PLAN", help="a name of `seqyard list plans`, or module:PLAN")
    found.add_argument(
        "--profile",
        type=choice("profile", PROFILES),
        default="quick",
        metavar="PROFILE",
        help=f"{', '.join(PROFILES)} (default: quick)",
    )
    found.add_argument(
        "--architecture", dest="only", nargs=1, required=True, metavar="NAME", help="what is trained"
    )
    found.add_argument("--task", metavar="NAME", help="default: the plan's first training task")
    add_machine_options(found)
    found.add_argument(
        "--timeout", type=number(float, 0, above=True), default=86400.0, metavar="SECONDS"
    )
    found.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help="default: runs/trials-PLAN, and for each run of an agent a folder of its own there",
    )
    add_wandb_option(found)
    found.add_argument("--json", action="store_true", help="print the record as JSON")
    found.set_defaults(
        architecture=[], corpus=None, pair=None, columns=None, seeds=None, set=[], tuned=None
    )
    return found


def checked(point: dict[str, Any], space: "Space") -> dict[str, Any]:
    """Return the point with integers where they belong.

    Raises:
        BadInput: a name is not tuned, or a value is outside what is.
    """
    found = {}
    for name, value in point.items():
        if name not in space:
            raise BadInput(f"--{name}: not in the search space.{nearest(name, space)}")
        dimension = space[name]
        if getattr(dimension, "integer", False) and isinstance(value, float) and value.is_integer():
            value = int(value)
        if not dimension.contains(value):
            raise BadInput(f"--{name}={value}: must be {dimension}.")
        found[name] = value
    return found


def default_store(plan: str) -> Path:
    """Return the folder of trials; agents that run at the same time have one each."""
    folder = Path("runs") / f"trials-{plan}"
    name = agents_run()
    return folder / plain(f"{os.environ.get('WANDB_SWEEP_ID')}-{name}") if name else folder
