"""Plan ``ablation``: one option changed at a time, the width exactly fixed, what heads do beside."""

from pathlib import Path
from typing import Any

import pytest

from experiments.cell import Cell
from experiments.plans import ablation
from experiments.plans.base import PROFILES, Request
from models.errors import BadInput
from tests.experiments.corpora.conftest import write_text


def request(profile: str = "quick", **more: Any) -> Request:
    return Request(profile=profile, architectures=["transformer"], device="cpu", threads=1, **more)


def trained(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.measure != "heads"]


def cells_of(asked: Request, seed: int = 0) -> list[Cell]:
    return [cell for block in ablation.blocks(asked) for cell in block.cells if cell.seed == seed]


@pytest.mark.parametrize("profile", PROFILES)
def test_each_row_changes_one_option_of_the_base(profile: str) -> None:
    base, *rows = trained(cells_of(request(profile)))
    changes = []
    for row in rows:
        parts = [(base.model, row.model), (base.recipe, row.recipe)]
        changed = {
            name: new.get(name)
            for old, new in parts
            for name in {*old, *new}
            if old.get(name) != new.get(name)
        }
        assert len(set(changed) - {"max_positions"}) == 1, changed
        assert row.data == base.data
        changes += [(name, value) for name, value in changed.items() if name != "max_positions"]
    assert len(changes) == len(set(changes)) == 19, "no row twice"
    assert {name for name, _ in changes} == {
        *("heads", "key_width", "layers", "width", "feedforward"),
        *("dropout", "label_smoothing", "positions"),
    }
    sizes = {cell.model["width"] for cell in rows if cell.model["heads"] != base.model["heads"]}
    assert sizes == {base.model["width"]}, "heads at a fixed width"


def test_learned_positions_reach_the_longest_string_and_its_end() -> None:
    (learned,) = (c for c in trained(cells_of(request())) if c.model["positions"] == "learned")
    assert learned.model["max_positions"] == max(learned.data["test_lengths"]) + 1
    assert max(learned.data["test_lengths"]) > learned.data["train_lengths"][1]


def test_heads_are_read_off_the_weights_trained_in_the_same_block() -> None:
    counts = []
    for block in ablation.blocks(request()):
        training, *further = block.cells
        for cell in further:
            assert cell.measure == "heads"
            assert cell.options["trained"] == training.key
            assert cell.options["split"] == "validation", "trained lengths alone"
            assert cell.model == training.model
            counts.append(cell.model["heads"])
    assert sorted(counts) == sorted(3 * ablation.HEADS)


def test_a_corpus_is_translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))
    asked = request("smoke", corpus=str(write_text(tmp_path / "corpus")), pair="en-de")
    cells = cells_of(asked)
    assert {cell.task for cell in cells} == {"translation"}
    assert {cell.measure for cell in cells} == {"translate", "heads"}
    assert all(cell.data["pair"] == "en-de" for cell in cells)
    assert {cell.options["split"] for cell in cells if cell.measure == "heads"} == {"test"}
    assert all(cell.recipe["seconds"] is None for cell in cells), "equal steps, not equal time"


def test_languages_need_a_corpus_and_others_have_no_rows() -> None:
    with pytest.raises(BadInput, match="without --corpus"):
        ablation.blocks(request(pair="en-de"))
    others = Request(profile="smoke", architectures=["lstm"], device="cpu", threads=1)
    assert ablation.blocks(others) == []
