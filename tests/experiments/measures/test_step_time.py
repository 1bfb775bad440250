"""Turns, rounds and arithmetic of the timing measure, with a clock and steps of the test's own."""

import gc
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from experiments.cell import Cell
from experiments.measures import step_time
from experiments.measures.base import Context, Outcome
from experiments.measures.step_time import WARM_UP_ROUNDS, StepTime, quartiles, time_steps
from experiments.store import Store
from models import speed
from tests.experiments.measures.layers import cell, context


class FakeTime:
    """A clock that goes on only when a step is made, and a log of what happened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.log: list[str] = []
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(step_time, "clock", self.clock)
        monkeypatch.setattr(step_time, "kernel_class", lambda subject, n: "fake")
        monkeypatch.setattr(step_time, "build", self.build)

    def clock(self) -> float:
        return self.now

    def build(self, asked: Cell) -> "FakeSubject":
        return FakeSubject(self, asked)


class FakeSubject:
    """A step lasts as many seconds as the cell's seed says; a seed of 13 has no memory left."""

    def __init__(self, time: FakeTime, asked: Cell) -> None:
        self.time, self.cell = time, asked

    def settle(self) -> None:
        self.time.log.append(f"turn {self.cell.seed}")

    def step(self) -> None:
        if self.cell.seed == 13:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        self.time.log.append(f"step {self.cell.seed}")
        self.time.now += self.cell.seed

    def synchronise(self) -> None:
        self.time.log.append("wait")

    def clear(self) -> None:
        pass


def fake_cells(seeds: Sequence[int], **options: float) -> list[Cell]:
    return [cell("step_time", "map", **options).model_copy(update={"seed": seed}) for seed in seeds]


def turns(log: list[str]) -> list[int]:
    return [int(line.removeprefix("turn ")) for line in log if line.startswith("turn")]


def test_competitors_take_turns_in_changing_order(tmp_path: Path, monkeypatch) -> None:
    fake = FakeTime(monkeypatch)
    cells = fake_cells([1, 2, 3, 4], rounds=6, seconds=0)
    outcomes = {asked.seed: outcome for asked, outcome in StepTime().block(cells, context(tmp_path))}
    order = turns(fake.log)
    by_round = [order[i : i + 4] for i in range(0, len(order), 4)]
    assert len(by_round) == WARM_UP_ROUNDS + 6
    assert all(sorted(found) == [1, 2, 3, 4] for found in by_round)
    assert len({tuple(found) for found in by_round}) > 1, "the order is drawn anew each round"
    for seed, outcome in outcomes.items():
        assert outcome.rounds == [float(seed)] * 6, "warm-up is not among them"
        assert outcome.environment == {"kernel": "fake"}
    first, fake.log = fake.log, []
    list(StepTime().block(cells, context(tmp_path)))
    assert fake.log == first, "the same cells, the same order"


def test_the_runner_is_told_whose_turn_it_is(tmp_path: Path, monkeypatch) -> None:
    fake = FakeTime(monkeypatch)
    told: list[int] = []
    said: list[str] = []
    watched = Context(
        store=Store(tmp_path), progress=said.append, started=lambda asked: told.append(asked.seed)
    )
    list(StepTime().block(fake_cells([1, 2], rounds=3, seconds=0), watched))
    assert told == turns(fake.log)
    assert re.search(r"round 3/3, .* n = 8", said[-1])


def test_each_cell_gets_its_own_rounds_and_at_least_its_time(tmp_path: Path, monkeypatch) -> None:
    fake = FakeTime(monkeypatch)
    few, many = fake_cells([1], rounds=2, seconds=9)[0], fake_cells([2], rounds=5, seconds=10)[0]
    outcomes = [outcome for _, outcome in StepTime().block([few, many], context(tmp_path))]
    assert [outcome.metrics["rounds"] for outcome in outcomes] == [2, 5]
    steps = [fake.log.count("step 1"), fake.log.count("step 2")]
    assert steps == [WARM_UP_ROUNDS + 2 * 5, WARM_UP_ROUNDS + 5 * 1]


def test_out_of_memory_ends_one_competitor_and_not_the_others(tmp_path: Path, monkeypatch) -> None:
    fake = FakeTime(monkeypatch)
    found = list(StepTime().block(fake_cells([1, 13, 2], rounds=3, seconds=0), context(tmp_path)))
    assert [outcome.status for _, outcome in found] == ["ok", "out_of_memory", "ok"]
    assert turns(fake.log).count(13) == 1, "not tried again"
    assert found[1][1].rounds == []
    assert len(found[2][1].rounds) == 3


