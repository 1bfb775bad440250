import sys

import pytest

from experiments import planning
from experiments.manifest import write_manifest
from experiments.planning import WITHOUT_TASK, make_cell, theory
from experiments.plans.base import Plan, Request
from experiments.store import read_json
from experiments.tasks.find import task_for
from models import recipe
from models.errors import BadInput
from models.registry import architecture, config_for
from tests.experiments.toys import block

REQUEST = Request(profile="smoke", architectures=["lstm"], device="cpu", threads=3)
ACT = "tests.experiments.toys:Act"


def train(**changes):
    return make_cell(
        **{"measure": "train", "architecture": "lstm", "task": "recall", "request": REQUEST, **changes}
    )


def act(**changes):
    return make_cell(**{"measure": ACT, "architecture": "lstm", "request": REQUEST, **changes})


def test_every_default_is_spelled_out():
    cell = train()
    assert cell.model == architecture("lstm").Config().model_dump(mode="json")
    assert cell.data == task_for("recall", {}).model_dump(mode="json")
    assert cell.recipe == recipe.Recipe().model_dump(mode="json")
    assert cell.options
    assert (cell.threads, cell.precision, cell.device, cell.device_model) == (1, "float32", "cpu", None)
    assert cell.versions["recipe"] == str(recipe.VERSION)
    assert set(cell.versions) == {"measure", "architecture", "task", "recipe"}


def test_a_default_given_or_left_out_is_the_same_cell():
    width = train().model["width"]
    assert train(model={"width": width}).key == train().key
    assert train(recipe={"steps": recipe.Recipe().steps}).key == train().key


def test_a_new_version_is_a_new_cell(monkeypatch):
    before = train().key
    monkeypatch.setattr(architecture("lstm"), "version", 99)
    assert train().key != before


def test_a_training_recipe_of_a_new_version_is_a_new_cell(monkeypatch):
    before = train().key
    monkeypatch.setattr(recipe, "VERSION", 99)
    assert train().key != before


