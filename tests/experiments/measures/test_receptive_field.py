"""Receptive fields of encoders whose reach is known by hand, and of all that have none."""

from pathlib import Path

import pytest

from experiments.cell import Cell
from experiments.measures.base import Outcome
from experiments.measures.receptive_field import ReceptiveField
from experiments.planning import make_cell
from experiments.plans.base import Request
from models.conv import Conv
from tests.experiments.measures.layers import context


def measured(tmp_path: Path, name: str, n: int, **model: object) -> Outcome:
    cell = Cell(
        measure="receptive_field",
        architecture=name,
        model={"width": 16, **model},
        options={"n": n},
    )
    return ReceptiveField().one(cell, context(tmp_path))


@pytest.mark.parametrize(
    ("name", "model", "positions"),
    [
        ("conv", {"layers": 4, "kernel_size": 3}, 1 + 4),
        ("conv", {"layers": 2, "kernel_size": 7}, 1 + 6),
        ("conv", {"layers": 3, "dilated": True}, 1 + 1 + 3 + 9),
        ("local_transformer", {"layers": 2, "window": 9}, 1 + 8),
        ("local_transformer", {"layers": 3, "window": 5, "attention": "fused"}, 1 + 6),
        ("markov", {}, 0),
    ],
)
def test_a_bounded_field_ends_where_it_should(tmp_path, name, model, positions) -> None:
    outcome = measured(tmp_path, name, 40, **model)
    assert outcome.metrics == {
        "positions": positions,
        "reach": positions - 1 if positions else None,
        "contiguous": True,
        "formula": positions,
        "agrees": True,
    }
    assert outcome.status == "ok"


@pytest.mark.parametrize(
    "name",
    ["rnn", "lstm", "gru", "attentional_lstm", "transformer", "mingru", "minlstm", "linear_attention"],
)
def test_the_others_see_everything(tmp_path: Path, name: str) -> None:
    metrics = measured(tmp_path, name, 40).metrics
    assert (metrics["positions"], metrics["reach"], metrics["formula"]) == (40, 39, 40)


def test_gaps_lose_what_is_near_the_begin(tmp_path: Path) -> None:
    outcome = measured(tmp_path, "conv", 9, layers=3, dilated=True)
    assert outcome.status == "ok"
    assert outcome.metrics["formula"] is outcome.metrics["agrees"] is None, "fewer than its field"
    # 5 to 8 back are 9 - 3 - 1, 9 - 3, 9 - 3 + 1 and 9 - 1: by way of a position before the begin
    assert outcome.metrics["positions"] == 5
    contiguous = measured(tmp_path, "conv", 9, layers=20).metrics
    assert (contiguous["positions"], contiguous["contiguous"]) == (9, True)


def test_a_wrong_formula_is_caught(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Conv, "receptive_field", classmethod(lambda cls, config: 4))
    outcome = measured(tmp_path, "conv", 40)
    assert outcome.status == "failed"
    assert "depends on 5 inputs; the formula gives 4" in outcome.reason


def test_what_has_no_state_a_position_is_skipped(tmp_path: Path) -> None:
    outcome = measured(tmp_path, "mlp", 8)
    assert outcome.status == "skipped"
    assert "position" in outcome.reason


def test_a_cell_can_be_planned() -> None:
    request = Request(profile="smoke", architectures=["conv"], device="cpu", threads=1)
    cell = make_cell(
        measure="receptive_field",
        architecture="conv",
        model={"dilated": True},
        options={"n": 30},
        request=request,
    )
    assert cell.options == {"n": 30}
