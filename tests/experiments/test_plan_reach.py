"""Plan ``reach``: offsets on both sides of what each encoder sees, and translations both ways."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.reach import sight
from experiments.plans.base import PROFILES, Profile, Request
from experiments.plans.reach import PLAN
from models.errors import BadInput
from models.registry import architecture, config_for

REQUEST = Request(profile="smoke", architectures=list(PLAN.architectures), device="cpu", threads=2)


def cells_of(request):
    return [cell for block in PLAN.blocks(request) for cell in block.cells]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_window_has_offsets_inside_and_beyond(profile: Profile) -> None:
    cells = [cell for cell in cells_of(replace(REQUEST, profile=profile)) if cell.measure == "train"]
    limited = [cell for cell in cells if cell.architecture in ("conv", "local_transformer")]
    assert limited
    for cell in limited:
        right = sight(cell.architecture, cell.model)[1]
        offsets = cell.data["offsets"]
        assert min(offsets) <= right < max(offsets), (cell.architecture, cell.model)
        assert right in offsets, "the edge itself"
        assert cell.data["named"] == "everywhere"


def test_two_layers_with_gaps_see_as_far_as_four_without() -> None:
    cells = [cell for cell in cells_of(REQUEST) if cell.measure == "train"]
    seen = {
        (bool(cell.model["dilated"]), cell.model["layers"]): sight("conv", cell.model)
        for cell in cells
        if cell.architecture == "conv"
    }
    assert seen == {(False, 4): (4, 4), (True, 2): (4, 4)}


def test_a_gradient_follows_the_training_of_its_own_block() -> None:
    for block in PLAN.blocks(REQUEST):
        if block.cells[0].measure != "train":
            continue
        train, gradient = block.cells
        assert gradient.measure == "effective_receptive_field"
        assert gradient.options["trained"] == train.key
        assert (gradient.model, gradient.data) == (train.model, train.data)


def test_sources_are_long_enough_for_the_whole_receptive_field() -> None:
    cells = [cell for cell in cells_of(REQUEST) if cell.measure == "receptive_field"]
    for cell in cells:
        kind = architecture(cell.architecture)
        assert kind.receptive_field(config_for(kind, cell.model)) <= cell.options["n"]
    deepest = max(cell.options["n"] for cell in cells)
    assert deepest > 700, "gaps grow exponentially"


def test_the_last_window_restricts_nothing() -> None:
    costs = [cell for cell in cells_of(REQUEST) if cell.measure == "flops"]
    assert costs[-1].model["window"] // 2 >= costs[-1].options["n"]
    assert all(cell.model["window"] // 2 < cell.options["n"] for cell in costs[:-1])


def test_a_corpus_is_translated_in_one_direction_and_in_two(tmp_path: Path) -> None:
    for language in ("en", "de"):
        lines = [f"{language} sentence number {n} of many" for n in range(300)]
        for split in ("train", "val", "test"):
            (tmp_path / f"{split}.{language}").write_text("\n".join(lines) + "\n")
    request = replace(REQUEST, corpus=str(tmp_path), pair="en-de")
    translations = [cell for cell in cells_of(request) if cell.measure == "translate"]
    assert [(cell.architecture, cell.model["bidirectional"]) for cell in translations] == [
        ("lstm", False),
        ("lstm", True),
    ]
    assert translations[0].data == translations[1].data
    without = [cell for cell in cells_of(REQUEST) if cell.measure == "translate"]
    assert without == []


def test_a_pair_without_a_corpus_is_refused() -> None:
    with pytest.raises(BadInput, match="without --corpus the plan translates nothing"):
        PLAN.blocks(replace(REQUEST, pair="en-de"))