def test_a_step_is_repeated_until_the_time_is_up(monkeypatch) -> None:
    fake = FakeTime(monkeypatch)

    def step() -> None:
        fake.log.append("step")
        fake.now += 0.25

    def wait() -> None:
        fake.log.append("wait")

    assert time_steps(step, wait, target=1.0, last_s=0.0) == 0.25
    assert fake.log.count("step") == 4
    fake.log.clear()
    assert time_steps(step, wait, target=1.0, last_s=0.25) == 0.25
    assert fake.log == ["wait", *["step"] * 4, "wait"], "waits before the clock is read, not between"
    fake.log.clear()
    assert time_steps(step, wait, target=0.0, last_s=0.0) == 0.25
    assert fake.log == ["wait", "step", "wait"]


def test_waiting_for_the_device_is_part_of_the_time(monkeypatch) -> None:
    fake = FakeTime(monkeypatch)
    queue: list[float] = []

    def work_off() -> None:
        fake.now += sum(queue)
        queue.clear()

    assert time_steps(lambda: queue.append(3.0), work_off, target=1.0, last_s=0.0) == 3.0


def test_the_collector_rests_and_is_woken(tmp_path: Path, monkeypatch) -> None:
    FakeTime(monkeypatch)
    states = []
    monkeypatch.setattr(FakeSubject, "clear", lambda self: states.append(gc.isenabled()))
    assert gc.isenabled()
    list(StepTime().block(fake_cells([1], rounds=2, seconds=0), context(tmp_path)))
    assert states == [False] * (WARM_UP_ROUNDS + 2)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_quartiles_and_rate(tmp_path: Path, monkeypatch) -> None:
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert quartiles([5.0, 1.0, 2.0, 4.0, 3.0]) == (2.0, 3.0, 4.0)
    FakeTime(monkeypatch)
    asked = fake_cells([2], rounds=3, seconds=0, batch=5)[0]
    assert StepTime().one(asked, context(tmp_path)).metrics == {
        "seconds": 2.0,
        "seconds_low": 2.0,
        "seconds_high": 2.0,
        "tokens_per_second": 5 * 8 / 2.0,
        "rounds": 3,
    }


def time_all(tmp_path: Path, cells: list[Cell]) -> list[Outcome]:
    return [outcome for _, outcome in StepTime().block(cells, context(tmp_path))]


def test_layers_and_models_are_timed(tmp_path: Path) -> None:
    cells = [
        cell("step_time", "exhausted", rounds=2, seconds=0),
        *(
            cell("step_time", "", name, scope=scope, rounds=2, seconds=0, comparison="fixed_tokens")
            for name in ("rnn", "lstm", "attentional_lstm", "transformer")
            for scope in ("layer", "model")
        ),
    ]
    bad, *good = time_all(tmp_path, cells)
    assert bad.status == "out_of_memory"
    assert all(outcome.status == "ok" for outcome in good)
    for outcome in good:
        assert len(outcome.rounds) == outcome.metrics["rounds"] == 2
        metrics = outcome.metrics
        assert 0 < metrics["seconds_low"] <= metrics["seconds"] <= metrics["seconds_high"] < 60
        assert outcome.environment["kernel"]


def test_a_models_step_changes_its_weights(tmp_path: Path, monkeypatch) -> None:
    built = []
    real = step_time.build
    monkeypatch.setattr(step_time, "build", lambda asked: built.append(real(asked)) or built[-1])
    time_all(tmp_path, [cell("step_time", "", "rnn", scope="model", rounds=1, seconds=0)])
    fresh = real(built[0].cell)
    before, after = fresh.module.head.weight, built[0].module.head.weight
    assert not torch.equal(before, after)
    assert all(p.grad is None for p in built[0].module.parameters()), "gradients are freed"


def test_every_turn_has_its_cells_own_settings(tmp_path: Path, monkeypatch) -> None:
    seen: dict[tuple[str, str], set] = {}

    def observe(step, synchronise, target, last_s) -> float:
        subject = step.__self__
        key = (subject.cell.speed, subject.cell.precision)
        state = (speed.current().name, torch.get_num_threads(), subject.output().dtype)
        seen.setdefault(key, set()).add(state)
        return 1.0

    monkeypatch.setattr(step_time, "time_steps", observe)
    base = cell("step_time", "map", rounds=2, seconds=0)
    cells = [
        base,
        base.model_copy(update={"speed": "plain"}),
        base.model_copy(update={"precision": "bfloat16"}),
    ]
    time_all(tmp_path, cells)
    assert seen == {
        ("fast", "float32"): {("fast", 1, torch.float32)},
        ("plain", "float32"): {("plain", 1, torch.float32)},
        ("fast", "bfloat16"): {("fast", 1, torch.bfloat16)},
    }
