"""Sinusoidal positions against the formula of Vaswani et al. 2017, section 3.5."""

import math

import pytest
import torch

from models.positions import SinusoidalPositions, sinusoids


@pytest.mark.parametrize("width", [1, 2, 5, 8, 64])
def test_the_table_is_the_formula(width) -> None:
    table = sinusoids(40, width, dtype=torch.float64)
    for position in (0, 1, 17, 39):
        for column in range(width):
            angle = position / 10_000 ** (2 * (column // 2) / width)
            wanted = math.sin(angle) if column % 2 == 0 else math.cos(angle)
            assert float(table[position, column]) == pytest.approx(wanted, abs=1e-12)


def test_far_positions_keep_their_precision() -> None:
    far = sinusoids(100_001, 2)[100_000]
    assert far.dtype == torch.float32
    assert far.tolist() == pytest.approx([math.sin(100_000), math.cos(100_000)], abs=1e-6)


def test_a_shift_is_the_same_rotation_everywhere() -> None:
    """The paper's reason: PE(t + k) is a linear function of PE(t)."""
    table = sinusoids(60, 6, dtype=torch.float64)
    rotation = torch.linalg.lstsq(table[:20], table[7:27]).solution
    torch.testing.assert_close(table[20:50] @ rotation, table[27:57], rtol=1e-6, atol=1e-6)


def test_the_table_grows_and_is_in_no_checkpoint() -> None:
    positions = SinusoidalPositions(6)
    short = positions(torch.zeros(1, 3, 6))
    long = positions(torch.zeros(2, 1000, 6))
    assert torch.equal(long[0], long[1])
    assert torch.equal(long[:1, :3], short)
    assert torch.equal(long[:1], sinusoids(1000, 6)[None])
    assert not positions.state_dict()


@pytest.mark.parametrize("first", [0, 1, 63, 64, 200])
def test_one_position_at_a_time_is_all_at_once(first) -> None:
    x_BND = torch.randn(2, 1, 6, generator=torch.Generator().manual_seed(0))
    got = SinusoidalPositions(6)(x_BND, first=first)
    assert torch.equal(got, x_BND + sinusoids(first + 1, 6)[first])


def test_the_table_follows_type_and_device() -> None:
    positions = SinusoidalPositions(6)
    positions(torch.zeros(1, 9, 6))
    exact = positions(torch.zeros(1, 9, 6, dtype=torch.float64))
    assert torch.equal(exact[0], sinusoids(9, 6, dtype=torch.float64))
    assert positions(torch.zeros(1, 9, 6, device="meta")).device.type == "meta"
    assert torch.equal(positions(torch.zeros(1, 9, 6))[0], sinusoids(9, 6))


def test_a_table_made_in_inference_mode_serves_training() -> None:
    positions = SinusoidalPositions(6)
    with torch.inference_mode():
        positions(torch.zeros(1, 5, 6))
    x_BND = torch.zeros(1, 5, 6, requires_grad=True)
    (positions(x_BND) ** 2).sum().backward()
    torch.testing.assert_close(x_BND.grad, 2 * sinusoids(5, 6)[None])
