"""What heads attend to: sums over maps that are written down, and the measure over trained weights.

B examples, T queries, S keys, H heads.
"""

import math
from pathlib import Path

import pytest
import torch
from scipy.spatial.distance import jensenshannon

from experiments.cell import Cell
from experiments.measures.base import Context
from experiments.measures.heads import Heads, LayerSums, entropy, mean_divergence
from experiments.measures.train import Train
from experiments.store import Store
from experiments.tasks.find import task_for
from models.errors import BadInput
from models.registry import architecture, config_for
from models.transformer import Transformer

DATA = {
    "train_lengths": [4, 6],
    "test_lengths": [4, 6, 9],
    "test_per_value": 12,
    "validation_per_value": 6,
}
RECIPE = {"steps": 4, "batch_size": 8, "validate_every": 4, "learning_rates": [1e-2]}


def shared(**model: object) -> dict:
    options = config_for(Transformer, {"width": 8, "heads": 2, **model}).model_dump(mode="json")
    return {
        "architecture": "transformer",
        "task": "reversal",
        "data": task_for("reversal", DATA).model_dump(mode="json"),
        "recipe": RECIPE,
        "model": options,
    }


def test_divergences_are_those_of_scipy() -> None:
    torch.manual_seed(0)
    weights_QHS = torch.rand(5, 3, 7).double().softmax(dim=-1)
    weights_QHS[0, 0] = torch.nn.functional.one_hot(torch.tensor(2), 7)
    got_Q = mean_divergence(weights_QHS, entropy(weights_QHS))
    for q in range(5):
        pairs = [(0, 1), (0, 2), (1, 2)]
        wanted = [jensenshannon(*(weights_QHS[q, h] for h in p), base=2) ** 2 for p in pairs]
        assert float(got_Q[q]) == pytest.approx(sum(wanted) / 3)


def test_heads_that_share_no_key_are_one_bit_apart_and_equal_ones_none() -> None:
    """Head 1 reads the token itself, head 2 the one before it, head 3 the same as head 1."""
    T = 6
    same_TT = torch.eye(T)
    previous_TT = torch.zeros(T, T)
    previous_TT[0, 0] = 1
    previous_TT[range(1, T), range(T - 1)] = 1
    weights_BHTS = torch.stack([same_TT, previous_TT, same_TT]).expand(2, 3, T, T)
    real_BT = torch.tensor([[False] + [True] * 5, [False, True, True, False, False, False]])
    sums = LayerSums(heads=3, reach=2)
    sums.add(weights_BHTS, real_BT)
    assert sums.queries == 7
    assert sums.distance() == pytest.approx(2 / 3)  # of three pairs one is equal
    assert sums.entropy() == 0
    assert sums.offsets(0) == [[-2, 0], [-1, 0], [0, 1], [1, 0], [2, 0]]
    assert sums.offsets(1) == [[-2, 0], [-1, 1], [0, 0], [1, 0], [2, 0]]
    sums.add(weights_BHTS, ~real_BT & torch.tensor([[True] + [False] * 5, [False] * 6]))
    assert sums.offsets(1) == [[-2, 0], [-1, 7 / 8], [0, 1 / 8], [1, 0], [2, 0]]


def test_even_weights_have_the_entropy_of_their_keys_and_far_offsets_are_clipped() -> None:
    T, S = 2, 5
    sums = LayerSums(heads=1, reach=2)
    sums.add(torch.full((3, 1, T, S), 1 / S), torch.ones(3, T, dtype=torch.bool))
    assert sums.distance() is None
    assert sums.entropy() == pytest.approx(math.log(S))
    # query 0 sees offsets 0 to 4, query 1 sees -1 to 3
    assert dict(sums.offsets(0)) == pytest.approx({-2: 0, -1: 0.1, 0: 0.2, 1: 0.2, 2: 0.5})


def test_the_measure_reads_the_trained_weights(tmp_path: Path) -> None:
    context = Context(store=Store(tmp_path))
    train = Cell(measure="train", **shared(layers=1))
    Train().one(train, context)
    cell = Cell(measure="heads", options={"trained": train.key, "reach": 3}, **shared(layers=1))
    found = Heads().one(cell, context)
    assert found.metrics["examples"] == 36
    for module in ("encoder", "decoder", "cross"):
        assert 0 < found.metrics[f"distance_{module}"] < 1
        assert found.metrics[f"distance_{module}"] != found.metrics[f"distance_{module}_init"]
        assert [layer for layer, _ in found.curves[f"entropy_{module}"]] == [1]
        for head in (1, 2):
            offsets = found.curves[f"offsets_{module}_1_{head}"]
            assert [offset for offset, _ in offsets] == [-3, -2, -1, 0, 1, 2, 3]
            assert sum(share for _, share in offsets) == pytest.approx(1)
    assert all(share == 0 for offset, share in found.curves["offsets_decoder_1_1"] if offset > 0)
    assert found.metrics["distance"] == pytest.approx(
        sum(found.metrics[f"distance_{module}"] for module in ("encoder", "decoder", "cross")) / 3
    )
    inside = Cell(
        measure="heads", options={"trained": train.key, "split": "validation"}, **shared(layers=1)
    )
    assert Heads().one(inside, context).metrics["examples"] == 12, "trained lengths alone"


def test_one_head_has_no_distance(tmp_path: Path) -> None:
    context = Context(store=Store(tmp_path))
    train = Cell(measure="train", **shared(heads=1))
    Train().one(train, context)
    found = Heads().one(
        Cell(measure="heads", options={"trained": train.key}, **shared(heads=1)), context
    )
    assert found.metrics["distance"] is None
    assert found.metrics["entropy"] > 0
    assert found.curves["distance_encoder"] == []
    assert len(found.curves["entropy_encoder"]) == 2


def test_windows_are_refused(tmp_path: Path) -> None:
    config = config_for(architecture("local_transformer"), {"width": 8, "heads": 2})
    cell = Cell(
        measure="heads",
        options={"trained": "none"},
        **{
            **shared(),
            "architecture": "local_transformer",
            "model": config.model_dump(mode="json"),
        },
    )
    with pytest.raises(BadInput, match=r"local_transformer.*choose 'transformer'"):
        Heads().one(cell, Context(store=Store(tmp_path)))
