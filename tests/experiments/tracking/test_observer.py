"""What the supervisor tells whoever watches."""

import pytest

from experiments.launch import Settings, launch
from experiments.measures.base import Measure, Outcome
from experiments.progress import Display
from experiments.tracking.observer import Observer
from tests.experiments.toys import block, toy

pytestmark = pytest.mark.usefixtures("apart")


class Pointed(Measure):
    """Tells points while it runs."""

    def one(self, cell, context):
        for step in range(2):
            context.point(cell, "validation@0.001", step, 0.1 * step)
        context.point(cell, "validation@0.001", 2, float("nan"))
        return Outcome(metrics={"value": 1.0})


class Heard(Observer):
    """Keeps what it is told."""

    def __init__(self, store):
        self.store, self.told = store, []

    def phase(self, *, exclusive):
        self.told.append(("phase", exclusive))

    def started(self, cell):
        self.told.append(("started", cell.key))

    def point(self, key, name, x, y):
        self.told.append(("point", key, name, x, y))

    def recorded(self, key):
        assert self.store.has(key)
        self.told.append(("recorded", key))


def test_an_observer_hears_of_every_cell_in_order(store):
    live = toy().model_copy(update={"measure": f"{__name__}:Pointed", "options": {}})
    timed = toy(seed=1)
    observer = Heard(store)
    blocks = [block(timed, exclusive=True), block(live)]
    launch(blocks, store, Settings(), Display([live, timed], {}), observer)
    assert observer.told == [
        ("phase", False),
        ("started", live.key),
        ("point", live.key, "validation@0.001", 0, 0.0),
        ("point", live.key, "validation@0.001", 1, 0.1),
        ("recorded", live.key),
        ("phase", True),
        ("started", timed.key),
        ("recorded", timed.key),
    ]


def test_an_observer_hears_of_a_cell_that_killed_its_worker(store):
    cell = toy("kill")
    observer = Heard(store)
    launch([block(cell)], store, Settings(), Display([cell], {}), observer)
    assert observer.told[-1] == ("recorded", cell.key)
    assert store.read(cell.key).status == "killed"
