import errno

import pytest

from experiments.measures.base import Outcome
from experiments.run import Clock, cells_to_run, find_measure, make_record, plain, run_block
from models.errors import BadInput
from tests.experiments.toys import begun, block, toy

pytestmark = pytest.mark.usefixtures("apart")


def run(block, store):
    return list(run_block(block, store))


def test_records_are_on_disk_when_they_are_told_of(store):
    cells = [toy(seed=seed) for seed in range(3)]
    for record in run_block(block(*cells), store):
        assert store.read(record.key) == record
    assert begun() == ["value 0", "value 1", "value 2"]


def test_a_record_has_cell_block_environment_and_times(store):
    this = block(toy("sleep", seconds=0.05))
    (record,) = run(this, store)
    assert record.cell == this.cells[0]
    assert record.block == this.key
    assert record.duration_s >= 0.05
    assert record.started.endswith("+00:00")
    for name in ("device_model", "cores", "threads", "python", "torch", "platform", "speed"):
        assert record.environment[name], name


def test_what_is_recorded_is_not_measured_again(store):
    first, second = toy(seed=0), toy(seed=1)
    run(block(first), store)
    run(block(first, second), store)
    assert begun() == ["value 0", "value 1"]


@pytest.mark.parametrize(
    ("action", "status", "reason"),
    [
        ("diverge", "diverged", "loss not finite at step 3"),
        ("memory", "out_of_memory", "MemoryError"),
        ("raise", "failed", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_fault_is_a_record_and_the_others_go_on(store, action, status, reason):
    bad, good = run(block(toy(action), toy()), store)
    assert (bad.status, good.status) == (status, "ok")
    assert reason in bad.reason
    assert "\n" not in bad.reason


def test_nan_and_infinities_become_null(store):
    (record,) = run(block(toy("nan")), store)
    assert store.read(record.key).metrics == {"loss": None, "best": None, "fine": 1.5}
    assert record.curves == {"loss": [[1, None], [2, 0.5]]}


def test_bad_input_is_no_result(store):
    cell = toy("bad input")
    with pytest.raises(BadInput, match="distance = -3"):
        run(block(cell), store)
    assert not store.has(cell.key)


def test_a_full_disk_is_no_result(store):
    cell = toy("full")
    with pytest.raises(OSError, match="No space left") as error:
        run(block(cell), store)
    assert error.value.errno == errno.ENOSPC
    assert not store.has(cell.key)


def test_a_measure_that_breaks_leaves_a_record_for_every_cell(store):
    cells = [toy(seed=seed, measure="Broken") for seed in range(3)]
    records = run(block(*cells), store)
    assert [record.status for record in records] == ["ok", "failed", "failed"]
    assert "broken measure" in records[-1].reason


def test_a_comparison_is_measured_as_a_whole(store):
    cells = [toy(seed=seed, measure="Together") for seed in range(3)]
    this = block(*cells, exclusive=True)
    run(this, store)
    assert cells_to_run(this, store) == []
    store.path(cells[1].key).unlink()
    assert cells_to_run(this, store) == cells
    run(this, store)
    assert len(begun()) == 2 * 2 * 3


def test_an_interrupted_comparison_leaves_no_record_of_an_older_one(store):
    cells = [toy(seed=seed, measure="Together") for seed in range(3)]
    this = block(*cells, exclusive=True)
    run(this, store)
    store.path(cells[2].key).unlink()
    records = run_block(this, store)
    next(records)
    records.close()
    assert [store.has(cell.key) for cell in cells] == [True, False, False]


def test_a_comparison_goes_on_without_what_kills(store):
    cells = [toy(seed=seed, measure="Together") for seed in range(3)]
    this = block(*cells, exclusive=True)
    store.write(make_record(cells[0], this, Outcome(status="killed", reason="SIGKILL")))
    assert cells_to_run(this, store) == cells[1:]


def test_time_is_counted_for_the_cell_in_hand(store):
    slow, fast = (toy("sleep", seconds=s, measure="Together") for s in (0.1, 0.0))
    of_slow, of_fast = run(block(slow, fast, exclusive=True), store)
    assert of_slow.duration_s >= 0.2
    assert of_fast.duration_s < of_slow.duration_s / 2


def test_the_clock_tells_of_turns_only():
    told = []
    clock = Clock(told.append)
    first, second = toy(seed=0), toy(seed=1)
    for cell in (first, first, second, first):
        clock.turn_to(cell)
    assert told == [first, second, first]


def test_numbers_of_numpy_become_plain():
    numpy = pytest.importorskip("numpy")
    found = plain({"a": numpy.float32(0.5), "b": (numpy.int64(3), numpy.float64("nan")), 3: "x"})
    assert found == {"a": 0.5, "b": [3, None], "3": "x"}
    assert type(found["a"]) is float


def test_an_unknown_measure_names_the_nearest():
    with pytest.raises(BadInput, match="Did you mean 'flops'"):
        find_measure("flop")


def test_a_measure_must_be_one():
    with pytest.raises(BadInput, match="not a subclass"):
        find_measure("tests.experiments.toys:toy")
