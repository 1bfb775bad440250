"""Path lengths of layers whose reach is known, and of the real ones."""

from pathlib import Path as FilePath

import pytest
import torch

from experiments.measures.path import Path, narrowed, updates_until
from models.config import ModelConfig
from models.registry import architecture
from tests.experiments.measures import layers
from tests.experiments.measures.layers import cell, context


@pytest.mark.parametrize(("k", "updates"), [(0, 1), (1, 1), (3, 1), (4, 2), (9, 3), (10, 4)])
def test_a_window_of_three_needs_a_third_of_the_distance(
    tmp_path: FilePath, k: int, updates: int
) -> None:
    module = layers.Window(ModelConfig()).double()
    assert updates_until(module, 4, k, limit=k + 1) == updates


def test_what_never_arrives_is_none(tmp_path: FilePath) -> None:
    outcome = Path().one(cell("path", "map", n=2), context(tmp_path))
    assert (outcome.status, outcome.metrics["updates"]) == ("ok", None)
    assert updates_until(layers.Map(ModelConfig(width=4)).double(), 4, 0, limit=1) == 1


def test_the_limit_holds() -> None:
    module = layers.Window(ModelConfig()).double()
    assert updates_until(module, 4, 10, limit=3) is None


def test_a_gradient_below_the_floats_still_counts(tmp_path: FilePath) -> None:
    assert 1e-9**50 == 0.0
    outcome = Path().one(cell("path", "fading", n=50), context(tmp_path))
    assert outcome.metrics["updates"] == 51


def test_one_attention_suffices(tmp_path: FilePath) -> None:
    outcome = Path().one(cell("path", "explicit", n=20), context(tmp_path))
    assert outcome.metrics == {"updates": 1, "formula": 1}


@pytest.mark.parametrize("name", ["rnn", "lstm", "attentional_lstm", "transformer"])
@pytest.mark.parametrize("k", [1, 6, 100])
def test_every_layer_agrees_with_its_theory(tmp_path: FilePath, name: str, k: int) -> None:
    for part in architecture(name).layers():
        metrics = Path().one(cell("path", part, name, n=k), context(tmp_path)).metrics
        assert metrics["updates"] == metrics["formula"]


@pytest.mark.parametrize(
    "name",
    ["mingru", "minlstm", "linear_attention", "selective_ssm", "local_transformer", "conv", "mlp"],
)
@pytest.mark.parametrize("k", [1, 20, 60])
def test_layers_without_a_chain_agree_with_theirs(tmp_path: FilePath, name: str, k: int) -> None:
    for part in architecture(name).layers():
        metrics = Path().one(cell("path", part, name, n=k), context(tmp_path)).metrics
        assert metrics["updates"] == metrics["formula"]


def test_what_joins_no_positions_is_skipped_with_a_reason(tmp_path: FilePath) -> None:
    outcome = Path().one(cell("path", "", "markov", n=3), context(tmp_path))
    assert outcome.status == "skipped"
    assert "never joins" in outcome.reason


@pytest.mark.parametrize("attention", ["fused", "explicit"])
def test_fused_attention_can_be_followed_too(tmp_path: FilePath, attention: str) -> None:
    for name in ("transformer", "attentional_lstm"):
        outcome = Path().one(
            cell("path", "", name, model={"attention": attention}, n=5), context(tmp_path)
        )
        assert outcome.metrics["updates"] == 1


def test_a_model_is_skipped_with_a_reason(tmp_path: FilePath) -> None:
    outcome = Path().one(cell("path", scope="model"), context(tmp_path))
    assert outcome.status == "skipped"
    assert "layer" in outcome.reason


def test_wide_layers_are_built_narrow() -> None:
    config = architecture("transformer").Config
    assert narrowed(config(width=512, heads=4)).width == 8
    assert narrowed(config(width=510, heads=3)).width == 9
    assert narrowed(config(width=4, heads=4)).width == 4


def test_the_same_cell_gives_the_same_outcome(tmp_path: FilePath) -> None:
    asked = cell("path", "recurrent", "lstm", n=3)
    first = Path().one(asked, context(tmp_path))
    torch.manual_seed(99)
    assert Path().one(asked, context(tmp_path)) == first
