"""The chunked scan against a loop over the positions, in values and in gradients.

B batch, N positions, X features.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models import scan
from models.scan import linear_scan, scan_into


def looped(a_BNX: Tensor, b_BNX: Tensor, start_BX: Tensor) -> Tensor:
    h_BX, visited = start_BX, []
    for t in range(b_BNX.shape[1]):
        h_BX = a_BNX[:, t] * h_BX + b_BNX[:, t]
        visited.append(h_BX)
    return torch.stack(visited, dim=1)


def inputs(B: int, N: int, X: tuple[int, ...], seed: int, low: float = 0.0) -> list[Tensor]:
    noise = torch.Generator().manual_seed(seed)
    a = low + (1 - low) * torch.rand(B, N, *X, generator=noise, dtype=torch.float64)
    b, start = (
        torch.randn(*shape, generator=noise, dtype=torch.float64) for shape in ((B, N, *X), (B, *X))
    )
    return [tensor.requires_grad_() for tensor in (a, b, start)]


@settings(deadline=None, max_examples=60)
@given(
    B=st.integers(1, 3),
    N=st.integers(1, 200),
    X=st.sampled_from([(1,), (5,), (2, 3), (300,)]),
    seed=st.integers(0, 2**31),
)
def test_equals_the_loop_in_values_and_gradients(B: int, N: int, X: tuple[int, ...], seed: int) -> None:
    given_ = inputs(B, N, X, seed)
    results = []
    for function in (linear_scan, looped):
        h_BNX = function(*given_)
        weights = torch.randn(h_BNX.shape, generator=torch.Generator().manual_seed(1)).double()
        results.append((h_BNX, *torch.autograd.grad((h_BNX * weights).sum(), given_)))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(N=st.integers(1, 150), chunk=st.integers(2, 9), reverse=st.booleans())
def test_every_chunk_length_and_both_directions(N: int, chunk: int, reverse: bool) -> None:
    a, b, start = (tensor.detach() for tensor in inputs(2, N, (3,), N))
    order = [1] if reverse else []
    expected = looped(a.flip(order), b.flip(order), start).flip(order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "chunk_length", lambda _: chunk)
        out = torch.full_like(b, torch.nan)
        scan_into(out, a, b, start, reverse=reverse)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)


def test_gradients_where_only_some_are_wanted() -> None:
    a, b, start = inputs(2, 40, (3,), 0)
    (full,) = torch.autograd.grad(linear_scan(a, b, start).sin().sum(), b)
    (alone,) = torch.autograd.grad(linear_scan(a.detach(), b, start.detach()).sin().sum(), b)
    torch.testing.assert_close(alone, full, rtol=0, atol=0)
    zeros = torch.zeros_like(start)
    torch.testing.assert_close(linear_scan(a, b), linear_scan(a, b, zeros), rtol=0, atol=0)


def test_later_positions_change_nothing_before_them_to_the_last_bit() -> None:
    a, b, start = (tensor.detach().float() for tensor in inputs(2, 150, (4,), 3))
    whole = linear_scan(a, b, start)
    for t in (1, 7, 8, 64, 100, 149):
        other_a, other_b = a.clone(), b.clone()
        other_a[:, t:], other_b[:, t:] = 0.5, 1e3
        assert torch.equal(linear_scan(other_a, other_b, start)[:, :t], whole[:, :t])


@pytest.mark.parametrize("decay", [0.0, 1e-30, 0.5, 0.999, 1.0])
def test_float32_keeps_its_precision_over_4096_positions(decay: float) -> None:
    """Also where the product of all decays is far below what a float holds, or is 1."""
    noise = torch.Generator().manual_seed(0)
    b = torch.rand(2, 4096, 8, generator=noise) + 0.1
    a = torch.full_like(b, decay).requires_grad_()
    h = linear_scan(a, b)
    expected = looped(a.double(), b.double(), torch.zeros(2, 8).double())
    torch.testing.assert_close(h.double(), expected, rtol=1e-5, atol=1e-6)
    (got,) = torch.autograd.grad(h.sum(), a, retain_graph=True)
    (wanted,) = torch.autograd.grad(expected.sum(), a)
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_equals_heinsens_logarithms() -> None:
    """Heinsen 2023, "Efficient parallelization of a ubiquitous sequential computation", equation 3."""
    a, b, _ = inputs(2, 300, (5,), 4, low=0.01)
    log_a, log_b = a.log(), (b.abs() + 0.1).log()
    total = log_a.cumsum(dim=1)
    expected = (total + torch.logcumsumexp(log_b - total, dim=1)).exp()
    torch.testing.assert_close(linear_scan(a, log_b.exp()), expected, rtol=1e-9, atol=1e-9)
