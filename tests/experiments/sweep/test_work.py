"""`seqyard work`: real processes on a real queue, and what happens when they die."""

import json
import os
import re
import signal
import time
from urllib.parse import quote

import psutil
import pytest

from experiments.locks import store_lock
from experiments.sweep.queue import Queue
from models.errors import BadInput
from tests.experiments.sweep.planned_stores import (
    begun,
    finish,
    logged,
    named,
    other_worker,
    plan,
    wait_until,
)
from tests.experiments.sweep.postgres import PASSWORD

pytestmark = pytest.mark.usefixtures("apart")


@pytest.fixture
def file(tmp_path):
    """The address of a queue where the kind of database makes no difference."""
    return str(tmp_path / "queue.db")


def statuses(store):
    return {record.cell.seed: record.status for record in store}


def states(queue):
    return sorted(row.state.name for row in queue.rows())


@pytest.mark.slow
def test_several_processes_do_every_cell_once(work, store, url):
    queue = plan(store, url, [named(f"{i}", logged(2 * i), logged(2 * i + 1)) for i in range(12)])
    processes = [work(store, url, "--workers", "2", "--json") for _ in range(3)]
    summaries = []
    for process in processes:
        code, output, errors = finish(process)
        assert code == 0, errors
        summaries.append(json.loads(output))
    assert sorted(seed for seed, _ in begun()) == list(range(24))
    assert statuses(store) == dict.fromkeys(range(24), "ok")
    assert sum(summary["new"] for summary in summaries) == 24
    assert all((summary["done"], summary["left"]) == (24, 0) for summary in summaries)
    assert states(queue) == ["COMPLETE"] * 12


@pytest.mark.slow
def test_exclusive_blocks_run_after_the_others_and_alone(work, store, file):
    alone = [
        named(f"alone {i}", logged(90 + i, 0.3, kind="LoggedTogether"), exclusive=True) for i in (0, 1)
    ]
    plan(store, file, [*alone, *(named(f"{i}", logged(i, 0.1)) for i in range(6))])
    processes = [work(store, file, "--workers", "2") for _ in range(2)]
    for process in processes:
        code, _, errors = finish(process)
        assert code == 0, errors
    assert {seed for seed, _ in begun()[:6]} == set(range(6))
    first, second = (record for record in store if record.cell.seed >= 90)
    begins = sorted(record.started for record in (first, second))
    assert statuses(store)[90] == statuses(store)[91] == "ok"
    assert len(begun()) == 8
    assert begins


def test_what_a_dead_process_had_in_hand_is_taken_at_once_on_its_machine(work, store, file):
    plan(store, file, [named(f"{i}", logged(i, 60.0 if i == 0 else 0.0)) for i in range(3)])
    process = work(store, file, "--workers", "1")
    wait_until(lambda: len(begun()) >= 1)
    (child,) = psutil.Process(process.pid).children()
    process.kill()
    finish(process)
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running()
    process = work(store, file, "--workers", "2")  # grace is 60 s: nobody waits for that
    wait_until(lambda: len(list(store)) == 2 and len(begun()) == 4)
    assert sorted(seed for seed, _ in begun()) == [0, 0, 1, 2]
    process.send_signal(signal.SIGTERM)
    code, _, errors = finish(process)
    assert code == 130, errors
    assert statuses(store) == {1: "ok", 2: "ok"}


@pytest.mark.slow
def test_a_cell_over_which_whole_processes_die_twice_is_recorded(work, store, file):
    deadly = named("deadly", logged(1), logged(2, action="kill both"), logged(3))
    plan(store, file, [deadly, named("other", logged(4))])
    for _ in range(2):
        assert finish(work(store, file, "--workers", "1"))[0] == -signal.SIGKILL
    code, _, errors = finish(work(store, file, "--workers", "1"))
    assert code == 0, errors
    assert statuses(store) == {1: "ok", 2: "killed", 3: "ok", 4: "ok"}
    (record,) = (record for record in store if record.status == "killed")
    assert record.reason == "the worker and its supervisor ended without a word, 2 times"
    assert sorted(seed for seed, _ in begun()) == [1, 2, 2, 3, 4]


