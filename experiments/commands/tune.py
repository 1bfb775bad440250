"""``seqyard tune PLAN``: the same number of trials for every architecture, selected on validation."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.cli import fail
from experiments.commands.parser import Parser, choice, number
from experiments.commands.request import (
    add_machine_options,
    add_plan_options,
    add_worker_options,
    find_plan,
    make_request,
)
from experiments.commands.sweep import command_line
from experiments.commands.work import VARIABLE, terminated_as_interrupted
from experiments.environment import cores
from experiments.launch import RunStopped, Settings
from experiments.locks import store_lock
from experiments.plans.base import Profile
from experiments.progress import clock
from experiments.store import Store, read_json
from experiments.tuning.effort import PRUNERS, Effort
from models.errors import BadInput

if TYPE_CHECKING:
    from experiments.tuning.source import TuningSource
    from experiments.tuning.supervisor import TuningDisplay

EXAMPLES = """\
  seqyard tune long_range            then: seqyard run long_range --tuned tuned/long_range.json
  seqyard tune long_range --profile smoke --trials 4
  seqyard tune long_range --task digits --output tuned/digits.json
  seqyard tune long_range --only lstm transformer --trials 20 --seconds 3600
  seqyard tune translation --profile full --storage postgresql://seqyard@head:5432/tuning
