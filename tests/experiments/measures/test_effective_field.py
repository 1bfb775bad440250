"""Gradients by distance against hand-made encoders whose gradient is known."""

from pathlib import Path

import pytest
import torch

from experiments.cell import Cell
from experiments.measures.base import Context
from experiments.measures.effective_field import (
    EffectiveReceptiveField,
    gradient_by_distance,
    noticeable,
)
from experiments.measures.train import Train
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.store import Store
from models.base import Memory, Seq2Seq
from models.batch import Batch
from models.config import ModelConfig
from models.errors import BadInput
from models.problem import Problem

WEIGHTS = {-2: 0.25, -1: 0.5, 0: 1.0, 1: 2.0}


class Stencil(Seq2Seq):
    """The state at t is the sum of WEIGHTS[d] · x_{t+d}: that is its gradient, whatever the input."""

    def build(self, config: ModelConfig) -> None:
        pass

    def encode(self, source_BSD: torch.Tensor, mask_BS: torch.Tensor | None) -> Memory:
        padded = torch.nn.functional.pad(source_BSD, (0, 0, 2, 2))
        size = source_BSD.shape[1]
        states = sum(w * padded[:, 2 + d : 2 + d + size] for d, w in WEIGHTS.items())
        return Memory(states, mask_BS)

    decode = start = step = core_parameters = cost = layers = None  # type: ignore[assignment]


class Pooled(Stencil):
    """One state for the whole source."""

    def encode(self, source_BSD: torch.Tensor, mask_BS: torch.Tensor | None) -> Memory:
        return Memory(source_BSD.mean(dim=1, keepdim=True), mask_BS)


class Blind(Stencil):
    """States that depend on nothing."""

    def encode(self, source_BSD: torch.Tensor, mask_BS: torch.Tensor | None) -> Memory:
        return Memory(torch.ones_like(source_BSD).requires_grad_(), mask_BS)


for kind in (Stencil, Pooled, Blind):
    kind.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


def curve_of(kind: type[Seq2Seq], lengths: list[int]) -> list[list[float]] | None:
    model = kind(ModelConfig(width=4), Problem(source_size=9, target_size=3, readout="position"))
    size = max(lengths)
    mask = torch.arange(size) < torch.tensor(lengths)[:, None]
    batch = Batch(
        torch.randint(3, 9, (len(lengths), size)) * mask,
        None if mask.all() else mask,
        torch.zeros(len(lengths), size, dtype=torch.long),
        None,
    )
    direction = torch.randn(len(lengths), 4)
    return gradient_by_distance(model, batch, direction / direction.norm(dim=1, keepdim=True))


def test_a_stencil_has_its_weights_on_the_side_they_are_on() -> None:
    curve = curve_of(Stencil, [9, 9])
    assert curve is not None
    assert [distance for distance, _ in curve] == list(range(-4, 5))
    expected = [WEIGHTS.get(distance, 0.0) for distance in range(-4, 5)]
    assert [value for _, value in curve] == pytest.approx(expected)


def test_each_source_has_a_middle_of_its_own_and_padding_no_share() -> None:
    curve = curve_of(Stencil, [9, 4])
    assert curve is not None
    assert [distance for distance, _ in curve] == list(range(-4, 5))
    assert dict(curve)[1] == pytest.approx(WEIGHTS[1]), "both reach so far"
    assert dict(curve)[2] == 0


def test_without_a_state_a_position_there_is_no_field_and_without_a_gradient_an_empty_one() -> None:
    assert curve_of(Pooled, [5]) is None
    curve = curve_of(Blind, [5])
    assert curve is not None
    assert [value for _, value in curve] == [0.0] * 5
    assert noticeable(curve) == 0


def test_positions_count_from_a_share_of_the_largest() -> None:
    assert noticeable([[-1, 0.1], [0, 2.0], [1, 0.08], [2, 0.0]]) == 1 + 1
    assert noticeable([[0, 3.0]]) == 1


SHARED = {
    "task": "right_context",
    "data": {"offsets": [1, 2], "length": 12, "named": "everywhere"},
    "recipe": {"steps": 3, "batch_size": 4, "validate_every": 3, "learning_rates": [1e-2]},
}


@pytest.mark.parametrize(
    ("architecture", "model", "left", "right"),
    [
        ("conv", {"width": 8, "layers": 2, "kernel_size": 3}, -2, 2),
        ("conv", {"width": 8, "layers": 2, "kernel_size": 3, "dilated": True}, -4, 4),
        ("local_transformer", {"width": 8, "heads": 2, "layers": 1, "window": 5}, -2, 2),
        ("gru", {"width": 8}, None, 0),
        ("gru", {"width": 8, "bidirectional": True}, None, None),
    ],
)
def test_the_measure_ends_where_theory_says(
    tmp_path: Path, architecture: str, model: dict, left: int | None, right: int | None
) -> None:
    context = Context(store=Store(tmp_path))
    train = Cell(measure="train", architecture=architecture, model=model, **SHARED)
    Train().one(train, context)
    cell = Cell(
        measure="effective_receptive_field",
        architecture=architecture,
        model=model,
        options={"trained": train.key, "examples": 8},
        **SHARED,
    )
    found = EffectiveReceptiveField().one(cell, context)
    assert found.status == "ok"
    for moment in ("init", "trained"):
        curve = found.curves[moment]
        seen = [distance for distance, value in curve if value > 0]
        assert seen[0] == (curve[0][0] if left is None else left)
        assert seen[-1] == (curve[-1][0] if right is None else right)
        assert 1 <= found.metrics[f"size_{moment}"] <= len(seen)
    assert found.curves["init"] != found.curves["trained"]
    for file in (tmp_path / "artifacts").iterdir():
        file.unlink()
    assert EffectiveReceptiveField().one(cell, context) == found, "weights lost: trained again"


def test_a_task_without_a_source_is_refused() -> None:
    request = Request(profile="smoke", architectures=["lstm"], device="cpu", threads=1)
    with pytest.raises(BadInput, match="task = 'characters': no source"):
        make_cell(
            measure="effective_receptive_field",
            architecture="lstm",
            task="characters",
            options={"trained": "0" * 16},
            request=request,
        )
