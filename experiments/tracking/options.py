"""``--wandb offline|online|off``: the option, and the observer that it asks for."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from experiments.commands.parser import Parser, choice
from experiments.store import Store
from experiments.tracking.observer import Observer
from experiments.tracking.target import MODES, Mode, Target


def add_wandb_option(found: Parser) -> None:
    """Add the option ``--wandb``."""
    found.add_argument(
        "--wandb",
        type=choice("mode", MODES),
        default="off",
        metavar="MODE",
        help="mirror every cell in Weights & Biases: offline (files in the store, to sync later), "
        "online, off (default: off); WANDB_PROJECT, WANDB_ENTITY and WANDB_RUN_GROUP count",
    )


def say(line: str) -> None:
    """Show a line where there is no display."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def observed(
    mode: Mode,
    store: Store,
    group: str,
    note: Callable[[str], None],
    *,
    everything: bool = True,
) -> Iterator[Observer]:
    """Yield the observer of a run; at the end it is given a few seconds to write what is left.

    ``note`` shows a line. ``group`` is the sweep's name in W&B. ``everything``: records that the store
    has from before are written, too, where they are not yet.
    """
    observer: Observer = Observer()
    if mode != "off":
        from experiments.tracking.mirror import Mirror

        observer = Mirror(store, Target.from_environment(group, everything=everything), mode, note)
    try:
        yield observer
    finally:
        observer.close()