def test_a_child_that_dies_and_then_its_process_count_together(work, store, file):
    cell = logged(1, action="kill once or both")
    queue = plan(store, file, [named("deadly", cell)])
    row = other_worker(queue, "gone").take(exclusive=False, needs=["cpu"])
    assert queue.take_back(queue.rows()[0], cell.key)
    again = queue.take(exclusive=False, needs=["cpu"])
    queue.note(again.trial, deaths={cell.key: 2})  # as told by a supervisor whose child died next
    queue.release([again.trial])
    assert row.deaths == {}
    code, _, errors = finish(work(store, file))
    assert code == 0, errors
    assert statuses(store) == {1: "killed"}
    assert begun() == []


def test_ctrl_c_and_sigterm_give_everything_back(work, store, file):
    queue = plan(store, file, [named(f"{i}", logged(i, 60.0)) for i in range(2)])
    for number in (signal.SIGINT, signal.SIGTERM):
        before = len(begun())
        process = work(store, file, "--workers", "2")
        wait_until(lambda before=before: len(begun()) == before + 2)
        children = psutil.Process(process.pid).children()
        process.send_signal(number)
        code, output, errors = finish(process)
        assert (code, output) == (130, "")
        assert errors.splitlines()[-1] == (
            "seqyard: error: interrupted; 0 of 2 cells are done and kept; "
            "the same command goes on from there"
        )
        assert not any(child.is_running() for child in children)
        assert states(queue) == ["WAITING", "WAITING"]
    assert [row.deaths for row in queue.rows()] == [{}, {}]


def test_a_block_that_cannot_be_run_stops_nobody(work, store, file):
    bad = named("bad", logged(1, action="bad input"))
    queue = plan(store, file, [bad, named("good", logged(2))])
    code, output, _ = finish(work(store, file, "--workers", "1"))
    assert code == 1
    assert "cannot be run: bad: distance = -3: must be more than 0." in output
    assert statuses(store) == {2: "ok"}
    assert states(queue) == ["COMPLETE", "FAIL"]
    assert queue.enqueue([bad]) == 1


@pytest.mark.slow
def test_where_nothing_can_be_run_the_process_stops_and_the_rest_stays(work, store, file):
    queue = plan(store, file, [named(f"{i}", logged(i, action="bad input")) for i in range(9)])
    code, _, errors = finish(work(store, file, "--workers", "1"))
    assert code == 2
    assert errors.splitlines()[-1] == "seqyard: error: distance = -3: must be more than 0."
    assert states(queue) == ["FAIL"] * 2 + ["WAITING"] * 7


def test_a_time_limit_begins_nothing_new_and_gives_back(work, store, file):
    queue = plan(store, file, [named(f"{i}", logged(i, 0.4)) for i in range(20)])
    code, output, errors = finish(work(store, file, "--workers", "2", "--seconds", "1.5"))
    assert code == 0, errors
    done = len(list(store))
    assert 1 <= done < 20
    assert f"{20 - done} cells left" in output
    assert states(queue) == ["COMPLETE"] * done + ["WAITING"] * (20 - done)


@pytest.mark.slow
def test_the_silent_worker_of_another_machine_is_replaced_after_the_grace_period(work, store, file):
    queue = plan(store, file, [named("0", logged(0))], grace_s=2.0)
    other_worker(queue).take(exclusive=False, needs=["cpu"])
    begin = time.monotonic()
    code, _, errors = finish(work(store, file, "--workers", "1"))
    assert code == 0, errors
    assert time.monotonic() - begin > 2.0
    assert "0: its worker is gone; it waits again" in errors
    assert statuses(store) == {0: "ok"}


@pytest.mark.slow
def test_a_worker_of_another_machine_that_lives_is_waited_for(work, store, file):
    queue = plan(store, file, [named("0", logged(0))], grace_s=2.0)
    other = other_worker(queue)
    trial = other.take(exclusive=False, needs=["cpu"]).trial
    process = work(store, file, "--workers", "1")
    end = time.monotonic() + 6
    while time.monotonic() < end:
        other.beat([trial])
        time.sleep(0.3)
    assert process.poll() is None
    assert begun() == []
    other.release([trial])
    assert finish(process)[0] == 0
    assert statuses(store) == {0: "ok"}


