"""Training that was stopped goes on from its checkpoint and ends as if it had never stopped."""

import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.cell import Block, Cell
from experiments.fit import Subject, fit
from experiments.measures.train import prepare
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.record import Record
from experiments.run import run_block
from experiments.store import Store
from experiments.watch import Trial, Watch

REQUEST = Request(profile="smoke", architectures=["transformer"], device="cpu", threads=1)
RECIPE = {
    "steps": 24,
    "batch_size": 8,
    "validate_every": 6,
    "warmup_steps": 4,
    "schedule": "cosine",
}


def cell_of(architecture: str = "transformer", **recipe: object) -> Cell:
    return make_cell(
        measure="train",
        architecture=architecture,
        task="copying",
        model={"width": 16, "dropout": 0.2},
        recipe={**RECIPE, **recipe},
        request=REQUEST,
    )


def trained(cell: Cell, checkpoint: Path | None = None, every: float = 0.0) -> Trial:
    subject = prepare(cell)
    return fit(subject, cell, 1e-2, checkpoint=checkpoint, checkpoint_seconds=every)


def same(one: Trial, other: Trial) -> None:
    assert one.losses == other.losses
    assert one.validations == other.validations
    assert (one.flops, one.tokens, one.positions) == (other.flops, other.tokens, other.positions)
    assert one.best_step == other.best_step
    assert one.weights.keys() == other.weights.keys()
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


class Stopped(Exception):
    """What a test stops training with."""


def stop_at(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Watch.on_train_batch_end

    def stopping(self: Watch, *arguments: object) -> None:
        original(self, *arguments)  # type: ignore[arg-type]
        if len(self.losses) == batches:
            raise Stopped

    monkeypatch.setattr(Watch, "on_train_batch_end", stopping)


@pytest.mark.parametrize("batches", [1, 6, 7, 12, 17, 23])
def test_a_resumed_run_equals_an_uninterrupted_one(
    batches: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, checkpoint = cell_of(average_last=2), tmp_path / "trial.ckpt"
    whole = trained(cell)
    with monkeypatch.context() as patch:
        stop_at(batches, patch)
        with pytest.raises(Stopped):
            trained(cell, checkpoint)
    assert checkpoint.exists() == (batches > 1)
    same(trained(cell, checkpoint), whole)


def test_a_resumed_run_with_accumulated_batches_equals_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, checkpoint = cell_of("lstm", accumulate=3, steps=8, validate_every=2), tmp_path / "trial.ckpt"
    whole = trained(cell)
    assert len(whole.losses) == whole.steps == 8
    assert 1 < whole.losses[0] < 10  # the mean of the step's batches, not a part of it
    assert [step for step, _ in whole.validations] == [2, 4, 6, 8]
    with monkeypatch.context() as patch:
        stop_at(17, patch)
        with pytest.raises(Stopped):
            trained(cell, checkpoint)
    same(trained(cell, checkpoint), whole)


def test_a_trial_that_had_ended_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, checkpoint = cell_of(), tmp_path / "trial.ckpt"
    whole = trained(cell, checkpoint)
    with monkeypatch.context() as patch:
        stop_at(1, patch)
        same(trained(cell, checkpoint), whole)


def _train_slowly(cell: Cell, checkpoint: Path) -> None:
    original = Watch.on_train_batch_end

    def slow(self: Watch, *arguments: object) -> None:
        original(self, *arguments)  # type: ignore[arg-type]
        time.sleep(0.05)

    Watch.on_train_batch_end = slow  # type: ignore[method-assign, assignment]
    trained(cell, checkpoint)


@pytest.mark.slow
def test_a_killed_process_loses_nothing_but_time(tmp_path: Path) -> None:
    cell, checkpoint = cell_of("attentional_lstm"), tmp_path / "trial.ckpt"
    process = multiprocessing.get_context("spawn").Process(
        target=_train_slowly, args=(cell, checkpoint)
    )
    process.start()
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert checkpoint.exists()
    same(trained(cell, checkpoint), trained(cell))


def test_accumulated_batches_give_the_gradient_of_one_large_batch() -> None:
    """Equal batches without padding: the mean of the means is the mean."""
    large = make_cell(
        measure="train",
        architecture="lstm",
        task="recall",
        model={"width": 8},
        data={"distances": [2, 4], "length": 12},
        recipe={**RECIPE, "steps": 1, "batch_size": 8, "accumulate": 2, "validate_every": 1},
        request=REQUEST,
    )
    trial = trained(large)
    subject: Subject = prepare(large)
    model = subject.build(0, 1e-2).train()
    from experiments.data import to_batch

    for step in range(2):
        batch = to_batch(subject.task.train_batch(0, step, 8))
        (model.training_step(batch, 0) / 2).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), subject.recipe.gradient_clip)
    setup = model.configure_optimizers()
    setup["optimizer"].step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(trial.weights[name], value, rtol=1e-4, atol=1e-6)


def test_training_stops_when_validation_gets_no_better() -> None:
    cell = cell_of("rnn", steps=400, validate_every=2, patience=3, schedule="constant")
    trial = trained(cell)
    assert trial.steps < 400
    scores = [score for _, score in trial.validations]
    assert max(scores[-3:]) <= max(scores[:-3])


def test_a_budget_in_seconds_ends_training_with_a_validation() -> None:
    cell = cell_of(steps=100_000, seconds=1.0, validate_every=50_000, schedule="linear")
    trial = trained(cell)
    assert trial.steps < 100_000
    assert trial.validations[-1][0] == trial.steps
    assert 1.0 <= trial.cpu_seconds < 10


def test_a_damaged_checkpoint_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell, checkpoint = cell_of(), tmp_path / "trial.ckpt"
    with monkeypatch.context() as patch:
        stop_at(12, patch)
        with pytest.raises(Stopped):
            trained(cell, checkpoint)
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    same(trained(cell, checkpoint), trained(cell))
    assert (tmp_path / "trial.damaged").exists()


def test_the_last_validation_is_inside_a_budget_in_seconds() -> None:
    cell = cell_of(steps=100_000, seconds=3.0, validate_every=20)

    def judge(model: object) -> dict[str, float]:
        begun = time.process_time()
        while time.process_time() - begun < 0.5:
            pass
        return {"slow": 1.0}

    trial = fit(prepare(cell), cell, 1e-2, judge=judge)
    assert trial.cpu_seconds < 3.6


def test_checkpoints_stay_until_the_record_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fit.__kwdefaults__, "checkpoint_seconds", 0.0)
    cell, store = cell_of(), Store(tmp_path)
    block = Block(name="train", cells=(cell,))
    kept, artifacts = store.artifacts / "checkpoints", store.artifacts

    def full(self: Store, record: Record) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", full)
        with pytest.raises(OSError, match="No space left"):
            list(run_block(block, store))
    assert len(list(kept.iterdir())) == len(cell.recipe["learning_rates"])
    (record,) = run_block(block, store)
    assert record.status == "ok"
    assert not list(kept.iterdir())
    assert [path.name for path in artifacts.glob("*.*")] == [f"{cell.key}.safetensors"]


def test_half_of_bleu_is_not_solved() -> None:
    cell = cell_of("lstm", steps=120, validate_every=30, schedule="constant")
    trial = fit(prepare(cell), cell, 1e-2, judge=lambda model: {"bleu": 50.0})
    assert np.mean(trial.losses[90:]) < 0.97 * np.mean(trial.losses[60:90])
    assert not trial.converged
    solved = fit(prepare(cell), cell, 1e-2, judge=lambda model: {"bleu": 100.0})
    assert solved.converged
