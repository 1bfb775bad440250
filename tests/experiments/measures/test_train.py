"""Selection on validation, one test, and what a record of training must hold."""

from pathlib import Path

import pytest
import torch

from experiments.cell import Cell
from experiments.fit import Subject, fit, scoped_seed
from experiments.measures import train as module
from experiments.measures.base import Context, Diverged
from experiments.measures.train import Train, prepare, train_best
from experiments.store import Store
from experiments.tasks.recall import Recall

TASK = {
    "symbols": 2,
    "length": 8,
    "distances": [1, 2, 4],
    "validation_per_value": 16,
    "test_per_value": 16,
}
RECIPE = {"steps": 12, "batch_size": 8, "warmup_steps": 2, "validate_every": 4}


def cell(architecture: str = "lstm", seed: int = 0, width: int = 8, **recipe: object) -> Cell:
    return Cell(
        measure="train",
        architecture=architecture,
        task="recall",
        model={"width": width},
        data=TASK,
        recipe={**RECIPE, **recipe},
        seed=seed,
    )


def context(tmp_path: Path) -> Context:
    return Context(store=Store(tmp_path))


def test_a_record_of_training_holds_what_its_format_promises(tmp_path: Path) -> None:
    outcome = Train().one(cell(learning_rates=[1e-3, 1e-2]), context(tmp_path))
    assert outcome.status == "ok"
    assert {
        "test",
        "test_teacher_forced",
        "validation",
        "test_loss",
        "learning_rate",
        "best_step",
    } <= set(outcome.metrics)
    assert [trial["learning_rate"] for trial in outcome.trials] == [1e-3, 1e-2]
    assert (
        outcome.curves["validation"]
        == outcome.curves[f"validation@{outcome.metrics['learning_rate']:g}"]
    )
    assert [step for step, _ in outcome.curves["validation"]] == [4, 8, 12]
    forced = [row for row in outcome.slices if row["split"] == "test_teacher_forced"]
    assert sum(row["correct"] for row in forced) / sum(row["count"] for row in forced) == (
        pytest.approx(outcome.metrics["test_teacher_forced"])
    )
    rows = [row for row in outcome.slices if row["split"] == "test"]
    assert [row["value"] for row in rows] == [1, 2, 4]
    assert sum(row["correct"] for row in rows) / sum(row["count"] for row in rows) == pytest.approx(
        outcome.metrics["test"]
    )
    assert (tmp_path / "artifacts").exists()


def test_the_same_cell_gives_the_same_record(tmp_path: Path) -> None:
    first, second = (Train().one(cell("transformer"), context(tmp_path)) for _ in range(2))
    for outcome in (first, second):
        for timed in ("seconds", "cpu_seconds", "seconds_per_step"):
            outcome.metrics.pop(timed)
        for trial in outcome.trials:
            trial.pop("seconds")
    assert first == second


def test_the_best_on_validation_is_selected_and_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {1e-3: 0.3, 1e-2: 0.7, 1e-1: 0.5}

    def faked(
        subject: Subject, cell: Cell, rate: float, progress: object, **options: object
    ) -> module.Trial:
        weights = subject.build(cell.seed).state_dict()
        marked = {name: torch.full_like(value, rate) for name, value in weights.items()}
        return module.Trial(learning_rate=rate, validation=scores[rate], weights=marked)

    monkeypatch.setattr(module, "fit", faked)
    given = cell(learning_rates=list(scores))
    _, best, model = train_best(prepare(given), given, lambda message: None)
    assert best.learning_rate == 1e-2
    assert float(model.head.bias[0].detach()) == pytest.approx(1e-2)


def test_training_never_sees_the_test_split(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    evaluation = Recall.evaluation

    def watched(self: Recall, split: str, batch_size: int) -> object:
        asked.append(split)
        return evaluation(self, split, batch_size)

    monkeypatch.setattr(Recall, "evaluation", watched)
    given = cell()
    fit(prepare(given), given, 1e-3)
    assert set(asked) == {"validation"}


def test_a_loss_that_is_not_finite_is_a_result(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="learning rates 1e\\+39"):
        Train().one(cell(learning_rates=[1e39]), context(tmp_path))


def test_a_diverged_learning_rate_does_not_hide_the_others(tmp_path: Path) -> None:
    outcome = Train().one(cell(learning_rates=[1e39, 1e-3]), context(tmp_path))
    assert outcome.status == "ok"
    assert [trial["status"] for trial in outcome.trials] == ["diverged", "ok"]
    assert outcome.metrics["learning_rate"] == 1e-3


def test_initialisation_depends_on_the_seed_alone() -> None:
    first, again, other = (prepare(cell(seed=seed)).build(seed) for seed in (0, 0, 1))
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_seed_scopes_do_not_meet() -> None:
    seeds = {
        scoped_seed(seed, scope, step) for seed in range(5) for scope in ("a", "b") for step in range(5)
    }
    assert len(seeds) == 50
