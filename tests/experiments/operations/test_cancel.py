"""Cancelled cells get records; whoever has them in hand ends them."""

import json
import os
import threading

import pytest

from experiments import cli
from experiments.cell import Block
from experiments.launch import Settings, launch
from experiments.operations import cancel as module
from experiments.operations.cancel import cancel, was_cancelled
from experiments.presence import present
from experiments.progress import Display
from experiments.run import cells_to_run
from tests.experiments.operations.stores import (
    planned,
    record,
    statuses,
    timed_block,
    timing,
    trained_block,
)
from tests.experiments.sweep.planned_stores import wait_until
from tests.experiments.toys import begun, block, toy

TRAINED = [trained_block(seed) for seed in range(2)]
TIMES = timed_block(*(timing(n) for n in (64, 128)))


@pytest.fixture
def store(tmp_path):
    return planned(tmp_path / "store", [*TRAINED, TIMES])


def call(capsys, store, *arguments):
    code = cli.main(["cancel", str(store.folder), *arguments, "--json"])
    output = capsys.readouterr()
    assert code == 0, output.err
    return json.loads(output.out)


def test_all_that_is_left_is_cancelled_and_no_result_is_touched(store, capsys):
    record(store, TRAINED[0])
    before = store.path(TRAINED[0].cells[0].key).read_bytes()
    told = call(capsys, store, "--reason", "no  time\nleft")
    assert len(told["cancelled"]) == 4
    assert store.path(TRAINED[0].cells[0].key).read_bytes() == before
    for each in (*TRAINED, TIMES):
        assert cells_to_run(each, store) == []
    found = store.read(TRAINED[1].cells[0].key)
    assert (found.status, found.reason) == ("skipped", "cancelled: no time left")
    assert found.block == TRAINED[1].key
    assert call(capsys, store)["cancelled"] == []


def test_a_cell_goes_with_what_needs_its_weights(store, capsys):
    train, follows = (cell.key for cell in TRAINED[0].cells)
    rows = call(capsys, store, train)["cancelled"]
    assert {row["key"] for row in rows} == {train, follows}
    assert len(cells_to_run(TRAINED[1], store)) == 2


def test_a_comparison_goes_on_without_the_cancelled_cell(store, capsys):
    first, second = TIMES.cells
    call(capsys, store, first.key)
    assert cells_to_run(TIMES, store) == [second]


def test_retry_takes_it_back(store, capsys):
    call(capsys, store)
    assert cli.main(["retry", str(store.folder), "--status", "skipped"]) == 0
    assert statuses(store) == {}
    for each in (*TRAINED, TIMES):
        assert cells_to_run(each, store) == list(each.cells)


@pytest.mark.parametrize("links", [True, False])
def test_a_result_that_comes_meanwhile_stays(store, monkeypatch, links):
    """The cell had no record when it was looked at, and has one when the other is written."""
    cell = TRAINED[0].cells[0]
    dump = json.dump

    def late(*arguments, **options):
        record(store, TRAINED[0], cell)
        dump(*arguments, **options)

    def no_links(*arguments):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module.json, "dump", late)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    assert cancel(store, {cell.key}, {cell.key: cell}, {}) == []
    assert store.read(cell.key).status == "ok"
    assert not list(store.records.glob(".*"))


@pytest.mark.parametrize("links", [True, False])
def test_records_are_written_without_links_too(store, monkeypatch, links):
    def no_links(*arguments):
        raise OSError(95, "Operation not supported")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    cell = TRAINED[0].cells[0]
    assert cancel(store, {cell.key}, {cell.key: cell}, {}) == [cell.key]
    assert was_cancelled(store, cell.key)
    assert not list(store.records.glob(".*"))


def test_a_wrong_key_is_refused(store, capsys):
    key = TRAINED[0].cells[0].key
    assert cli.main(["cancel", str(store.folder), key[:-1] + "x"]) == 2
    assert f"Did you mean '{key}'" in capsys.readouterr().err
    assert statuses(store) == {}


def test_in_words(store, capsys):
    record(store, TRAINED[0], TRAINED[0].cells[1])
    train, follows = (cell.key for cell in TRAINED[0].cells)
    assert cli.main(["cancel", str(store.folder), train, follows]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [f"train lstm recall seed 0 ({train})", "1 cells cancelled; 1 had records already"]


def run_and_cancel(store, blocks, when, *arguments, **settings):
    """Run blocks; once ``when`` says so, cancel. Return the display."""
    planned(store.folder, blocks)
    codes = []

    def act():
        wait_until(when)
        codes.append(cli.main(["cancel", str(store.folder), *arguments]))

    actor = threading.Thread(target=act)
    actor.start()
    display = Display([cell for each in blocks for cell in each.cells], {})
    assert launch(blocks, store, Settings(**settings), display)
    actor.join()
    assert codes == [0]
    return display


@pytest.mark.usefixtures("apart")
def test_a_run_ends_when_all_is_cancelled(store):
    """One cell asleep in hand, others waiting."""
    cells = [toy("sleep", seed=seed, seconds=600.0) for seed in range(4)]
    blocks = [block(*cells[:2]), block(cells[2]), block(cells[3], exclusive=True)]
    display = run_and_cancel(store, blocks, lambda: present(store), "--reason", "enough")
    assert begun() == ["sleep 0"]
    assert {found.reason for found in store} == {"cancelled: enough"}
    assert statuses(store) == display.statuses == {cell.key: "skipped" for cell in cells}
    assert not (store.folder / "running").exists()


@pytest.mark.usefixtures("apart")
def test_one_cell_is_ended_and_the_others_go_on(store):
    long, after = toy("sleep", seed=0, seconds=600.0), toy(seed=1)
    blocks = [block(long, after), block(toy(seed=2))]
    run_and_cancel(store, blocks, lambda: present(store), long.key)
    assert begun() == ["sleep 0", "value 1", "value 2"]
    assert statuses(store)[long.key] == "skipped"
    assert statuses(store)[after.key] == "ok"


@pytest.mark.usefixtures("apart")
def test_what_is_in_hand_may_be_finished(store):
    """It is still in hand after the first command, and ends with the second."""
    long, others = toy("sleep", seed=0, seconds=600.0), [toy(seed=seed) for seed in (1, 2)]
    blocks = [Block(name=f"toy {cell.seed}", cells=(cell,)) for cell in (long, *others)]
    between = []

    def when():
        if not present(store):
            return False
        if not between:
            assert cli.main(["cancel", str(store.folder), "--keep-running"]) == 0
            between.append(statuses(store))
            return False
        return begun() == ["sleep 0"]

    run_and_cancel(store, blocks, when)
    assert between == [{cell.key: "skipped" for cell in others}]
    assert begun() == ["sleep 0"]


@pytest.mark.usefixtures("apart")
def test_a_comparison_in_hand_is_ended(store):
    cells = [toy("sleep", seed=seed, measure="Together", seconds=600.0) for seed in range(3)]
    this = block(*cells, exclusive=True)
    run_and_cancel(store, [this], begun)
    assert begun() == ["sleep 0"]
    assert set(statuses(store).values()) == {"skipped"}
