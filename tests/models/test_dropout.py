"""Dropout from random bytes: expectation, variance, reproducibility. Every draw is seeded."""

import pytest
import torch
from torch.nn import functional

from models import speed
from models.dropout import LEVELS, Dropout, byte_dropout, dropped_levels

SIZE = 400_000


@pytest.mark.parametrize(
    ("p", "levels"), [(0.1, 26), (0.5, 128), (0.25, 64), (0.0001, 1), (0.999999, 255), (0.3, 77)]
)
def test_the_probability_is_the_nearest_multiple_of_one_in_256(p, levels) -> None:
    assert dropped_levels(p) == levels


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9])
def test_mean_and_variance_are_those_of_the_probability_used(p) -> None:
    torch.manual_seed(0)
    dropped = dropped_levels(p) / LEVELS
    y = byte_dropout(torch.ones(SIZE, dtype=torch.float64), p)
    variance = dropped / (1 - dropped)  # of a variable that is 1 / (1 - p) with probability 1 - p
    five_sigma = 5 * (variance / SIZE) ** 0.5
    assert float(y.mean()) == pytest.approx(1.0, abs=five_sigma)
    share = float((y == 0).double().mean())
    assert share == pytest.approx(dropped, abs=5 * (dropped * (1 - dropped) / SIZE) ** 0.5)
    assert y.unique().tolist() == [0.0, LEVELS / (LEVELS - dropped_levels(p))]


def test_every_byte_of_a_draw_drops_alike_and_independently() -> None:
    """Eight elements share one draw: none of its bytes may be biased or follow another."""
    torch.manual_seed(0)
    kept = (byte_dropout(torch.ones(SIZE), 0.5) > 0).double().view(-1, 8)
    rows = len(kept)
    assert float((kept.mean(dim=0) - 0.5).abs().max()) < 5 * 0.5 / rows**0.5
    correlation = torch.corrcoef(kept.T) - torch.eye(8)
    assert float(correlation.abs().max()) < 5 / rows**0.5


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 8), (0, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_any_shape_and_type(shape, dtype) -> None:
    torch.manual_seed(0)
    x = (
        torch.ones(shape, dtype=dtype).transpose(0, -1)
        if len(shape) > 1
        else torch.ones(shape).to(dtype)
    )
    y = byte_dropout(x, 0.5)
    assert y.shape == x.shape
    assert y.dtype == dtype
    assert set(y.flatten().tolist()) <= {0.0, 2.0}


def test_the_seed_determines_the_mask() -> None:
    x = torch.ones(1000)
    torch.manual_seed(3)
    first, second = byte_dropout(x, 0.3), byte_dropout(x, 0.3)
    torch.manual_seed(3)
    assert torch.equal(byte_dropout(x, 0.3), first)
    assert torch.equal(byte_dropout(x, 0.3), second)
    assert not torch.equal(first, second)


def test_the_gradient_passes_where_the_value_did() -> None:
    torch.manual_seed(0)
    x = torch.randn(1000, requires_grad=True)
    y = byte_dropout(x, 0.25)
    y.sum().backward()
    torch.testing.assert_close(x.grad * x, y)
    assert x.grad.unique().tolist() == [0.0, pytest.approx(4 / 3)]


@pytest.mark.parametrize("name", ["fast", "plain"])
def test_the_module_obeys_mode_and_settings(name) -> None:
    speed.apply(speed.choose("cpu", name))
    dropout, x = Dropout(0.1), torch.ones(4096)
    assert dropout.eval()(x) is x
    assert Dropout(0.0)(x) is x
    torch.manual_seed(0)
    got = dropout.train()(x)
    torch.manual_seed(0)
    wanted = byte_dropout(x, 0.1) if name == "fast" else functional.dropout(x, 0.1)
    assert torch.equal(got, wanted)


def test_the_meta_device_works_under_fast_settings() -> None:
    speed.apply(speed.choose("cpu", "fast"))
    assert Dropout(0.1)(torch.ones(4, 4, device="meta")).shape == (4, 4)
