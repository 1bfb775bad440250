"""Every point of every architecture's search space is a valid configuration and recipe."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import MODELS, search
from models.base import Seq2Seq
from models.errors import BadInput
from models.recipe import Recipe
from models.registry import architecture, config_for
from models.search import Choice, Range, Space

DOCS = Path(__file__).parents[2] / "docs" / "tuning.md"
STEPS = (1, 10, 30, 1000, 30_000, 1_000_000)


def accept(cls: type[Seq2Seq], point: dict[str, object]) -> None:
    """Build what a point means, as planning does."""
    found = search.settings(point)
    config = config_for(cls, {"width": 64, **found.pop("model", {})})
    recipe = Recipe.model_validate(found.pop("recipe", {}))
    assert not found
    assert recipe.learning_rates == (point["recipe.learning_rate"],)
    assert config.dropout == point["model.dropout"]


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", MODELS)
def test_the_ends_of_every_dimension_are_valid(name: str, steps: int) -> None:
    cls = architecture(name)
    space = cls.search_space(steps)
    points = search.corners(space)
    assert len(points) == sum(len(dimension.extremes()) for dimension in space.values())
    for point in points:
        accept(cls, point)


def drawn(dimension: Range | Choice) -> st.SearchStrategy:
    if isinstance(dimension, Choice):
        return st.sampled_from(dimension.values)
    if dimension.integer:
        return st.integers(int(dimension.low), int(dimension.high))
    return st.floats(dimension.low, dimension.high)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_point_within_is_valid(name: str, data: st.DataObject) -> None:
    cls = architecture(name)
    space = cls.search_space(1000)
    point = {key: data.draw(drawn(dimension)) for key, dimension in space.items()}
    assert all(space[key].contains(value) for key, value in point.items())
    accept(cls, point)


@pytest.mark.parametrize("name", MODELS)
def test_the_common_part_is_the_same_for_all(name: str) -> None:
    space = architecture(name).search_space(500)
    common = search.common_space(500)
    assert {key: space[key] for key in common} == common


def test_own_parts_name_what_the_literature_argues_about() -> None:
    own = {name: architecture(name).own_search_space() for name in MODELS}
    assert own["lstm"]["model.forget_bias"] == own["attentional_lstm"]["model.forget_bias"]
    assert isinstance(own["transformer"]["model.norm"], Choice)
    assert "recipe.gradient_clip" in own["rnn"]


def test_the_documented_table_is_the_space() -> None:
    spaces = {name: architecture(name).search_space(1000) for name in MODELS}
    assert search.table(spaces) in DOCS.read_text(encoding="utf-8")


def test_every_dimension_names_its_source() -> None:
    for name in MODELS:
        for key, dimension in architecture(name).search_space().items():
            assert dimension.why, f"{name}: {key}"


@pytest.mark.parametrize("steps", STEPS)
def test_warm_up_is_a_share_of_the_steps(steps: int) -> None:
    warm = search.common_space(steps)["recipe.warmup_steps"]
    assert isinstance(warm, Range)
    assert 1 <= warm.low < warm.high <= max(2, min(4000, steps / 4))


def bad_spaces() -> Iterator[object]:
    rate = Range(0.1, 1)
    yield pytest.param({"model.droput": rate}, "dropout", id="misspelt")
    yield pytest.param({"modell.dropout": rate}, "model", id="part")
    yield pytest.param({"dropout": rate}, "model", id="no part")


@pytest.mark.parametrize(("own", "hint"), bad_spaces())
def test_a_wrong_name_is_refused_with_the_nearest(own: Space, hint: str) -> None:
    cls = architecture("rnn")
    wrong = type("Wrong", (cls,), {"own_search_space": classmethod(lambda cls: own)})
    with pytest.raises(BadInput, match=f"Did you mean '{hint}'|Choices: .*{hint}"):
        wrong.search_space()


@pytest.mark.parametrize(
    "arguments",
    [
        {"low": 1, "high": 1},
        {"low": 2, "high": 1},
        {"low": 0, "high": 1, "log": True},
        {"low": 0.5, "high": 3, "integer": True},
        {"low": 0, "high": math.inf},
    ],
)
def test_impossible_ranges_are_refused(arguments: dict) -> None:
    with pytest.raises(BadInput):
        Range(**arguments)


@pytest.mark.parametrize("values", [(), (1,), ("a", "a")])
def test_impossible_choices_are_refused(values: tuple) -> None:
    with pytest.raises(BadInput):
        Choice(values)


def test_edges_are_on_the_scale_of_the_range() -> None:
    log = Range(1e-4, 1e-1, log=True)
    assert log.position(1e-4) == 0
    assert log.position(10**-2.5) == pytest.approx(0.5)
    assert [log.edge(value) for value in (1.2e-4, 1e-3, 0.09)] == ["low", None, "high"]
    linear = Range(0.0, 0.5)
    assert [linear.edge(value) for value in (0.02, 0.03, 0.48)] == ["low", None, "high"]
    assert Choice(("a", "b")).edge("a") is None


def test_one_learning_rate_becomes_the_recipes() -> None:
    point = {"recipe.learning_rate": 0.01, "recipe.weight_decay": 0.1, "model.norm": "pre"}
    assert search.settings(point) == {
        "recipe": {"learning_rates": [0.01], "weight_decay": 0.1},
        "model": {"norm": "pre"},
    }
