"""Estimates against costs that follow a law of our own: a fixed part, one that goes with the size."""

import itertools

import pytest

from experiments.cell import Block
from experiments.cost import cost
from experiments.estimate import Estimator
from experiments.evidence import Observation, budget_of, observe, size_of
from experiments.store import Store
from tests.experiments.operations.stores import gradient, planned, record, timed_block, timing, training

FIXED, RATE = 2e-3, 5e-12  # seconds a step, seconds a FLOP


def law(work, steps, fixed=FIXED):
    return steps * (fixed + RATE * work)


def theory(flops, parameters=1000):
    return {"flops": flops, "parameters": parameters}


def cell_of(seed=0, steps=1000, architecture="lstm", **changes):
    return training(seed, architecture, recipe={"steps": steps, **changes.pop("recipe", {})}, **changes)


def observed(cell, flops, seconds=None, device_model="CPU A", **changes):
    size = size_of(cell, theory(flops))
    values = {
        "seconds": law(size.work, size.repetitions) if seconds is None else seconds,
        "record_bytes": 5000,
        "artifact_bytes": 4000,
        "parameters": 1000.0,
        **changes,
    }
    return Observation(cell=cell, size=size, device_model=device_model, **values)


def width(value):
    """Cells of different sizes are different cells."""
    return {"model": {"width": value}}


SIZES = {32: 1e6, 64: 4e6, 128: 16e6}
MEASURED = [
    observed(cell_of(seed, **width(w)), flops, 1.05 ** (seed - 1) * law(32 * flops, 1000))
    for w, flops in SIZES.items()
    for seed in range(3)
]


def test_cells_of_a_measured_size_take_as_long():
    guess = Estimator(MEASURED).guess(cell_of(9, **width(64)), theory(4e6))
    assert guess.kind == "same"
    assert guess.seconds == pytest.approx(law(32 * 4e6, 1000), rel=0.01)
    assert guess.low < guess.seconds < guess.high < 1.2 * guess.seconds


def test_time_goes_with_steps_and_learning_rates():
    one = Estimator(MEASURED).guess(cell_of(**width(64)), theory(4e6))
    recipe = {"learning_rates": [0.1, 0.2, 0.3]}
    many = Estimator(MEASURED).guess(cell_of(steps=7000, recipe=recipe, **width(64)), theory(4e6))
    assert many.seconds == pytest.approx(21 * one.seconds)
    assert many.high == pytest.approx(21 * one.high)


@pytest.mark.parametrize("flops", [2e6, 8e6, 64e6, 256e6, 0.25e6])
def test_sizes_between_and_beyond_the_measured_ones_follow_the_law(flops):
    guess = Estimator(MEASURED).guess(cell_of(**width(1)), theory(flops))
    true = law(32 * flops, 1000)
    assert guess.kind == "scaled"
    assert guess.seconds == pytest.approx(true, rel=0.1)
    assert guess.low < true < guess.high


def test_the_range_is_the_wider_the_farther():
    estimator = Estimator(MEASURED)
    ranges = []
    for flops in (2e6, 64e6, 256e6):
        guess = estimator.guess(cell_of(**width(1)), theory(flops))
        ranges.append(guess.high / guess.low)
    assert ranges == sorted(ranges)
    assert ranges[-1] > 2 * ranges[0]


@pytest.mark.parametrize("times", [1 / 50, 1 / 8, 8, 50])
@pytest.mark.parametrize("fixed", [0.0, 1e-4])
def test_from_one_size_alone_time_goes_with_the_work(times, fixed):
    """Whether or not something is fixed, which one size cannot tell, the truth is in the range."""
    one = observed(cell_of(), 4e6, law(32 * 4e6, 1000, fixed))
    guess = Estimator([one]).guess(cell_of(**width(1)), theory(times * 4e6))
    assert guess.seconds == pytest.approx(times * one.seconds)
    assert guess.low < law(32 * times * 4e6, 1000, fixed) < guess.high


def test_sizes_far_from_all_measured_ones_are_unknown():
    assert Estimator(MEASURED).guess(cell_of(**width(1)), theory(5e9)) is None
    assert Estimator(MEASURED).guess(cell_of(**width(1)), theory(1e3)) is None


