"""``seqyard dashboard``: W&B dashboards, reports and sweep files as code."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from experiments.cli import fail
from experiments.commands.parser import Parser, choice, number
from experiments.plans import PLANS
from experiments.plans.base import PROFILES, Profile
from experiments.store import read_json
from models.errors import BadInput

JOINED = ("table1", "claims")
"""Plans that are other plans together: what they train is tuned there."""

EXAMPLES = """\
  seqyard dashboard --out dashboard.json                    of the project, offline
  seqyard dashboard runs/long_range-quick --publish         of one sweep, in W&B
  seqyard dashboard runs/long_range-quick --report --publish
  seqyard dashboard --sweep-files experiments/wandb_sweeps  for `wandb sweep`
"""


def main(arguments: Sequence[str]) -> int:
    """Write or publish what is asked for.

    Raises:
        BadInput: an argument or the store is wrong, or wandb-workspaces is not installed.
    """
    options = parser().parse(arguments)
    if options.sweep_files is not None:
        return write_sweep_files(options)
    try:
        import wandb_workspaces  # noqa: F401
    except ImportError as error:
        raise BadInput(
            "dashboard: wandb-workspaces is not installed; `pip install 'seqyard[dashboards]'`."
        ) from error
    if options.report and options.store is None:
        raise BadInput("--report: name the STORE of the comparison.")
    if options.publish and not options.entity:
        raise BadInput("--publish: name the --entity (user or team) in W&B, or set WANDB_ENTITY.")
    view = build(options)
    if options.publish:
        return publish(view)
    from experiments.tracking.dashboard import spec

    text = json.dumps(spec(view), indent=1, ensure_ascii=False)
    if options.out is None:
        print(text)
    else:
        write_text(options.out, text + "\n")
        print(f"written: {options.out}")
    return 0


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser("dashboard", "Write W&B dashboards, reports and sweep files as code.", EXAMPLES)
    found.add_argument(
        "store", type=Path, nargs="?", metavar="STORE", help="of one sweep (default: the whole project)"
    )
    found.add_argument(
        "--entity", default=os.environ.get("WANDB_ENTITY"), metavar="NAME", help="user or team in W&B"
    )
    found.add_argument(
        "--project", default=os.environ.get("WANDB_PROJECT") or "seqyard", metavar="NAME"
    )
    found.add_argument("--report", action="store_true", help="a W&B Report from a finished comparison")
    found.add_argument("--publish", action="store_true", help="send it to W&B; else it is only built")
    found.add_argument("--out", type=Path, metavar="FILE", help="where the JSON goes (default: shown)")
    found.add_argument(
        "--sweep-files",
        type=Path,
        metavar="FOLDER",
        help="write a file for `wandb sweep` for every plan that trains, by architecture",
    )
    found.add_argument(
        "--profile",
        type=choice("profile", PROFILES),
        default="quick",
        metavar="PROFILE",
        help="of the sweep files (default: quick)",
    )
    found.add_argument(
        "--architecture",
        nargs="+",
        default=[],
        metavar="NAME",
        help="of the sweep files (default: those that plans compare)",
    )
    found.add_argument(
        "--trials", type=number(int, 1), metavar="N", help="of each (default: as `seqyard tune`)"
    )
    return found


def build(options: argparse.Namespace) -> Any:
    """Return the workspace or the report."""
    entity = options.entity or "entity"
    if options.store is None:
        from experiments.tracking.dashboard import workspace

        return workspace(entity, options.project, None, all_slices())
    from experiments.commands.report import planned_store, write
    from experiments.tracking.target import Target

    folder = planned_store(options.store)
    manifest = read_json(folder / "manifest.json")
    group = Target.from_environment(f"{manifest['plan']}-{manifest['profile']}").group
    slices = list(dict.fromkeys(s for task in manifest["tasks"].values() for s in task["slice_names"]))
    if not options.report:
        from experiments.tracking.dashboard import workspace

        return workspace(entity, options.project, group, slices)
    from experiments.tracking.report_page import page, read

    write(folder, None)
    return page(
        read(folder),
        entity=entity,
        project=options.project,
        group=group,
        slices=slices,
        online=options.publish,
    )


def all_slices() -> list[str]:
    """Return what the tasks' test examples are sliced by, each name once."""
    from experiments.tasks import TASKS
    from experiments.tasks.find import find_task

    return list(dict.fromkeys(name for task in TASKS for name in find_task(task).slice_names))


def publish(view: Any) -> int:
    """Save a workspace or report in W&B; return the exit code."""
    from experiments.tracking.process import base_url, described, logged_in
    from experiments.tracking.runs import quiet
    from experiments.tracking.server import answers, without_credentials

    quiet()
    url = base_url()
    if not answers(url):
        return fail(f"{without_credentials(url)} does not answer; --out FILE builds without it", 1)
    if not logged_in():
        return fail("no API key: `wandb login` or WANDB_API_KEY", 1)
    import wandb

    try:
        view.save()
    except Exception as error:  # of the client's many kinds
        return fail(f"W&B refused it: {described(error)}", 1)
    finally:
        wandb.teardown()
    print(f"published: {view.url}")
    return 0


def write_sweep_files(options: argparse.Namespace) -> int:
    """Write the sweep files of every plan that trains."""
    from experiments.tracking.sweep_files import write

    configs = sweep_configurations(options.profile, options.trials, architectures=options.architecture)
    paths = write(options.sweep_files, configs)
    print(f"written: {len(paths)} sweep files under {options.sweep_files}", file=sys.stderr)
    return 0


def sweep_configurations(
    profile: Profile,
    trials: int | None = None,
    plans: Sequence[str] = tuple(PLANS),
    architectures: Sequence[str] = (),
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return plan -> architecture -> sweep configuration, for every plan that trains.

    Raises:
        BadInput: an architecture is unknown.
    """
    from experiments.commands.request import find_plan
    from experiments.commands.tune import TRIALS
    from experiments.plans.base import Request
    from experiments.tracking.sweep_files import configuration
    from experiments.tuning.subject import find_subject
    from models import CORE

    assert profile in get_args(Profile)
    names = architectures or CORE
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in plans:
        if name in JOINED:
            continue
        request = Request(profile=profile, architectures=list(names), device="cpu", threads=1)
        plan = find_plan(name)
        try:
            subject = find_subject(plan, request, None)
        except BadInput:  # it trains nothing
            continue
        larger_is_better = subject.larger_is_better(names[0])
        for architecture in names:
            found.setdefault(name, {})[architecture] = configuration(
                plan=name,
                profile=profile,
                architecture=architecture,
                task=subject.task,
                space=subject.space(architecture)[0],
                trials=trials or TRIALS[profile],
                larger_is_better=larger_is_better,
            )
    return found


def write_text(path: Path, text: str) -> None:
    """Write a file.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out '{path}' cannot be written: {error.strerror}.") from error
