"""Measure ``layer_gradients`` against stacks whose gradients are known."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from experiments.cell import Cell
from experiments.measures.layer_gradients import LayerGradients, layer_norms
from experiments.planning import make_cell
from experiments.plans.base import Request
from models.base import Memory, Seq2Seq
from models.batch import Batch
from models.config import ModelConfig
from models.errors import BadInput
from models.problem import Problem
from tests.experiments.measures.layers import context

DECAY, LAYERS = 0.5, 4
REQUEST = Request(profile="smoke", architectures=["transformer"], device="cpu", threads=1)


class Shift(nn.Module):
    """x → DECAY · (x + shift): the gradient of a shift halves with every layer above it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shift_D = nn.Parameter(torch.zeros(width))

    def forward(self, x_BSD: torch.Tensor) -> torch.Tensor:
        return DECAY * (x_BSD + self.shift_D)


class Fading(Seq2Seq):
    """A stack of LAYERS shifts."""

    def build(self, config: ModelConfig) -> None:
        self.encoder = nn.ModuleList(Shift(config.width) for _ in range(LAYERS))

    def encode(self, source_BSD: torch.Tensor, mask_BS: torch.Tensor | None) -> Memory:
        for layer in self.encoder:
            source_BSD = layer(source_BSD)
        return Memory(source_BSD, mask_BS)

    decode = start = step = core_parameters = cost = layers = None  # type: ignore[assignment]


Fading.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


def test_a_stack_that_halves_the_gradient() -> None:
    model = Fading(ModelConfig(width=4), Problem(source_size=9, target_size=3, readout="last"))
    batch = Batch(torch.randint(3, 9, (5, 6)), None, torch.tensor([0, 1, 2, 0, 1]), None)
    curve = layer_norms(model.double().eval(), batch)["encoder"]
    assert [place for place, _ in curve] == [1, 2, 3, 4]
    norms = [norm for _, norm in curve]
    assert norms[-1] > 0
    for below, above in pairwise(norms):
        assert below == pytest.approx(DECAY * above, rel=1e-12)


def measured(tmp_path: Path, architecture: str, task: str, **model: Any) -> dict[str, Any]:
    cell = make_cell(
        measure="layer_gradients",
        architecture=architecture,
        task=task,
        model={"width": 8, **model},
        options={"examples": 4},
        request=REQUEST,
    )
    outcome = LayerGradients().one(cell, context(tmp_path))
    assert outcome == LayerGradients().one(cell, context(tmp_path)), "a function of the cell"
    return {**outcome.metrics, **outcome.curves}


def test_the_norm_is_that_of_the_loss(tmp_path: Path) -> None:
    """Without residual connections less arrives at the bottom of a deep stack than with them."""
    shares = {}
    for residual in (True, False):
        found = measured(
            tmp_path, "transformer", "parity_check", layers=8, heads=2, residual=residual, norm="none"
        )
        assert [place for place, _ in found["encoder"]] == list(range(1, 9))
        assert (found["bottom"], found["top"]) == (found["encoder"][0][1], found["encoder"][-1][1])
        shares[residual] = found["bottom"] / found["top"]
    assert shares[False] < 0.1 * shares[True]


def test_both_halves_and_floats(tmp_path: Path) -> None:
    found = measured(tmp_path, "lstm", "copying", layers=2)
    assert [len(found[half]) for half in ("encoder", "decoder")] == [2, 2]
    floats = measured(tmp_path, "lstm", "adding", layers=2)
    assert len(floats["encoder"]) == 2
    assert floats["bottom"] > 0


def test_what_has_no_layers_says_so(tmp_path: Path) -> None:
    cell = Cell(
        measure="layer_gradients", architecture="markov", task="copying", options={"examples": 4}
    )
    with pytest.raises(BadInput, match="no stack of layers"):
        LayerGradients().one(cell, context(tmp_path))