def test_a_budget_in_seconds_is_known():
    cell = cell_of(recipe={"seconds": 60.0, "learning_rates": [0.1, 0.2]})
    assert budget_of(cell) == 120.0
    guess = Estimator([]).guess(cell, theory(1e6))
    assert (guess.seconds, guess.low, guess.high, guess.kind) == (120.0, 120.0, 120.0, "budget")
    earlier = [
        observed(cell_of(seed, recipe={"seconds": 30.0}), 1e6, seconds)
        for seed, seconds in enumerate((33.0, 35.0, 39.0))
    ]
    guess = Estimator(earlier).guess(cell, theory(1e6))
    assert (guess.seconds, guess.low, guess.high) == (125.0, 123.0, 129.0)
    assert budget_of(gradient(cell)) is None  # it trains nothing


def test_the_budget_of_what_was_measured_is_no_time_a_step_of_others():
    """A cell that took 5 of 1000 steps in its seconds says what a step takes."""
    cell = cell_of(recipe={"seconds": 30.0})
    size = size_of(cell, theory(1e6), steps=5)
    slow = Observation(
        cell=cell,
        size=size,
        seconds=30.0,
        device_model=None,
        record_bytes=1,
        artifact_bytes=0,
        parameters=1,
    )
    guess = Estimator([slow]).guess(cell_of(steps=100), theory(1e6))
    assert guess.seconds == pytest.approx(600.0)


def test_other_architectures_and_tasks_are_a_hint_with_a_wide_range():
    estimator = Estimator(MEASURED)
    own = estimator.guess(cell_of(**width(64)), theory(4e6))
    task = estimator.guess(cell_of(**width(64)).model_copy(update={"task": "copying"}), theory(4e6))
    other = estimator.guess(cell_of(architecture="transformer", **width(64)), theory(4e6))
    assert [each.kind for each in (own, task, other)] == ["same", "related", "related"]
    widths = [each.high / each.low for each in (own, task, other)]
    assert widths == sorted(widths)
    assert task.high / task.low >= 4
    assert other.high / other.low >= 9
    # batches of tokens are not batches of examples
    text = cell_of(**width(64)).model_copy(update={"task": "translation"})
    assert estimator.guess(text, theory(4e6)) is None
    assert estimator.guess(gradient(cell_of()), theory(4e6)) is None


def test_this_machine_counts_before_others():
    cell = cell_of()
    slow = observed(cell, 4e6, 100.0, device_model="CPU B")
    fast = observed(cell_of(1), 4e6, 10.0, device_model="CPU A")
    assert Estimator([slow, fast], {"cpu": "CPU A"}).guess(cell, theory(4e6)).seconds == 10.0
    elsewhere = Estimator([slow], {"cpu": "CPU A"}).guess(cell, theory(4e6))
    assert elsewhere.seconds == 100.0
    assert elsewhere.low < 50.0
    assert elsewhere.high > 200.0
    assert Estimator([slow], {"cpu": "CPU B"}).guess(cell, theory(4e6)).low > 50.0


def test_the_cell_itself_counts_before_others_of_its_size():
    same_size = [observed(cell_of(seed, **width(64)), 4e6, 10.0) for seed in range(5)]
    itself = observed(cell_of(7, **width(65)), 4e6, 30.0)
    guess = Estimator([*same_size, itself]).guess(cell_of(3, **width(65)), theory(4e6))
    assert guess.seconds == 30.0


# Adding up ------------------------------------------------------------------------------------------


def plan_of(seconds, *, exclusive=False, timeout_s=1e6, device="cpu", threads=1):
    """Blocks whose cells have budgets, so that their costs are known."""
    return [
        Block(
            name=f"block {number}",
            cells=(training(number, device=device, threads=threads, recipe={"seconds": float(value)}),),
            exclusive=exclusive,
            timeout_s=timeout_s,
        )
        for number, value in enumerate(seconds)
    ]


def cost_of(blocks, estimator=None, workers=1, devices=1, flops=1e6):
    left = [(block, block.cells) for block in blocks]
    theories = {cell.key: theory(flops) for block in blocks for cell in block.cells}
    return cost(left, estimator or Estimator([]), theories, workers=workers, devices=devices)


