"""Work on a queue until nothing is left that this machine can do."""

import time
from collections import Counter

from optuna.trial import TrialState

from experiments.launch import POLL_S, Settings, Supervisor
from experiments.progress import Display
from experiments.store import Store, read_json
from experiments.sweep.client import Client
from experiments.sweep.rows import Count
from experiments.sweep.source import QueueSource
from experiments.tracking.observer import Observer

LOOK_S = 2.0  # between two looks at what others have in hand


def work(
    client: Client,
    store: Store,
    settings: Settings,
    display: Display,
    observer: Observer | None = None,
) -> bool:
    """Take blocks until none is left, ordinary ones first; return whether none is (no time limit hit).

    Blocks that others hold are waited for, since their workers may die.

    Raises:
        BadInput: blocks ask for something that cannot be here.
        RunStopped: a record cannot be written, or no worker can be kept alive.
    """
    supervisor = Supervisor(store, settings, display, observer)
    sources = {exclusive: QueueSource(client, exclusive=exclusive) for exclusive in (False, True)}
    look = min(LOOK_S, client.interval)
    begun = time.monotonic()
    while not supervisor.out_of_time():
        client.tick()
        counts = client.counts()
        if counts is not None:
            left = live(counts)
            phase = next((e for e in (False, True) if left[TrialState.WAITING, e]), None)
            if phase is not None:
                supervisor.run(sources[phase])
                begun = time.monotonic()
                continue
            if not left.total():
                return True
        catch_up(store, display)
        waited = time.monotonic() - begun
        display.waiting(f"waiting for {what(counts)}", waited)
        display.tick()
        time.sleep(min(look, POLL_S) if counts is None else look)
    return False


def live(counts: list[Count]) -> Counter[tuple[TrialState, bool]]:
    """Return how many blocks wait or run, by state and kind."""
    found: Counter[tuple[TrialState, bool]] = Counter()
    for row in counts:
        if not row.state.is_finished():
            found[row.state, row.exclusive] += row.trials
    return found


def what(counts: list[Count] | None) -> str:
    """Return in words what is waited for."""
    if counts is None:
        return "the database"
    return f"{live(counts).total()} blocks that other workers have in hand"


def catch_up(store: Store, display: Display) -> None:
    """Count in what other workers recorded."""
    for path in store.records.glob("*.json"):
        if path.stem in display.cells and path.stem not in display.statuses:
            display.statuses[path.stem] = str(read_json(path).get("status"))