"""

TRIALS: dict[Profile, int] = {"smoke": 4, "quick": 8, "standard": 24, "full": 48}
"""Finished trials of each architecture, unless the user says otherwise."""


def main(arguments: Sequence[str]) -> int:
    """Tune a plan.

    Raises:
        BadInput: an argument, a cell, the store or the storage is wrong.
    """
    from experiments.sweep.storage import Unreachable, open_storage, reaching, shown
    from experiments.tuning.source import TuningSource
    from experiments.tuning.subject import find_subject
    from experiments.tuning.supervisor import TuningDisplay

    options = parser().parse(arguments)
    plan = find_plan(options.plan)
    request = make_request(options, plan)
    output = options.output or Path("tuned") / f"{plan.name}.json"
    refuse_other(output, plan.name, request.profile)
    store = Store(options.store or Path("tuned") / f"{plan.name}-{request.profile}")
    store.create()
    url = options.storage or str(store.folder / "tuning.db")
    print(f"planning {plan.name} ({request.profile}) ...", file=sys.stderr, flush=True)
    subject = find_subject(plan, request, options.task)
    storage = open_storage(url, create=True)
    try:
        with store_lock(store.folder, shared=True), reaching(storage.engine):
            display = TuningDisplay()
            source = TuningSource(subject, storage, store, effort(options), display.note)
            code = train(options, source, store, display)
            if code:
                return code
            return finish(options, source, store, output, command_line(arguments, "tune"))
    except Unreachable as error:
        return fail(f"--storage '{shown(url)}': {error}; run the same command again to go on", 1)
    finally:
        storage.engine.dispose()


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser(
        "tune", "Tune every architecture of a plan with the same number of trials.", EXAMPLES
    )
    add_plan_options(found)
    found.add_argument(
        "--trials",
        type=number(int, 1),
        metavar="N",
        help="finished trials of each architecture (default: "
        + ", ".join(f"{profile} {count}" for profile, count in TRIALS.items())
        + ")",
    )
    found.add_argument(
        "--replacements",
        type=number(int, 0),
        metavar="N",
        help="failed and diverged trials that are replaced, at most (default: as many as trials)",
    )
    found.add_argument(
        "--task", metavar="NAME", help="what is tuned on (default: the plan's first training task)"
    )
    found.add_argument(
        "--pruner",
        type=choice("pruner", PRUNERS),
        default="median",
        metavar="NAME",
        help=f"{', '.join(PRUNERS)} (default: median)",
    )
    found.add_argument(
        "--sampler-seed", type=number(int, 0), default=0, metavar="N", help="(default: 0)"
    )
    found.add_argument(
        "--storage",
        default=os.environ.get(VARIABLE),
        metavar="URL",
        help="database of trials that several machines share: a path, or postgresql://... "
        f"(default: ${VARIABLE}, or else a file in the store)",
    )
    found.add_argument(
        "--store", type=Path, metavar="FOLDER", help="where records go (default: tuned/PLAN-PROFILE)"
    )
    found.add_argument(
        "--output", type=Path, metavar="FILE", help="the values found (default: tuned/PLAN.json)"
    )
    add_machine_options(found)
    add_worker_options(found)
    found.add_argument("--json", action="store_true", help="print the summary as JSON")
    found.set_defaults(tuned=None)
    return found


def effort(options: argparse.Namespace) -> Effort:
    """Return what every architecture gets."""
    trials = options.trials or TRIALS[options.profile]
    replacements = trials if options.replacements is None else options.replacements
    return Effort(
        trials=trials,
        replacements=replacements,
        pruner=options.pruner,
        seed=options.sampler_seed,
    )


def refuse_other(output: Path, plan: str, profile: str) -> None:
    """Refuse to replace what was tuned for something else.

    Raises:
        BadInput: the file is there, and is of another plan or profile, or of nothing known.
    """
    if not output.exists():
        return
    found = read_json(output)
    before = (found.get("plan"), found.get("profile")) if isinstance(found, dict) else None
    if before != (plan, profile):
        of = "no tuned values" if before is None else f"of {before[0]} ({before[1]})"
        raise BadInput(f"--output '{output}' is {of}, not of {plan} ({profile}); name another file.")


def train(
    options: argparse.Namespace, source: "TuningSource", store: Store, display: "TuningDisplay"
) -> int:
    """Run trials until every architecture has its number; return an exit code, 0 to go on."""
    from experiments.sweep.identity import me
    from experiments.tuning.supervisor import tune

    request = source.subject.request
    settings = Settings(
        device=request.device,
        workers=options.workers or (1 if request.device == "cuda" else cores()),
        speed=request.speed,
        seconds=options.seconds,
        name=me()["id"],
    )
    for name, tuned in source.tuned.items():
        for note in tuned.left_out:
            display.note(f"{name}: left out of the search: {note}")
    try:
        with terminated_as_interrupted(), display:
            ended = tune(source, store, settings, display)
    except KeyboardInterrupt:
        return fail(f"interrupted; {display.headline()}; the same command goes on from there", 130)
    except RunStopped as error:
        return fail(f"{error}", 1)
    if not ended:
        return fail(f"out of time; {display.headline()}; the same command goes on from there", 1)
    return 0


def finish(
    options: argparse.Namespace, source: "TuningSource", store: Store, output: Path, command: str
) -> int:
    """Write the values found, and say what they are."""
    from experiments.tuning.result import joined, summarise

    found = summarise(source, command=command)
    if output.exists():
        found = joined(found, read_json(output))
    store.write_json(output, found)
    if options.json:
        rows = {
            name: {key: row[key] for key in ("finished", "pruned", "failed", "hours", "best", "values")}
            for name, row in found["architectures"].items()
        }
        print(json.dumps({"output": str(output), "store": str(store.folder), "architectures": rows}))
    else:
        print(in_words(found, output))
    unequal = [n for n, row in found["architectures"].items() if row["finished"] < found["trials"]]
    unequal += found["without_values"]
    if unequal:
        return fail(f"fewer than {found['trials']} finished trials: {', '.join(unequal)}", 1)
    return 0


def in_words(found: dict[str, Any], output: Path) -> str:
    """Return the result for people."""
    lines = [
        f"{found['plan']} ({found['profile']}), tuned on {found['task']}: {found['trials']} trials each"
    ]
    for name, row in found["architectures"].items():
        counts = [f"{row['finished']} finished ({row['pruned']} pruned)"]
        counts += [f"{count} {status.replace('_', ' ')}" for status, count in row["failed"].items()]
        lines.append(
            f"{name}: {', '.join(counts)}, {clock(row['hours'] * 3600)}; "
            f"best validation {row['best']['validation']:.4g}"
        )
        for part, values in row["values"].items():
            lines += [f"    {part}.{key} = {_shown(value)}" for key, value in values.items()]
        ends = [f"{key} ({end})" for key, end in row["edges"].items() if end]
        if ends:
            lines.append(f"    at the edge of its range: {', '.join(ends)}")
    for name, failed in found["without_values"].items():
        counts = [f"{count} {status.replace('_', ' ')}" for status, count in failed.items()]
        lines.append(f"{name}: no values: {', '.join(counts)}")
    lines.append(
        f"values: {output}; seqyard run {found['plan']} --profile {found['profile']} --tuned {output}"
    )
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
