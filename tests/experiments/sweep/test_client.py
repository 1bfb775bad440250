"""One worker's side of the queue, without processes: outages, sleep, and who counts as dead."""

import pytest

from experiments.launch import RunStopped
from experiments.sweep import client as module
from experiments.sweep.client import Client
from experiments.sweep.identity import known_dead, me
from experiments.sweep.planned import Planned
from experiments.sweep.storage import Unreachable
from tests.experiments.sweep.planned_stores import logged, named, other_worker, plan

pytestmark = pytest.mark.usefixtures("apart")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def queue(store, tmp_path):
    given = [named(f"{i}", logged(i)) for i in range(3)]
    return plan(store, str(tmp_path / "queue.db"), given, grace_s=60.0)


@pytest.fixture
def notes():
    return []


@pytest.fixture
def client(queue, store, notes, clock):
    return Client(queue, Planned(store), store, notes.append)


def unreachable(*arguments, **options):
    raise Unreachable("the server is away")


def states(queue):
    return sorted(row.state.name for row in queue.rows())


def look(client, clock, seconds):
    """Look for the dead as often as a worker does, for so long."""
    for _ in range(int(seconds / 5)):
        clock.now += 5.0
        client.tick()


def test_a_heartbeat_that_stands_still_is_a_death_after_the_grace_period(client, queue, clock, notes):
    other_worker(queue).take(exclusive=False, needs=["cpu"])
    look(client, clock, 60)
    assert states(queue) == ["RUNNING", "WAITING", "WAITING"]
    look(client, clock, 15)
    assert states(queue) == ["WAITING"] * 3
    assert notes == ["0: its worker is gone; it waits again"]


def test_heartbeats_keep_a_worker_alive_for_ever(client, queue, clock):
    other = other_worker(queue)
    trial = other.take(exclusive=False, needs=["cpu"]).trial
    for _ in range(10):
        other.beat([trial])
        look(client, clock, 40)
    assert states(queue) == ["RUNNING", "WAITING", "WAITING"]


def test_nobody_dies_while_the_database_is_away(client, queue, clock, monkeypatch):
    other = other_worker(queue)
    other.take(exclusive=False, needs=["cpu"])
    look(client, clock, 50)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "rows", unreachable)
        look(client, clock, 600)
    look(client, clock, 50)
    assert states(queue) == ["RUNNING", "WAITING", "WAITING"]
    look(client, clock, 20)
    assert states(queue) == ["WAITING"] * 3


def test_nobody_dies_while_we_were_asleep_ourselves(client, queue, clock):
    other_worker(queue).take(exclusive=False, needs=["cpu"])
    look(client, clock, 50)
    clock.now += 3600.0  # a closed laptop, a stopped process
    look(client, clock, 50)
    assert states(queue) == ["RUNNING", "WAITING", "WAITING"]


def test_what_cannot_be_told_is_told_later_in_order(client, queue, clock, store, notes, monkeypatch):
    first = client.take(exclusive=False)
    second = client.take(exclusive=False)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "complete", unreachable)
        client.done(first)
        client.died(second, {second.cells[0].key: 1})
        client.done(second)
        clock.now += 5.0
        assert client.take(exclusive=False) is None
        assert client.counts() is None
    clock.now += 5.0
    assert client.take(exclusive=False).name == "2"
    assert states(queue) == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert notes == ["waiting for the database: the server is away", "the database is back after 10 s"]
    assert queue.rows()[1].deaths == {second.cells[0].key: 1}


def test_without_a_database_an_idle_worker_gives_up_and_a_busy_one_goes_on(
    client, queue, clock, monkeypatch
):
    block = client.take(exclusive=False)
    for name in ("rows", "take", "complete"):
        monkeypatch.setattr(queue, name, unreachable)
    look(client, clock, 2 * 3600)
    client.done(block)
    with pytest.raises(RunStopped, match="away for 1 hours: the server is away"):
        look(client, clock, 20)


def test_a_block_whose_taking_was_not_heard_of_is_given_back(client, queue, clock, monkeypatch):
    take = queue.take

    def deaf(**options):
        take(**options)
        raise Unreachable("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(queue, "take", deaf)
        assert client.take(exclusive=False) is None
    assert states(queue) == ["RUNNING", "WAITING", "WAITING"]
    look(client, clock, 10)
    assert states(queue) == ["WAITING"] * 3
    assert queue.rows()[0].deaths == {}


def test_leaving_gives_back_what_is_in_hand(client, queue):
    with client:
        client.take(exclusive=False)
        assert states(queue) == ["RUNNING", "WAITING", "WAITING"]
    assert states(queue) == ["WAITING"] * 3


def test_the_cell_in_hand_is_told_at_its_first_visit(client, queue, store):
    block = client.take(exclusive=False)
    (cell,) = block.cells
    client.at(block, cell)
    assert queue.rows()[0].cell == cell.key


def test_a_death_is_the_cells_in_hand_and_nobodys_where_none_was_begun(client, queue, clock):
    other = other_worker(queue)
    for begun in (False, True):
        row = other.take(exclusive=False, needs=["cpu"])
        if begun:
            other.note(row.trial, cell=logged(0).key)
        look(client, clock, 90)
    assert queue.rows()[0].deaths == {logged(0).key: 1}


def test_only_processes_of_this_boot_of_this_machine_are_known_to_be_dead():
    assert not known_dead(me())
    assert known_dead({**me(), "born": me()["born"] - 100.0}), "its number was given to another"
    assert known_dead({**me(), "pid": 2**22 + 1})
    assert not known_dead({**me(), "pid": 2**22 + 1, "machine": "another"})
    assert not known_dead(None)