def test_ordinary_blocks_share_the_workers_and_exclusive_ones_follow():
    ordinary, alone = plan_of([50, 10, 20, 30]), plan_of([5, 7], exclusive=True)
    found = cost_of([*alone, *ordinary], workers=2)
    assert found["wall"]["seconds"] == 60 + 12  # 50 | 10, 20, 30
    assert found["wall_exclusive"]["seconds"] == 12
    assert cost_of([*alone, *ordinary], workers=1)["wall"]["seconds"] == 110 + 12
    assert cost_of([*alone, *ordinary], workers=9)["wall"]["seconds"] == 50 + 12


def test_hours_count_threads_and_devices():
    found = cost_of([*plan_of([10, 20], threads=3), *plan_of([7], device="cuda")], devices=4)
    assert found["cpu_time"]["seconds"] == 90
    assert found["gpu_time"]["seconds"] == 28


def test_cells_end_at_their_time_limit():
    found = cost_of(plan_of([10, 500], timeout_s=100))
    assert found["cpu_time"]["seconds"] == 110
    assert len(found["beyond_time_limit"]) == 1


def test_what_is_unknown_is_counted_and_not_invented():
    blocks = [*plan_of([10]), timed_block(timing(64), timing(128))]
    found = cost_of(blocks)
    assert found["unknown"] == {"step_time": 2}
    assert found["cpu_time"]["seconds"] == 10
    assert found["evidence"] == {"budget": 1, "same": 0, "scaled": 0, "related": 0}
    assert found["by_measure"]["step_time"]["unknown"] == 2
    nothing = cost_of([timed_block(timing(64))])
    assert nothing["cpu_time"] == nothing["wall"] == {"seconds": 0, "low": 0, "high": 0}


def test_ranges_add_up_and_disk_goes_with_records_and_parameters():
    blocks = [
        Block(name=f"{w} {seed}", cells=(cell_of(seed, **width(w)),), timeout_s=1e6)
        for w, seed in itertools.product([64], [5, 6])
    ]
    found = cost_of(blocks, Estimator(MEASURED), flops=4e6)
    one = Estimator(MEASURED).guess(blocks[0].cells[0], theory(4e6))
    assert found["cpu_time"] == {
        part: pytest.approx(2 * getattr(one, part)) for part in ("seconds", "low", "high")
    }
    assert found["disk"] == {"cells": 2, "record_bytes": 10000, "artifact_bytes": 8000}


# Reading stores --------------------------------------------------------------------------------------


def test_evidence_is_read_once_of_every_store_that_can_be_read(tmp_path):
    blocks = [Block(name=str(seed), cells=(cell_of(seed),)) for seed in range(3)]
    store = planned(tmp_path / "one", blocks, {b.cells[0].key: theory(3e6, 7) for b in blocks})
    record(
        store,
        blocks[0],
        duration_s=12.0,
        started="2026-01-01T00:00:00",
        trials=[{"steps": 400}, {"steps": 100}],
        environment={"device_model": "CPU A"},
    )
    record(store, blocks[1], status="failed", reason="no")
    record(store, blocks[2], duration_s=1.0)
    store.path(blocks[2].cells[0].key).write_text("{")
    store.artifacts.mkdir()
    (store.artifacts / f"{blocks[0].cells[0].key}.safetensors").write_bytes(b"0" * 100)
    copy = planned(tmp_path / "copy", blocks)
    for key in (blocks[0].cells[0].key,):
        copy.path(key).write_bytes(store.path(key).read_bytes())
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text("[1")
    folders = [tmp_path / name for name in ("damaged", "nowhere", "one", "copy")]
    (found,), used = observe(folders, {"train"})
    assert used == [tmp_path / "one"]
    assert (found.seconds, found.device_model, found.parameters) == (12.0, "CPU A", 7.0)
    assert (found.size.repetitions, found.size.work) == (500.0, 32 * 3e6)
    assert found.artifact_bytes == 100
    assert found.record_bytes == Store(tmp_path / "one").path(found.cell.key).stat().st_size
    assert observe(folders, {"step_time"}) == ([], [])
