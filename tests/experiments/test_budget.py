from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from experiments.budget import TOLERANCE, last_within, solve_width
from models import MODELS
from models.config import ModelConfig
from models.errors import BadInput
from models.problem import Problem
from models.registry import architecture
from tests.models.kinds import DECODERS

DECODER = Problem(source_size=20, target_size=20)
CLASSES = Problem(
    source_kind="floats", source_size=1, target_size=10, readout="last", objective="cross_entropy"
)


class Coarse:
    """Parameters without a network: width in steps of ``heads``, 2·D² + D·F of them."""

    class Config(ModelConfig):
        fine_dial: ClassVar[str | None] = "inner"
        heads: int = Field(8, gt=0)
        inner: int | None = Field(None, gt=0)

        @model_validator(mode="after")
        def _divisible(self):
            if self.width % self.heads:
                raise ValueError(f"width = {self.width} is not divisible by heads = {self.heads}")
            return self

        def width_multiple(self):
            return self.heads

    @classmethod
    def core_parameters(cls, config, problem):
        return 2 * config.width**2 + config.width * (config.inner or 4 * config.width)


class CoarseWithoutDial(Coarse):
    class Config(Coarse.Config):
        fine_dial: ClassVar[str | None] = None


def error(cls, config, problem, budget):
    return abs(cls.core_parameters(config, problem) - budget) / budget


@settings(deadline=None, max_examples=40)
@given(budget=st.integers(60_000, 3_000_000), problem=st.sampled_from([DECODER, CLASSES]))
@pytest.mark.parametrize("name", MODELS)
def test_every_architecture_meets_every_budget_within_two_percent(name, budget, problem):
    cls = architecture(name)
    config = solve_width(cls, {}, problem, budget)
    assert error(cls, config, problem, budget) <= TOLERANCE


@settings(deadline=None, max_examples=40)
@given(budgets=st.tuples(st.integers(60_000, 10**6), st.integers(60_000, 10**6)).map(sorted))
@pytest.mark.parametrize("name", MODELS)
def test_a_larger_budget_never_gives_a_narrower_model(name, budgets):
    small, large = (solve_width(architecture(name), {}, DECODER, budget) for budget in budgets)
    assert small.width <= large.width


@pytest.mark.parametrize("name", MODELS)
def test_the_solved_configuration_counts_what_the_built_model_has(name):
    cls = architecture(name)
    problem = DECODER if name in DECODERS else CLASSES
    config = solve_width(cls, {}, problem, 60_000)
    built = cls(config, problem).counted_core_parameters()
    assert abs(built - 60_000) / 60_000 <= TOLERANCE


def test_options_are_kept():
    config = solve_width(architecture("transformer"), {"heads": 2, "layers": 1}, DECODER, 60_000)
    assert (config.heads, config.layers) == (2, 1)
    assert config.width % 2 == 0


def test_the_fine_dial_helps_where_the_width_is_coarse():
    config = solve_width(Coarse, {}, DECODER, 2_000)  # widths 16 and 24 give 1,536 and 3,456
    assert config.inner is not None
    assert error(Coarse, config, DECODER, 2_000) <= TOLERANCE
    assert config.width == 16  # the nearer one


def test_the_fine_dial_is_left_alone_where_the_width_suffices():
    assert solve_width(Coarse, {}, DECODER, 6 * 64**2 + 10).inner is None


def test_without_a_fine_dial_the_nearest_count_is_named():
    with pytest.raises(BadInput, match=r"budget = 2000: .* the nearest is 1536 \(width 16\)") as found:
        solve_width(CoarseWithoutDial, {}, DECODER, 2_000)
    assert "\n" not in str(found.value)


def test_a_dial_that_is_given_is_not_turned():
    with pytest.raises(BadInput, match="cannot meet"):
        solve_width(Coarse, {"inner": 7}, DECODER, 210)


def test_heads_that_do_not_divide_the_default_width():
    assert solve_width(Coarse, {"heads": 5}, DECODER, 100_000).width % 5 == 0


@pytest.mark.parametrize(
    ("options", "budget", "message"),
    [
        ({}, 0, "budget = 0"),
        ({}, -5, "budget = -5"),
        ({}, 3, "the nearest is"),
        ({"width": 64}, 1000, "width = 64"),
        ({"haeds": 2}, 1000, "Did you mean 'heads'"),
        ({"heads": "many"}, 1000, "heads = 'many'"),
        ({"heads": 0}, 1000, "heads = 0"),
    ],
)
def test_wrong_requests_are_one_line(options, budget, message):
    with pytest.raises(BadInput, match=message) as found:
        solve_width(Coarse, options, DECODER, budget)
    assert "\n" not in str(found.value)


@given(threshold=st.integers(0, 5000), limit=st.integers(1, 4096))
def test_bisection_finds_the_last_step_that_holds(threshold, limit):
    found = last_within(lambda step: step <= threshold, limit)
    if threshold <= limit:
        assert found == threshold
    else:
        assert limit <= found <= threshold or found >= limit // 2
