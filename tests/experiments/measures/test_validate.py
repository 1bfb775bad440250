"""A trial of tuning: validation alone, given up or not; never the test split."""

import pytest

from experiments.measures.base import Context, Diverged
from experiments.measures.validate import Validate
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.tasks.generated import GeneratedTask
from models.errors import BadInput

DATA = {"symbols": 2, "length": 8, "distances": [1, 4], "test_per_value": 8, "validation_per_value": 8}
RECIPE = {"steps": 8, "batch_size": 4, "learning_rates": [0.01], "validate_every": 2, "warmup_steps": 2}


def cell(measure="validate", **recipe):
    return make_cell(
        measure=measure,
        architecture="rnn",
        task="recall",
        model={"width": 8},
        data=DATA,
        recipe={**RECIPE, **recipe},
        request=Request(profile="smoke", architectures=["rnn"], device="cpu", threads=1),
    )


@pytest.fixture
def splits(monkeypatch):
    """Every split that anything asks a task for."""
    asked = []
    real = GeneratedTask.evaluation

    def evaluation(self, split, batch_size):
        asked.append(split)
        return real(self, split, batch_size)

    monkeypatch.setattr(GeneratedTask, "evaluation", evaluation)
    return asked


def test_the_test_split_is_not_touched(store, splits):
    outcome = Validate().one(cell(), Context(store=store))
    assert outcome.status == "ok"
    assert set(splits) == {"validation"}
    assert not [name for name in outcome.metrics if "test" in name]
    assert outcome.slices == []


def test_the_probe_sees_a_measure_that_tests(store, splits):
    from experiments.measures.train import Train

    Train().one(cell("train"), Context(store=store))
    assert "test" in splits


def test_it_trains_as_the_plan_would(store):
    from experiments.measures.train import Train

    mine = Validate().one(cell(), Context(store=store))
    planned = Train().one(cell("train"), Context(store=store))
    same = ("validation", "best_step", "learning_rate", "steps", "training_flops")
    assert {k: mine.metrics[k] for k in same} == {k: planned.metrics[k] for k in same}
    assert mine.curves["validation"] == planned.curves["validation"]


def test_it_is_asked_after_every_validation_but_the_last(store):
    asked = []

    def prune(number, best):
        asked.append((number, best))
        return False

    outcome = Validate().one(cell(), Context(store=store, prune=prune))
    scores = [score for _, score in outcome.curves["validation"]]
    assert [number for number, _ in asked] == [1, 2, 3]
    assert [best for _, best in asked] == [max(scores[:n]) for n in (1, 2, 3)]


def test_a_trial_that_is_given_up_keeps_its_best_and_ends_there(store):
    outcome = Validate().one(cell(), Context(store=store, prune=lambda number, best: number == 2))
    assert outcome.status == "pruned"
    assert outcome.metrics["steps"] == 4
    assert outcome.reason == "given up at step 4"
    assert outcome.metrics["validation"] == max(score for _, score in outcome.curves["validation"])
    assert len(outcome.curves["validation"]) == 2


def test_a_loss_that_is_not_finite_is_no_score(store):
    with pytest.raises(Diverged, match="not finite"):
        Validate().one(cell(learning_rates=[1e30], warmup_steps=0), Context(store=store))


def test_one_learning_rate_a_trial(store):
    with pytest.raises(BadInput, match="fits with one"):
        Validate().one(cell(learning_rates=[0.1, 0.2]), Context(store=store))


def test_what_selects_must_train(store):
    wrong = cell().model_copy(update={"options": {"of": "flops"}})
    with pytest.raises(BadInput, match="selects nothing"):
        Validate().one(wrong, Context(store=store))