def test_an_outside_architecture_is_known_by_its_source(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "outside_of_planning.py"
    file.write_text("from models.lstm import LSTM\n\n\nclass Mine(LSTM):\n    pass\n")
    before = act(architecture="outside_of_planning:Mine")
    file.write_text(file.read_text() + "\n# edited\n")
    after = act(architecture="outside_of_planning:Mine")
    assert before.versions["architecture"] != after.versions["architecture"]
    assert before.key != after.key


def test_what_runs_alone_gets_all_threads_and_the_device_model():
    cell = act(measure="tests.experiments.toys:Together")
    assert cell.threads == REQUEST.threads
    assert cell.device_model
    assert act().device_model is None


def test_a_budget_gives_the_width():
    cell = train(parameter_budget=60_000)
    config = config_for(architecture("lstm"), cell.model)
    count = architecture("lstm").core_parameters(config, task_for("recall", {}).problem())
    assert abs(count - 60_000) <= 1200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measure": "trian"}, "unknown measure 'trian'. Did you mean 'train'"),
        ({"architecture": "lsmt"}, "unknown architecture 'lsmt'. Did you mean 'lstm'"),
        ({"architecture": "nowhere:Model"}, "no module 'nowhere'"),
        ({"architecture": "models.lstm:LTSM"}, "has no 'LTSM'. Did you mean 'LSTM'"),
        ({"architecture": "models.problem:Problem"}, "does not extend"),
        ({"task": "recal"}, "unknown task 'recal'. Did you mean 'recall'"),
        ({"task": None}, "needs a task"),
        ({"model": {"widht": 3}}, "Did you mean 'width'"),
        ({"model": {"width": -3}}, "width = -3"),
        ({"architecture": "transformer", "model": {"width": 30}}, "not divisible by heads"),
        ({"data": {"length": -4}}, "length = -4"),
        ({"data": {"lenght": 4}}, "Did you mean 'length'"),
        ({"recipe": {"steps": 0}}, "steps = 0"),
        ({"recipe": {"setps": 3}}, "Did you mean 'steps'"),
        ({"options": {"freerunning": True}}, "Did you mean 'free_running'"),
        ({"seed": -1}, "seed = -1"),
        ({"parameter_budget": -1}, "budget = -1"),
        ({"task": "digits", "model": {"tie_embeddings": "target"}}, "tie_embeddings = 'target'"),
    ],
)
def test_what_is_wrong_is_one_line(changes, message):
    with pytest.raises(BadInput) as error:
        train(**changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("changes", [{"task": "recall"}, {"recipe": {"steps": 3}}])
def test_a_measure_without_training_takes_neither_task_nor_recipe(changes):
    with pytest.raises(BadInput, match="measure 'tests"):
        act(**changes)


def test_theory_of_a_training_cell_is_that_of_the_model_at_its_lengths():
    cell = train(data={"distances": [4], "symbols": 2, "length": 9})
    cls = architecture("lstm")
    problem = task_for("recall", cell.data).problem()
    batch = task_for("recall", cell.data).train_batch(0, 0, 1)
    sizes = batch.source.shape[1], batch.target.shape[1]
    assert theory(cell) == cls.cost(config_for(cls, cell.model), problem, *sizes).as_dict()
    assert sizes[0] == 9


def test_theory_of_a_layer_is_the_layers_formulas():
    cls = architecture("lstm")
    part, layer = next(iter(cls.layers().items()))
    cell = train().model_copy(
        update={"task": None, "data": {}, "options": {"scope": "layer", "part": part, "n": 32}}
    )
    config = config_for(cls, cell.model)
    found = theory(cell)
    assert found["flops"] == layer.flops(config, 32)
    assert found["sequential_operations"] == layer.sequential_operations(32)
    assert found["parameters"] == layer.parameters(config)


def test_theory_of_an_unknown_part_is_one_line():
    cell = train().model_copy(update={"options": {"scope": "layer", "part": "nose", "n": 4}})
    with pytest.raises(BadInput, match="part = 'nose'"):
        theory(cell)


def test_theory_without_a_task_has_n_positions_on_both_sides():
    cls = architecture("lstm")
    cell = train().model_copy(update={"task": None, "data": {}, "options": {"scope": "model", "n": 16}})
    assert theory(cell) == cls.cost(config_for(cls, cell.model), WITHOUT_TASK, 16, 16).as_dict()


PLAN = Plan(name="toys", description="Toys", budget="none", blocks=lambda request: [], claims=("L1",))


def test_the_manifest_has_what_analysis_needs(store):
    cells = (train(), train(seed=1))
    write_manifest(store, PLAN, REQUEST, [block(*cells)], "seqyard run toys")
    manifest = read_json(store.manifest)
    assert manifest["format"] == 1
    assert manifest["claims"] == ["L1"]
    assert list(manifest["cells"]) == sorted(cell.key for cell in cells)
    row = manifest["cells"][cells[1].key]
    assert row["cell"]["seed"] == 1
    assert row["block"] == manifest["blocks"][0]["key"]
    assert row["theory"]["parameters"] > 0
    assert manifest["tasks"]["recall"]["chance"] == pytest.approx(1 / 8)
    assert set(manifest["layers"]) == {"lstm"}
    told = manifest["descriptions"]["lstm"]
    assert told["title"] == "LSTM"
    assert told["description"].startswith("LSTM; the decoder starts from the encoder's last state")
    assert "Hochreiter" in told["citation"]
    assert "forget gate" in told["options"]["forget_bias"]
    assert manifest["request"]["threads"] == 3


def test_commands_of_one_plan_add_up_each_once(store):
    blocks = [block(train())]
    for command in ("seqyard run toys", "seqyard run toys --workers 1", "seqyard run toys"):
        write_manifest(store, PLAN, REQUEST, blocks, command)
    assert read_json(store.manifest)["commands"] == ["seqyard run toys", "seqyard run toys --workers 1"]
    other = Plan(name="others", description="", budget="", blocks=lambda request: [])
    write_manifest(store, other, REQUEST, blocks, "seqyard run others")
    assert read_json(store.manifest)["commands"] == ["seqyard run others"]


@pytest.mark.parametrize(
    ("device", "measure", "precision"),
    [
        ("cuda", "step_time", "bfloat16"),
        ("cuda", "memory", "bfloat16"),
        ("cuda", "flops", "float32"),
        ("cpu", "step_time", "float32"),
    ],
)
def test_time_and_memory_on_a_gpu_are_measured_in_bfloat16(
    device: str, measure: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "device_model", lambda device: "a GPU")
    request = Request(profile="smoke", architectures=["lstm"], device=device, threads=2)
    cell = make_cell(
        measure=measure, architecture="lstm", model={"width": 8}, options={"n": 4}, request=request
    )
    assert cell.precision == precision
