"""J(k) against a hand-made model whose gradient is known."""

from pathlib import Path

import pytest
import torch

from experiments.cell import Cell
from experiments.measures.base import Context
from experiments.measures.gradient import Gradient, logit_gradient, profile, state_gradient
from experiments.measures.train import Train
from experiments.store import Store
from models.base import Memory, Seq2Seq
from models.batch import Batch
from models.config import ModelConfig
from models.problem import Problem

DECAY = 0.5


class Leaky(Seq2Seq):
    """h_t = DECAY · h_{t-1} + x_t: the gradient k steps back is DECAY^k, whatever the input."""

    def build(self, config: ModelConfig) -> None:
        pass

    def encode(self, source_BSD: torch.Tensor, mask_BS: torch.Tensor | None) -> Memory:
        state, states = torch.zeros_like(source_BSD[:, 0]), []
        for x_BD in source_BSD.unbind(1):
            state = DECAY * state + x_BD
            states.append(state)
        return Memory(torch.stack(states, 1), mask_BS)

    decode = start = step = core_parameters = cost = layers = None  # type: ignore[assignment]


Leaky.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


def model_and_batch(lengths: list[int]) -> tuple[Leaky, Batch]:
    model = Leaky(ModelConfig(width=4), Problem(source_size=9, target_size=3, readout="last"))
    size = max(lengths)
    mask = torch.arange(size) < torch.tensor(lengths)[:, None]
    source = torch.randint(3, 9, (len(lengths), size)) * mask
    return model, Batch(
        source, None if mask.all() else mask, torch.zeros(len(lengths), dtype=torch.long), None
    )


@pytest.mark.parametrize("lengths", [[6, 6], [6, 3]])
def test_the_profile_is_the_decay_of_a_leaky_integrator(lengths: list[int]) -> None:
    model, batch = model_and_batch(lengths)
    projection = torch.tensor([1.0, 0.0, 0.0, 0.0])
    curve = profile(state_gradient(model, batch, projection), batch)
    assert [k for k, _ in curve] == list(range(6))
    assert [value for _, value in curve] == pytest.approx([DECAY**k for k in range(6)])


def test_the_logit_profile_has_the_size_of_the_head() -> None:
    model, batch = model_and_batch([5])
    size = float(model.head.weight[0].norm().detach())
    curve = profile(logit_gradient(model, batch), batch)
    assert [value for _, value in curve] == pytest.approx([size * DECAY**k for k in range(5)])


@pytest.mark.parametrize("architecture", ["rnn", "attentional_lstm", "transformer"])
def test_the_measure_follows_the_trained_weights(architecture: str, tmp_path: Path) -> None:
    shared = {
        "architecture": architecture,
        "task": "recall",
        "model": {"width": 8},
        "data": {"symbols": 2, "length": 8, "distances": [1, 4]},
        "recipe": {"steps": 3, "batch_size": 4, "validate_every": 3, "learning_rates": [1e-2]},
    }
    context = Context(store=Store(tmp_path))
    train = Cell(measure="train", **shared)
    Train().one(train, context)
    cell = Cell(measure="gradient", options={"trained": train.key, "examples": 4}, **shared)
    with_file = Gradient().one(cell, context)
    assert set(with_file.curves) == {"state_init", "state_trained", "logit_init", "logit_trained"}
    assert all(len(curve) == 8 for curve in with_file.curves.values())
    assert with_file.curves["state_init"] != with_file.curves["state_trained"]
    for file in (tmp_path / "artifacts").iterdir():
        file.unlink()
    assert Gradient().one(cell, context) == with_file, "weights lost: trained again, to the same end"
