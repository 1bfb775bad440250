"""FLOPs counted on the meta device against closed forms, and counts that must not pass."""

from pathlib import Path

import pytest

from experiments.measures.extrapolation import NotPolynomial, extrapolate
from experiments.measures.flops import Flops
from experiments.outcomes import guarded
from models.registry import architecture
from tests.experiments.measures.layers import cell, context

LAYERS = [
    (name, part)
    for name in ("rnn", "lstm", "attentional_lstm", "transformer")
    for part in architecture(name).layers()
]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_linear_map_costs_what_arithmetic_says(tmp_path: Path, batch: int) -> None:
    outcome = Flops().one(cell("flops", "map", n=5, batch=batch), context(tmp_path))
    forward = batch * 5 * 8 * 8 * 2
    assert outcome.status == "ok"
    assert outcome.metrics == {
        "forward": forward,
        "backward": 2 * forward,
        "formula": forward,
        "agrees": True,
        "extrapolated": False,
    }


@pytest.mark.parametrize(("name", "part"), LAYERS)
@pytest.mark.parametrize("n", [7, 300])
def test_every_layer_counts_what_its_formula_says(tmp_path: Path, name: str, part: str, n: int) -> None:
    outcome = Flops().one(cell("flops", part, name, n=n, batch=2), context(tmp_path))
    assert outcome.status == "ok", outcome.reason
    assert outcome.metrics["forward"] == outcome.metrics["formula"] > 0
    assert outcome.metrics["extrapolated"] == (n == 300 and name != "transformer")


@pytest.mark.parametrize("name", ["rnn", "lstm", "attentional_lstm", "transformer"])
@pytest.mark.parametrize("n", [5, 200])
def test_whole_models_count_what_their_formula_says(tmp_path: Path, name: str, n: int) -> None:
    outcome = Flops().one(cell("flops", "", name, scope="model", n=n, batch=2), context(tmp_path))
    assert outcome.status == "ok", outcome.reason
    assert outcome.metrics["forward"] == outcome.metrics["formula"] > 0
    assert outcome.metrics["backward"] > outcome.metrics["forward"]


def test_extrapolating_gives_what_counting_gives(tmp_path: Path, monkeypatch) -> None:
    asked = cell("flops", "recurrent_attention", "attentional_lstm", n=72, batch=2)
    extrapolated = Flops().one(asked, context(tmp_path)).metrics
    monkeypatch.setattr("experiments.measures.counting.EXACT_UP_TO", 72)
    counted = Flops().one(asked, context(tmp_path)).metrics
    assert extrapolated.pop("extrapolated")
    assert not counted.pop("extrapolated")
    assert extrapolated == counted


def test_a_wrong_formula_fails_and_keeps_the_numbers(tmp_path: Path) -> None:
    outcome = Flops().one(cell("flops", "misjudged"), context(tmp_path))
    assert outcome.status == "failed"
    assert outcome.reason == "counted 1024 FLOPs forward, but the formula gives 1025"
    assert outcome.metrics["agrees"] is False


def test_a_count_of_zero_where_the_formula_has_work_fails(tmp_path: Path) -> None:
    outcome = Flops().one(cell("flops", "uncounted"), context(tmp_path))
    assert outcome.status == "failed"
    assert "an operator that the counter does not know" in outcome.reason


def test_growth_beyond_the_square_is_noticed(tmp_path: Path) -> None:
    outcome = guarded(Flops().one, cell("flops", "cubic", n=100), context(tmp_path))
    assert outcome.status == "failed"
    assert "no polynomial of degree 2" in outcome.reason


def test_polynomials_are_extended_exactly() -> None:
    def count(n: int) -> int:
        return 3 * n**2 + 12345678901234567 * n + 5

    assert extrapolate(count, 65537, 2, "numbers") == count(65537)
    with pytest.raises(NotPolynomial, match="degree 1"):
        extrapolate(count, 65537, 1, "numbers")
