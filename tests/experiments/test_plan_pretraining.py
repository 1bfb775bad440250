"""Plan ``pretraining``: what is compared differs in one thing; vectors of a file are for some cells."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.cell import Cell
from experiments.plans.base import Request
from experiments.plans.pretraining import SETTINGS, SHARES, blocks
from experiments.tasks.find import task_for
from models.errors import BadInput
from models.registry import architecture, config_for

REQUEST = Request(profile="smoke", architectures=["lstm", "transformer"], device="cpu", threads=1)


def cells(request: Request = REQUEST) -> list[Cell]:
    return [cell for block in blocks(request) for cell in block.cells]


def test_starts_differ_in_nothing_else() -> None:
    planned = [cell for cell in cells() if cell.task == "few_labels"]
    for name in REQUEST.architectures:
        mine = [cell for cell in planned if cell.architecture == name]
        assert {cell.data["share"] for cell in mine} == set(SHARES)
        assert len(mine) == 3 * len(SHARES)
        rest = {
            str((c.model, c.recipe, c.seed, {k: v for k, v in c.data.items() if k not in _VARIED}))
            for c in mine
        }
        assert len(rest) == 1
    sizes = {}
    for cell in planned:
        cls = architecture(cell.architecture)
        problem = task_for("few_labels", cell.data).problem()
        sizes[cell.architecture] = cls.core_parameters(config_for(cls, cell.model), problem)
    assert max(sizes.values()) <= 1.041 * min(sizes.values())


_VARIED = ("share", "vectors", "vectors_content")


def test_what_starts_from_denoising_is_in_its_block_after_it() -> None:
    for block in blocks(REQUEST):
        if block.cells[0].task != "denoising":
            continue
        restoring, *tuned = block.cells
        assert {cell.options["trained"] for cell in tuned} == {restoring.key}
        assert {cell.measure for cell in tuned} == {"fine_tune"}
        inner = task_for("denoising", restoring.data).problem().source_size
        assert inner == task_for("few_labels", tuned[0].data).problem().source_size
        assert {str(cell.model) for cell in block.cells} == {str(restoring.model)}


def test_vectors_of_a_file_take_the_place_of_learned_ones_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("w1 1 2\nriver3 3 4\n")
    request = replace(REQUEST, settings={"task": {"vectors": str(path)}})
    kinds = Counter((c.data["vectors"], c.measure) for c in cells(request) if c.task == "few_labels")
    assert kinds == {("mine.txt", "train"): 6, ("none", "train"): 6, ("none", "fine_tune"): 6}
    for cell in cells(request):
        assert bool(cell.data.get("vectors_content")) == (cell.data.get("vectors") == "mine.txt")
    with pytest.raises(BadInput, match="compares with vectors"):
        cells(replace(REQUEST, settings={"task": {"vectors": "none"}}))


def test_other_settings_are_for_all(tmp_path: Path) -> None:
    request = replace(REQUEST, settings={"task": {"vocabulary": 50}, "recipe": {"steps": 7}})
    for cell in cells(request):
        data = cell.data["data"] if cell.task == "denoising" else cell.data
        assert data["vocabulary"] == 50
        assert cell.recipe["steps"] == 7


def test_a_corpus_takes_the_place_of_generated_text(tmp_path: Path) -> None:
    rows = [f"{'ab'[n % 2]}\tnumber {n} of many\n" for n in range(300)]
    (tmp_path / "all.tsv").write_text("".join(rows))
    planned = cells(replace(REQUEST, corpus=str(tmp_path / "all.tsv")))
    data = [cell.data.get("data", cell.data) for cell in planned]
    assert {(d["corpus"], bool(d["content"])) for d in data} == {("all.tsv", True)}
    with pytest.raises(BadInput, match="leave --pair out"):
        cells(replace(REQUEST, pair="en-de"))


def test_profiles_grow() -> None:
    steps = [setting.recipe["steps"] for setting in SETTINGS.values()]
    assert steps == sorted(steps)
    assert [setting.seeds for setting in SETTINGS.values()] == [1, 3, 12, 12]
