"""``seqyard train``: one cell from flags."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cell import Block
from experiments.cli import fail
from experiments.commands.parser import Parser, choice, number
from experiments.commands.request import add_machine_options
from experiments.commands.settings import add_settings, assign
from experiments.environment import choose_device, cores
from experiments.launch import RunStopped, Settings, launch
from experiments.locks import store_lock
from experiments.plans.base import Request
from experiments.progress import clock, display_for
from experiments.record import Record
from experiments.store import Store
from experiments.tracking.options import add_wandb_option, observed

EXAMPLES = """\
  seqyard train --task recall --architecture lstm --learning-rate 1e-3 --steps 500
  seqyard train --task copying --architecture transformer --budget 40000 --set model.layers=2
  seqyard train --task recall --architecture rnn --set length=64 --seed 3 --json
  seqyard train --task translation --set corpus=../data/multi30k --set pair=en-de --set seconds=300 \
      --architecture transformer --threads 1 --batch-size 1500 --precision bfloat16
"""


def main(arguments: Sequence[str]) -> int:
    """Train, test once, and print what came out.

    Raises:
        BadInput: an argument is wrong.
    """
    options = parser().parse(arguments)
    block = Block(name="train", cells=(make_cell(options),), timeout_s=options.timeout)
    return run_one(block, Store(options.store), options, group="train")


def run_one(block: Block, store: Store, options: argparse.Namespace, *, group: str) -> int:
    """Run a block of one cell, unless it is recorded; print the record; return the exit code."""
    cell = block.cells[0]
    store.create()
    with store_lock(store.folder):
        known = {cell.key: store.read(cell.key).status} if store.has(cell.key) else {}
        display = display_for([cell], known)
        with observed(options.wandb, store, group, display.note, everything=False) as observer:
            if known:
                print("recorded before; --store FOLDER elsewhere trains again", file=sys.stderr)
                observer.recorded(cell.key)
            else:
                settings = Settings(device=cell.device, speed=cell.speed, devices=options.devices)
                try:
                    with display:
                        launch([block], store, settings, display, observer)
                except KeyboardInterrupt:
                    return fail("interrupted; nothing was recorded", 130)
                except RunStopped as error:
                    return fail(f"{error}", 1)
        record = store.read(cell.key)
    print(record.model_dump_json() if options.json else in_words(record))
    return 0


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser("train", "Train one architecture on one task; print the scores.", EXAMPLES)
    found.add_argument("--task", required=True, metavar="NAME", help="see `seqyard list tasks`")
    found.add_argument("--architecture", required=True, metavar="NAME", help="name or module:Class")
    found.add_argument(
        "--learning-rate",
        type=number(float, 0, above=True),
        nargs="+",
        metavar="RATE",
        help="several are tried in turn, and one selected on validation",
    )
    found.add_argument("--steps", type=int, metavar="N", help="optimiser steps")
    found.add_argument("--batch-size", type=int, metavar="N", help="examples a step")
    found.add_argument("--width", type=int, metavar="D", help="embedding and state width")
    found.add_argument("--budget", type=int, metavar="N", help="parameters, in place of --width")
    found.add_argument("--seed", type=int, default=0, metavar="N")
    add_settings(found, "any option of architecture, task, recipe or measure")
    found.add_argument("--threads", type=number(int, 1), metavar="N", help="default: all cores")
    found.add_argument(
        "--timeout", type=number(float, 0, above=True), default=86400.0, metavar="SECONDS"
    )
    add_machine_options(found)
    found.add_argument(
        "--store", type=Path, default=Path("runs/train"), metavar="FOLDER", help="default: runs/train"
    )
    found.add_argument(
        "--precision",
        type=choice("precision", ("float32", "bfloat16")),
        metavar="TYPE",
        help="float32, or bfloat16 where the device has it (default: float32)",
    )
    add_wandb_option(found)
    found.add_argument("--json", action="store_true", help="print the record as JSON")
    return found


def make_cell(options: argparse.Namespace) -> Any:
    """Return the cell that the flags describe."""
    from experiments import planning
    from experiments.run import find_measure
    from experiments.tasks.find import find_task
    from experiments.tasks.text import TextTask
    from models.recipe import Recipe
    from models.registry import architecture

    measure = "translate" if issubclass(find_task(options.task), TextTask) else "train"
    parts = {
        "model": architecture(options.architecture).Config.model_fields,
        "task": find_task(options.task).model_fields,
        "recipe": Recipe.model_fields,
        "measure": find_measure(measure).Options.model_fields,
    }
    given = assign(options.set, parts)
    flags = {
        ("model", "width"): options.width,
        ("recipe", "learning_rates"): options.learning_rate,
        ("recipe", "steps"): options.steps,
        ("recipe", "batch_size"): options.batch_size,
    }
    for (part, key), value in flags.items():
        if value is not None:
            given[part][key] = value
    steps = given["recipe"].get("steps")
    if isinstance(steps, int) and "validate_every" not in given["recipe"]:
        given["recipe"]["validate_every"] = max(1, min(100, steps // 5))
    threads = options.threads or cores()
    return planning.make_cell(
        measure=measure,
        architecture=options.architecture,
        task=options.task,
        model=given["model"],
        data=given["task"],
        recipe=given["recipe"],
        options=given["measure"],
        seed=options.seed,
        request=Request(
            profile="quick",
            architectures=[options.architecture],
            device=choose_device(options.device),
            threads=threads,
            speed=options.speed,
        ),
        threads=threads,
        precision=options.precision,
        parameter_budget=options.budget,
    )


def in_words(record: Record) -> str:
    """Return a record's result as a small table."""
    cell = record.cell
    lines = [f"{cell.architecture} on {cell.task}, seed {cell.seed}: {record.status}"]
    if record.reason:
        lines.append(f"  {record.reason}")
    for name, value in record.metrics.items():
        shown = f"{value:,.4g}" if isinstance(value, float) else "-" if value is None else f"{value:,}"
        lines.append(f"  {name:<22} {value if isinstance(value, bool) else shown}")
    lines.append(f"  record {record.key}, {clock(record.duration_s)}")
    return "\n".join(lines)
