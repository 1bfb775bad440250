"""``run --set`` and ``--tuned``: every cell that has an option takes it, and nothing is dropped."""

import json
from dataclasses import replace

import pytest

from experiments.commands.request import find_plan, make_request, plan_blocks
from experiments.commands.run import parser
from models.errors import BadInput

ARGUMENTS = ["long_range", "--profile", "smoke", "--device", "cpu", "--only", "lstm", "rnn"]


def cells(*arguments):
    plan = find_plan(ARGUMENTS[0])
    request = make_request(parser().parse([*ARGUMENTS, *arguments]), plan)
    return [cell for block in plan_blocks(plan, request) for cell in block.cells]


def test_a_setting_reaches_every_cell_that_has_it_and_no_other():
    plain, found = cells(), cells("--set", "recipe.steps=7", "--set", "forget_bias=chrono")
    assert {cell.recipe["steps"] for cell in found if cell.recipe} == {7}
    assert {cell.model["forget_bias"] for cell in found if cell.architecture == "lstm"} == {"chrono"}
    assert all("forget_bias" not in cell.model for cell in found if cell.architecture == "rnn")
    assert len(found) == len(plain)
    assert not {cell.key for cell in plain} & {cell.key for cell in found if cell.recipe}


def test_a_dependent_cell_follows_its_trained_one():
    found = cells("--set", "task.length=12", "--set", "recipe.steps=7")
    trained = {cell.key for cell in found if cell.measure == "train"}
    assert {cell.options["trained"] for cell in found if cell.measure == "gradient"} <= trained


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("recipe.step=7", "unknown key .step..*steps"),
        ("recipe.steps=0", "steps"),
        ("width=64", "width = 64: a parameter budget solves for it"),
        ("task.pair=en-de", "--set task.pair: no cell of this plan has it"),
        ("steps", "write KEY=VALUE"),
    ],
)
def test_a_wrong_setting_is_named(setting, message):
    with pytest.raises(BadInput, match=message):
        cells("--set", setting)


@pytest.fixture
def tuned(tmp_path):
    rows = {
        "lstm": {"values": {"recipe": {"learning_rates": [5e-4]}, "model": {"dropout": 0.3}}},
        "rnn": {"values": {"recipe": {"learning_rates": [1e-4]}}},
    }
    path = tmp_path / "long_range.json"
    path.write_text(json.dumps({"plan": "long_range", "architectures": rows}))
    return path


def test_each_architecture_takes_its_tuned_values_and_settings_come_last(tuned):
    found = [cell for cell in cells("--tuned", str(tuned)) if cell.recipe]
    rates = {cell.architecture: cell.recipe["learning_rates"] for cell in found}
    assert rates == {"lstm": [5e-4], "rnn": [1e-4]}
    assert {cell.model["dropout"] for cell in found if cell.architecture == "lstm"} == {0.3}
    again = cells("--tuned", str(tuned), "--set", "dropout=0.2")
    assert {cell.model["dropout"] for cell in again if cell.recipe} == {0.2}


def test_timing_cells_are_not_tuned():
    plan = find_plan("complexity")
    request = make_request(parser().parse(["complexity", "--profile", "smoke", "--only", "lstm"]), plan)
    tuned = {"lstm": {"model": {"forget_bias": "chrono"}}}
    plain, found = (plan.blocks(each) for each in (request, replace(request, tuned=tuned)))
    assert [block.key for block in plain] == [block.key for block in found]


def test_untuned_beside_tuned_is_refused(tuned):
    with pytest.raises(BadInput, match="no values for transformer: untuned beside tuned"):
        cells("--tuned", str(tuned), "--architecture", "transformer")


def test_tuned_values_of_another_plan_are_refused(tuned):
    tuned.write_text(tuned.read_text().replace("long_range", "scan"))
    with pytest.raises(BadInput, match="is of plan 'scan', not of 'long_range'"):
        cells("--tuned", str(tuned))
    tuned.write_text("{}")
    with pytest.raises(BadInput, match="is no file that `seqyard tune` wrote"):
        cells("--tuned", str(tuned))


def test_only_plans_on_text_take_a_corpus():
    with pytest.raises(BadInput, match=r"--corpus: plan .long_range. takes no corpus; .*translation"):
        cells("--corpus", "somewhere")


def test_seeds_of_a_plan_that_draws_nothing_are_refused() -> None:
    options = parser().parse(["complexity", "--profile", "smoke", "--seeds", "12"])
    plan = find_plan("complexity")
    with pytest.raises(BadInput, match=r"^--seeds 12: nothing that plan 'complexity' meas"):
        plan_blocks(plan, make_request(options, plan))
    with pytest.raises(BadInput, match="0 is not at least 1"):
        parser().parse(["long_range", "--seeds", "0"])


@pytest.mark.parametrize("name", ["ablation", "mechanisms"])
def test_a_plan_that_has_nothing_of_what_is_asked_says_what_it_compares(name: str) -> None:
    options = parser().parse([name, "--profile", "smoke", "--only", "markov"])
    plan = find_plan(name)
    with pytest.raises(BadInput, match=rf"^--only markov: plan '{name}' measures nothing of"):
        plan_blocks(plan, make_request(options, plan))
