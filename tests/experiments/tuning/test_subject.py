"""What is tuned: cells of the plan, under a seed that it does not use."""

from dataclasses import replace

import pytest

from experiments.plans.base import Request
from experiments.tuning.subject import describe, find_subject, training_cells
from models.errors import BadInput
from models.registry import architecture
from tests.experiments.tuning.tiny_plan import NOTHING, PLAN, RATES

ARCHITECTURES = ("rnn", "lstm", "attentional_lstm", "transformer")
POINT = {"recipe.learning_rate": 0.02, "recipe.warmup_steps": 3, "model.dropout": 0.25}


@pytest.fixture(scope="module")
def request_():
    return Request(profile="smoke", architectures=ARCHITECTURES, device="cpu", threads=1)


@pytest.fixture(scope="module")
def subject(request_):
    return find_subject(PLAN, request_, None)


def test_the_first_training_task_is_tuned_unless_another_is_named(request_):
    assert find_subject(PLAN, request_, None).task == "recall"
    assert find_subject(PLAN, request_, "copying").task == "copying"
    with pytest.raises(BadInput, match="Did you mean 'copying'"):
        find_subject(PLAN, request_, "coping")
    with pytest.raises(BadInput, match="nothing to tune"):
        find_subject(NOTHING, request_, None)


def test_what_trains_some_architectures_elsewhere_is_not_tuned_alike(request_):
    def blocks(request):
        return [b for b in PLAN.blocks(request) if b.name.startswith(("recall rnn", "copying lstm"))]

    plan = replace(PLAN, blocks=blocks)
    with pytest.raises(BadInput, match=r"does not train lstm on recall.* choose with --only: rnn"):
        find_subject(plan, request_, None)
    assert find_subject(plan, replace(request_, architectures=["lstm"]), "copying").task == "copying"


def test_no_planned_cell_has_the_seed_of_tuning(subject, request_):
    assert subject.seed not in {cell.seed for _, cell in training_cells(PLAN, request_)}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_trial_is_what_a_tuned_run_would_train(subject, request_, name):
    trial = subject.block(name, POINT, "a trial").cells[0]
    tuned = {
        name: {"recipe": {"learning_rates": [0.02], "warmup_steps": 3}, "model": {"dropout": 0.25}}
    }
    run = replace(request_, architectures=[name], tuned=tuned)
    planned = next(cell for _, cell in training_cells(PLAN, run) if cell.task == "recall")
    same = ("architecture", "task", "model", "data", "recipe", "precision", "device", "threads")
    assert {key: getattr(trial, key) for key in same} == {key: getattr(planned, key) for key in same}
    assert (trial.measure, trial.options) == ("validate", {"of": "train"})
    assert trial.recipe["learning_rates"] == [0.02]
    assert trial.recipe["steps"] == 8
    assert subject.block(name, POINT, "a trial").timeout_s == 120.0


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_space_is_the_architectures_own(subject, name):
    space, left_out = subject.space(name)
    whole = architecture(name).search_space(8)
    assert set(space) <= set(whole)
    for missing in set(whole) - set(space):
        assert any(missing in note for note in left_out)
    for choice in (key for key, dimension in describe(space).items() if "values" in dimension):
        for value in space[choice].values:  # each of them meets the plan's parameter budget
            subject.planned(name, {choice: value})


def test_a_value_without_room_in_the_budget_is_left_out_and_named(subject):
    # at 8,000 parameters neighbouring widths are further apart than 2 %
    left = {name: subject.space(name) for name in ARCHITECTURES}
    refused = [(name, note) for name, (_, notes) in left.items() for note in notes]
    assert refused
    assert all("cannot meet the parameter budget" in note for _, note in refused)


def test_what_the_user_sets_is_not_tuned(request_):
    given = replace(request_, settings={"recipe": {"learning_rates": [0.5]}, "model": {"dropout": 0.1}})
    subject = find_subject(PLAN, given, None)
    space, left_out = subject.space("lstm")
    assert not {"recipe.learning_rate", "model.dropout"} & set(space)
    assert {"recipe.learning_rate is set", "model.dropout is set"} <= set(left_out)
    cell = subject.block("lstm", {"recipe.warmup_steps": 2}, "a trial").cells[0]
    assert (cell.recipe["learning_rates"], cell.model["dropout"]) == ([0.5], 0.1)


def test_the_plans_own_values_are_kept_for_every_task(subject):
    space, _ = subject.space("lstm")
    untuned = subject.untuned("lstm", space)
    assert list(untuned) == ["recall", "copying"]
    assert untuned["recall"]["recipe"]["learning_rates"] == RATES
    assert untuned["copying"]["model"]["dropout"] == 0.0


def test_another_budget_is_another_study(request_, subject):
    more = find_subject(PLAN, replace(request_, settings={"recipe": {"steps": 9}}), None)
    space, _ = subject.space("rnn")
    assert subject.digest("rnn", space) == find_subject(PLAN, request_, None).digest("rnn", space)
    assert subject.digest("rnn", space) != more.digest("rnn", space)


def test_an_accuracy_is_to_be_large(subject):
    assert subject.larger_is_better("rnn")
