"""Measures ``identity``, ``score_variance`` and ``gain`` against what is known, and against fakes."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.cell import Cell
from experiments.measures import attention_identities
from experiments.measures.gain import Gain
from experiments.measures.identity import Identity
from experiments.measures.score_variance import ScoreVariance
from models import attention
from tests.experiments.measures.layers import context


def identity(of: str, tmp_path: Path, **model: int) -> dict[str, Any]:
    cell = Cell(
        measure="identity",
        architecture="transformer",
        model={"width": 24, "heads": 3, **model},
        options={"of": of},
    )
    outcome = Identity().one(cell, context(tmp_path))
    assert outcome.metrics == Identity().one(cell, context(tmp_path)).metrics
    return outcome.metrics


def test_the_textbooks_numbers(tmp_path: Path) -> None:
    found = identity("numbers", tmp_path)
    assert found["softmax"] == pytest.approx([math.exp(-10), 1, math.exp(-5)], rel=0.01)
    total = 1 + math.exp(1.25) + math.exp(0.625)
    expected = [1 / total, math.exp(1.25) / total, math.exp(0.625) / total]
    assert found["softmax_scaled"] == pytest.approx(expected, rel=1e-12)


def test_the_norm_of_the_softmax_jacobian() -> None:
    p_S = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    jacobian_SS = torch.diag(p_S) - torch.outer(p_S, p_S)
    norm = attention_identities.softmax_jacobian_norm(p_S)
    assert float(norm) == pytest.approx(float(jacobian_SS.norm()), rel=1e-12)


@pytest.mark.parametrize("of", ["masking", "heads", "order", "linearity"])
def test_both_sides_agree_and_the_control_does_not(of: str, tmp_path: Path) -> None:
    for heads in (1, 3) if of != "heads" else (3, 2):
        found = identity(of, tmp_path, heads=heads)
        assert found["difference"] <= 1e-13 * found["size"]
        assert found["control"] > 0.01 * found["size"]


def test_a_wrong_mask_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask of -10 instead of the lowest number leaves some weight on what is hidden."""
    right = attention.masking

    def weak(*arguments: Any, **options: Any) -> attention.Masking:
        made = right(*arguments, **options)
        if made.mask is None or made.mask.dtype == torch.bool:
            return made
        return made._replace(mask=made.mask.clamp_min(-10))

    monkeypatch.setattr(attention_identities, "masking", weak)
    assert identity("masking", tmp_path)["difference"] > 1e-9


def test_heads_that_are_mixed_up_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = attention.merge_heads
    monkeypatch.setattr(attention, "merge_heads", lambda x_BHNE: right(x_BHNE.flip(1)))
    assert identity("heads", tmp_path)["difference"] > 0.01


@pytest.mark.parametrize(("vectors", "factor"), [("normal", 1.0), ("layer", 0.25)])
def test_variance_goes_as_the_head_width(vectors: str, factor: float, tmp_path: Path) -> None:
    """Of the layer, Glorot's bound for D inputs and 3 D outputs gives weights of variance 1 / 2D."""
    cell = Cell(
        measure="score_variance",
        architecture="transformer",
        model={"heads": 4},
        options={"vectors": vectors, "widths": [8, 128], "keys": 96},
    )
    curves = ScoreVariance().one(cell, context(tmp_path)).curves
    for width, variance in curves["variance"]:
        assert variance == pytest.approx(factor * width, rel=0.15)
    assert curves["entropy"][1][1] < curves["entropy"][0][1] < curves["entropy_scaled"][1][1]
    assert max(curves["entropy_scaled"][i][1] for i in (0, 1)) < math.log(96)


def gain(activation: str, start: str, gains: list[float], tmp_path: Path) -> dict[float, float]:
    """Return the mean factor a step at each gain."""
    cell = Cell(
        measure="gain",
        architecture="rnn",
        model={"width": 24, "activation": activation, "recurrent_initialisation": start},
        options={"gains": gains, "n": 24, "examples": 8},
    )
    curves = Gain().one(cell, context(tmp_path)).curves
    assert set(curves) == {f"gain_{gain:g}" for gain in gains}
    points = {gain: curves[f"gain_{gain:g}"] for gain in gains}
    assert all([k for k, _ in rows] == list(range(24)) for rows in points.values())
    return {g: (rows[20][1] / rows[0][1]) ** (1 / 20) for g, rows in points.items()}


def test_bounds_of_saturating_units(tmp_path: Path) -> None:
    """Of an orthogonal matrix every singular value is the gain; sigmoid's slope is 1/4 at most."""
    for gain_, factor in gain("sigmoid", "orthogonal", [1.0, 4.0], tmp_path).items():
        assert factor < gain_ / 4
    for gain_, factor in gain("tanh", "orthogonal", [0.5, 1.0], tmp_path).items():
        assert factor < gain_


def test_an_identity_of_relu_units_passes_the_gradient_on(tmp_path: Path) -> None:
    kept = gain("relu", "identity", [1.0, 2.0], tmp_path)
    assert kept[1.0] == pytest.approx(1.0, abs=0.05)
    assert kept[2.0] == pytest.approx(2.0, abs=0.1)
    found = gain("relu", "orthogonal", [0.5, 2.0], tmp_path)
    assert found[0.5] < 1 < found[2.0]
    assert found[2.0] / found[0.5] == pytest.approx(4, rel=0.2)  # positive homogeneous but for inputs
