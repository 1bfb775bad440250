"""What every plan must do, in every profile: valid cells, met budgets, what it feeds exists."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from analysis import claims
from analysis.figures import FIGURES
from analysis.tables import TABLES
from experiments.cell import Cell
from experiments.commands.request import distinct, find_plan
from experiments.manifest import write_manifest
from experiments.planning import theory
from experiments.plans import PLANS
from experiments.plans.base import PROFILES, Request
from experiments.run import find_measure
from experiments.store import Store, read_json
from experiments.tasks.find import task_for
from models import CORE, MODELS
from models.registry import architecture, config_for


def request_for(profile: str, architectures: Sequence[str] = CORE) -> Request:
    return Request(profile=profile, architectures=list(architectures), device="cpu", threads=2)


@pytest.mark.parametrize(
    "profile", [pytest.param(p, marks=pytest.mark.slow if p == "full" else ()) for p in PROFILES]
)
@pytest.mark.parametrize("name", [name for name in PLANS if name != "table1"])
def test_every_profile_plans_valid_cells_within_budget(name: str, profile: str) -> None:
    plan = find_plan(name)
    # all that it compares by default; of a plan over all architectures, the core
    asked = plan.architectures if len(plan.architectures) < len(MODELS) else CORE
    blocks = distinct(plan.blocks(request_for(profile, asked)))
    assert {cell.architecture for block in blocks for cell in block.cells} == set(asked)
    sizes: dict[tuple, dict[str, int]] = {}
    for block in blocks:
        exclusive = {find_measure(cell.measure).exclusive for cell in block.cells}
        assert exclusive == {block.exclusive}, "timing and other cells do not share a block"
        for cell in block.cells:
            if cell.task is None:
                continue
            cls = architecture(cell.architecture)
            problem = task_for(cell.task, cell.data).problem()
            count = cls.core_parameters(config_for(cls, cell.model), problem)
            sizes.setdefault((cell.task,), {})[cell.architecture] = count
    for counts in sizes.values() if plan.equal_sizes else ():
        assert max(counts.values()) <= 1.041 * min(counts.values()), counts  # each within 2 % of one


@pytest.mark.parametrize("name", PLANS)
def test_what_a_plan_feeds_exists(name: str) -> None:
    plan = find_plan(name)
    assert plan.name == name
    assert set(plan.claims) <= set(claims.CLAIMS)
    assert set(plan.figures) <= set(FIGURES)
    assert set(plan.tables) <= set(TABLES)
    assert set(plan.profiles) == set(PROFILES)
    assert plan.budget
    assert plan.description


@pytest.mark.parametrize("name", PLANS)
def test_planning_twice_plans_the_same(name: str, tmp_path: object) -> None:
    plan = find_plan(name)
    request = request_for("smoke", plan.architectures)
    blocks, again = plan.blocks(request), plan.blocks(request)
    assert [block.key for block in blocks] == [block.key for block in again]
    store = Store(str(tmp_path))
    store.create()
    write_manifest(store, plan, request, blocks, f"seqyard run {name}")
    manifest = read_json(store.manifest)
    assert set(manifest["cells"]) == {cell.key for block in blocks for cell in block.cells}


@pytest.mark.parametrize("name", PLANS)
def test_seeds_are_as_many_as_asked_for(name: str) -> None:
    plan = find_plan(name)
    request = request_for("smoke", plan.architectures)
    seeds = [
        {cell.seed for block in plan.blocks(asked) for cell in block.cells}
        for asked in (request, replace(request, seeds=1), replace(request, seeds=3))
    ]
    assert seeds[:2] == [{0}, {0}]
    assert seeds[2] == ({0} if name in ("complexity", "throughput") else {0, 1, 2})


def test_table1_is_three_plans_together() -> None:
    request = request_for("smoke")
    names = ("complexity", "throughput", "long_range")
    parts = [find_plan(name).blocks(request) for name in names]
    whole = find_plan("table1").blocks(request)
    assert {block.key for block in whole} == {block.key for part in parts for block in part}


def test_a_corpus_decides_what_the_language_plan_asks(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("to be or not to be\n" * 2000)
    (tmp_path / "all.tsv").write_text("".join(f"{'ab'[n % 2]}\tnumber {n}\n" for n in range(300)))
    for name, task in (("text.txt", "characters"), ("all.tsv", "documents")):
        request = replace(request_for("smoke"), corpus=str(tmp_path / name))
        cells = [cell for block in find_plan("language").blocks(request) for cell in block.cells]
        assert {(cell.task, cell.data["corpus"]) for cell in cells} == {(task, name)}


def test_seeds_see_the_same_task_and_architectures_the_same_recipe() -> None:
    blocks = find_plan("long_range").blocks(request_for("quick"))
    cells = [cell for block in blocks for cell in block.cells if cell.measure == "train"]
    for task in {cell.task for cell in cells}:
        mine = [cell for cell in cells if cell.task == task]
        assert len({str(cell.recipe) for cell in mine}) == 1
        assert len({str(cell.data) for cell in mine}) == 1
        assert {cell.seed for cell in mine} == {0, 1, 2}


def test_a_layer_of_fixed_length_is_as_long_as_what_it_is_measured_on() -> None:
    request = Request(profile="smoke", architectures=["mlp"], device="cpu", threads=2)
    cells = [cell for block in find_plan("complexity").blocks(request) for cell in block.cells]
    assert {cell.measure for cell in cells} == {"flops", "depth", "path", "memory", "step_time"}
    for cell in cells:
        assert cell.model["positions"] == cell.options["n"] + (cell.measure == "path")
    counts = {theory(cell)["parameters"] for cell in cells if cell.measure == "depth"}
    assert len(counts) > 1, "its parameters grow"


def test_a_convolution_is_timed_once_a_size_and_attention_with_both_kernels() -> None:
    def timed(name: str) -> list[Cell]:
        request = Request(profile="smoke", architectures=[name], device="cpu", threads=2)
        (block,) = (b for b in find_plan("complexity").blocks(request) if b.name == "layer time")
        return list(block.cells)

    sizes = [(cell.options["part"], cell.options["n"], cell.model["width"]) for cell in timed("conv")]
    assert len(sizes) == len(set(sizes))
    assert {cell.model["attention"] for cell in timed("transformer")} == {"explicit", "fused"}


def test_claims_plans_the_whole_family_and_the_usual_settings_first() -> None:
    plan = find_plan("claims")
    request = replace(request_for("smoke"), architectures=list(plan.architectures))
    blocks = distinct(plan.blocks(request))
    cells = [cell for block in blocks for cell in block.cells]
    assert {cell.architecture for cell in cells} == set(MODELS)
    exact = {"identity", "score_variance", "gain", "flops", "depth", "path", "receptive_field"}
    exact |= {"layer_gradients"}
    kinds = [{cell.measure for cell in block.cells} for block in blocks if not block.exclusive]
    others = [i for i, kind in enumerate(kinds) if not kind <= exact]
    assert max(i for i, kind in enumerate(kinds) if kind <= exact) < min(others)
    for name, option in (("conv", "kernel_size"), ("local_transformer", "window")):
        reaches = [c.model[option] for c in cells if (c.measure, c.architecture) == ("flops", name)]
        assert reaches[0] == config_for(architecture(name), {}).model_dump()[option]
        assert len(set(reaches)) >= 4
    recall = [c for c in cells if (c.measure, c.task, c.architecture) == ("train", "recall", "lstm")]
    assert [cell.model["forget_bias"] for cell in recall] == ["one", "zero", "chrono"]
    for name in ("gru", "mlp"):
        alone = distinct(plan.blocks(replace(request, architectures=[name])))
        assert {cell.architecture for block in alone for cell in block.cells} == {name}
