"""The queue on SQLite and on PostgreSQL: every block once, however many take, plan and die."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.trial import TrialState

from experiments.sweep.needs import fits, needs_of
from experiments.sweep.planned import queue_name
from experiments.sweep.queue import Queue
from experiments.sweep.storage import open_storage
from models.errors import BadInput
from tests.experiments.sweep.planned_stores import logged, named, other_worker, plan, write_plan

CPU = ["cpu"]


def blocks(count, first=0):
    return [named(f"block {i}", logged(i)) for i in range(first, first + count)]


def states(queue):
    return [row.state.name for row in queue.rows()]


def test_blocks_are_taken_in_order_and_told_complete(store, url):
    given = blocks(3)
    queue = plan(store, url, given)
    rows = [queue.take(exclusive=False, needs=CPU) for _ in range(3)]
    assert [row.block for row in rows] == [block.key for block in given]
    assert queue.take(exclusive=False, needs=CPU) is None
    queue.complete(rows[0].trial, 1.5)
    queue.complete(rows[0].trial, 1.5)
    assert states(queue) == ["COMPLETE", "RUNNING", "RUNNING"]


def test_optuna_reads_what_the_queue_wrote(store, url):
    queue = plan(store, url, blocks(3))
    row = queue.take(exclusive=False, needs=CPU)
    queue.complete(row.trial, 1.5)
    study = optuna.load_study(study_name=queue.name, storage=open_storage(url))
    assert [trial.number for trial in study.trials] == [0, 1, 2]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "WAITING", "WAITING"]
    assert study.trials[0].user_attrs["name"] == "block 0"
    assert study.trials[0].duration.total_seconds() < 60
    assert study.best_value == 1.5


def test_planning_again_adds_nothing_and_what_is_left_over_is_pruned(store, url):
    given = blocks(4)
    queue = plan(store, url, given)
    held = queue.take(exclusive=False, needs=CPU)
    assert queue.enqueue(given, planned={block.key for block in given}) == 0
    fewer = {block.key for block in given[2:]}
    assert queue.enqueue(given[2:], planned=fewer) == 0
    assert states(queue) == ["RUNNING", "PRUNED", "WAITING", "WAITING"]
    assert held.block == given[0].key
    assert queue.enqueue(given, planned={block.key for block in given}) == 1


def test_what_was_complete_is_queued_again_when_its_record_is_missing(store, url):
    given = blocks(1)
    queue = plan(store, url, given)
    queue.complete(queue.take(exclusive=False, needs=CPU).trial, 1.0)
    assert queue.enqueue(given) == 1
    assert states(queue) == ["COMPLETE", "WAITING"]


def test_planners_at_once_add_every_block_once(store, url):
    given = blocks(40)
    write_plan(store, given)
    start = threading.Barrier(6)

    def planner(_):
        start.wait()
        queue = Queue.create(open_storage(url, create=True), queue_name(store, create=True))
        return queue.enqueue(given, planned={block.key for block in given})

    with ThreadPoolExecutor(6) as pool:
        added = list(pool.map(planner, range(6)))
    assert sum(added) == 40
    queue = Queue(open_storage(url), queue_name(store))
    assert [row.block for row in queue.rows()] == [block.key for block in given]
    study = optuna.load_study(study_name=queue.name, storage=open_storage(url))
    assert [trial.number for trial in study.trials] == list(range(40))


def test_takers_at_once_never_get_the_same(store, url):
    given = blocks(60)
    queue = plan(store, url, given)
    start = threading.Barrier(6)

    def taker(index):
        mine = other_worker(Queue(open_storage(url), queue.name), f"taker {index}")
        start.wait()
        found = []
        while (row := mine.take(exclusive=False, needs=CPU)) is not None:
            found.append(row.block)
            mine.complete(row.trial, 0.0)
        return found

    with ThreadPoolExecutor(6) as pool:
        taken = [key for found in pool.map(taker, range(6)) for key in found]
    assert sorted(taken) == sorted(block.key for block in given)
    assert set(states(queue)) == {"COMPLETE"}


def test_exclusive_blocks_have_a_study_of_their_own(store, url):
    alone = named("alone", logged(9), exclusive=True)
    queue = plan(store, url, [alone, *blocks(1)])
    assert queue.take(exclusive=False, needs=CPU).name == "block 0"
    assert queue.take(exclusive=False, needs=CPU) is None
    assert queue.take(exclusive=True, needs=[needs_of(alone)]).name == "alone"


def test_a_block_is_taken_by_a_machine_that_has_what_it_needs(store, url):
    cell = logged(1).model_copy(update={"device_model": "Processor 9000", "threads": 4})
    alone = named("alone", cell, exclusive=True)
    assert needs_of(alone) == "cpu, Processor 9000, 4 threads"
    assert not fits(alone)
    assert fits(named("anywhere", logged(1)))
    queue = plan(store, url, [alone])
    assert queue.take(exclusive=True, needs=["cpu", "cpu, Processor 8000, 4 threads"]) is None
    assert queue.take(exclusive=True, needs=[needs_of(alone)]).name == "alone"
    (count,) = queue.counts()
    assert (count.exclusive, count.needs, count.state) == (True, needs_of(alone), TrialState.RUNNING)


def test_a_dead_workers_block_waits_again_with_its_death_counted_once(store, url):
    queue = plan(store, url, blocks(2))
    dead = other_worker(queue, "dead")
    dead.take(exclusive=False, needs=CPU)
    (row,) = queue.rows([TrialState.RUNNING])
    assert row.worker["host"] == "dead"
    first, second = other_worker(queue, "first"), other_worker(queue, "second")
    assert first.take_back(row, "a cell")
    assert not second.take_back(row, "a cell")
    again = first.take(exclusive=False, needs=CPU)
    assert (again.block, again.deaths) == (row.block, {"a cell": 1})
    assert not second.take_back(row, "a cell"), "it has a living worker by now"
    assert states(queue) == ["RUNNING", "WAITING"]


def test_a_sign_of_life_keeps_a_block(store, url):
    queue = plan(store, url, blocks(1))
    slow = other_worker(queue, "slow")
    trial = slow.take(exclusive=False, needs=CPU).trial
    (row,) = queue.rows([TrialState.RUNNING])
    time.sleep(0.01)
    assert slow.beat([trial]) == {trial}
    assert not queue.take_back(row, None)


def test_who_lost_a_block_learns_it_and_can_do_it_no_harm(store, url):
    queue = plan(store, url, blocks(1))
    slow, quick = other_worker(queue, "slow"), other_worker(queue, "quick")
    trial = slow.take(exclusive=False, needs=CPU).trial
    (row,) = queue.rows([TrialState.RUNNING])
    assert quick.take_back(row, None)
    assert quick.take(exclusive=False, needs=CPU).trial == trial
    assert slow.beat([trial]) == set()
    slow.release([trial])
    slow.fail(trial, "not mine to fail")
    slow.note(trial, cell="not mine", deaths={"x": 5})
    (row,) = queue.rows()
    assert (row.state.name, row.worker["id"], row.cell, row.deaths) == ("RUNNING", "quick", None, {})


def test_what_is_given_back_waits_and_nobody_died(store, url):
    queue = plan(store, url, blocks(2))
    row = queue.take(exclusive=False, needs=CPU)
    queue.note(row.trial, cell="here")
    queue.release([row.trial])
    again = queue.take(exclusive=False, needs=CPU)
    assert (again.trial, again.deaths, again.cell) == (row.trial, {}, None)


def test_a_block_that_cannot_be_run_says_why_and_is_planned_again(store, url):
    given = blocks(1)
    queue = plan(store, url, given)
    queue.fail(queue.take(exclusive=False, needs=CPU).trial, "no such corpus")
    (row,) = queue.rows([TrialState.FAIL])
    assert row.error == "no such corpus"
    assert queue.enqueue(given) == 1


def test_blocks_can_be_taken_out_by_key(store, url):
    given = blocks(3)
    queue = plan(store, url, given)
    queue.take(exclusive=False, needs=CPU)
    assert queue.prune([block.key for block in given[:2]]) == 1
    assert states(queue) == ["RUNNING", "PRUNED", "WAITING"]


def test_a_queue_that_was_not_planned_is_bad_input(store, url):
    queue = plan(store, url, blocks(1))
    with pytest.raises(BadInput, match="no queue 'seqyard other'"):
        Queue(queue.storage, "seqyard other")


def test_two_stores_never_share_a_queue(store, tmp_path):
    first = queue_name(store, create=True)
    assert queue_name(store, create=True) == first
    other = type(store)(tmp_path / "other")
    other.create()
    with pytest.raises(BadInput, match=r"no sweep\.json"):
        queue_name(other)
    assert queue_name(other, create=True) != first