def test_who_was_taken_for_dead_lets_go(work, store, file):
    queue = plan(store, file, [named("long", logged(0, 60.0))], grace_s=2.0)
    process = work(store, file, "--workers", "1")
    wait_until(lambda: begun())
    (child,) = psutil.Process(process.pid).children()
    other = other_worker(queue)

    def taken_over():
        (row,) = queue.rows()
        return other.take_back(row, None)

    wait_until(taken_over)
    row = other.take(exclusive=False, needs=["cpu"])
    assert row is not None
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running()
    other.complete(row.trial, 0.0)
    code, output, errors = finish(process)
    assert "long was given to another worker meanwhile" in errors
    assert (code, len(begun())) == (0, 1)
    assert "1 cells left" in output


def test_a_store_is_for_workers_together_or_for_a_run(work, store, file):
    plan(store, file, [named("0", logged(0, 60.0))])
    process = work(store, file)
    wait_until(lambda: begun())
    with pytest.raises(BadInput, match="in use by another run"), store_lock(store.folder):
        pass
    with store_lock(store.folder, shared=True):
        pass
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    with store_lock(store.folder):
        code, _, errors = finish(work(store, file))
    assert code == 2
    assert "in use by another run" in errors


def test_a_block_whose_records_are_there_is_told_complete_without_being_run(work, store, file):
    queue = plan(store, file, [named("0", logged(0))])
    assert finish(work(store, file))[0] == 0
    assert queue.enqueue([named("0", logged(0))]) == 1
    assert finish(work(store, file))[0] == 0
    assert len(begun()) == 1
    assert states(queue) == ["COMPLETE", "COMPLETE"]


def test_what_is_queued_but_no_longer_planned_is_left_alone(work, store, file):
    queue = plan(store, file, [named("0", logged(0))])
    queue.enqueue([named("stray", logged(7))])
    assert finish(work(store, file))[0] == 0
    assert [seed for seed, _ in begun()] == [0]
    assert states(queue) == ["COMPLETE", "FAIL"]


def test_the_place_of_a_worker_is_told(work, store, file):
    queue = plan(store, file, [named("0", logged(0), logged(1, 60.0))])
    process = work(store, file)
    wait_until(lambda: len(begun()) == 2)
    wait_until(lambda: queue.rows()[0].cell == logged(1, 60.0).key)
    (row,) = queue.rows()
    assert row.worker["pid"] == process.pid
    assert row.worker["host"] == os.uname().nodename
    assert row.begun is not None
    process.send_signal(signal.SIGINT)
    finish(process)
    assert Queue(queue.storage, queue.name).grace_s == 60.0
    logs = [path.name for path in (store.folder / "logs").iterdir()]
    assert all(re.fullmatch(r"worker-[0-9a-f]{12}-0\.log", name) for name in logs), logs


@pytest.mark.slow
def test_a_crash_of_the_database_is_waited_out_and_costs_no_record(work, store, postgres):
    url = postgres.fresh()
    queue = plan(store, url, [named("long", logged(0, 4.0), logged(1)), named("next", logged(2))])
    process = work(store, url, "--workers", "1")
    wait_until(lambda: begun())
    postgres.stop("immediate")
    wait_until(lambda: statuses(store) == {0: "ok", 1: "ok"})
    time.sleep(2.0)
    assert process.poll() is None
    code, _, errors = finish(work(store, url))
    assert (code, len(errors.splitlines())) == (2, 1)
    assert "Connection refused" in errors
    assert PASSWORD not in errors
    assert quote(PASSWORD) not in errors
    postgres.start()
    code, _, errors = finish(process)
    assert code == 0, errors
    assert "waiting for the database" in errors
    assert "the database is back after" in errors
    assert statuses(store) == {0: "ok", 1: "ok", 2: "ok"}
    assert [seed for seed, _ in begun()] == [0, 1, 2]
    assert states(queue) == ["COMPLETE", "COMPLETE"]
