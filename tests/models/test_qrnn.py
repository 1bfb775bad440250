"""The quasi-recurrent layer against the published equations, one position after the other.

B batch, N positions, F input features, D width, K kernel.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.problem import Problem
from models.qrnn import QRNN, QRNNConfig, QuasiRecurrence

F, D = 5, 6


def make(K: int, seed: int = 0) -> QuasiRecurrence:
    torch.manual_seed(seed)
    layer = QuasiRecurrence(F, QRNNConfig(width=D, kernel_size=K)).double()
    with torch.no_grad():
        layer.maps.bias.normal_()
    return layer


def by_hand(layer: QuasiRecurrence, x_NF: Tensor, c_D: Tensor) -> tuple[Tensor, Tensor]:
    """Equations 1, 2 and 4 with one masked convolution a gate, written out."""
    K, hidden = layer.kernel_size, []
    kernels = layer.maps.weight.unflatten(1, (K, F))  # (3D, K, F), the latest input last
    for t in range(len(x_NF)):
        maps = layer.maps.bias.clone()
        for back in range(min(K, t + 1)):
            maps = maps + kernels[:, K - 1 - back] @ x_NF[t - back]
        f, z, o = maps.split(D)
        c_D = f.sigmoid() * c_D + (1 - f.sigmoid()) * z.tanh()
        hidden.append(o.sigmoid() * c_D)
    return torch.stack(hidden), c_D


@settings(deadline=None, max_examples=12)
@given(
    K=st.integers(1, 4),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    seed=st.integers(0, 100),
)
def test_equals_the_published_equations(K: int, lengths: list[int], seed: int) -> None:
    """Outputs, states and gradients, each row as if it were alone and unpadded."""
    layer, B, N = make(K, seed), len(lengths), max(lengths)
    x_BNF = torch.randn(B, N, F, dtype=torch.float64, requires_grad=True)
    c_BD = torch.randn(B, D, dtype=torch.float64)
    before_BW = torch.zeros(B, (K - 1) * F, dtype=torch.float64)
    mask_BN = torch.arange(N) < torch.tensor(lengths)[:, None]
    h_BND, (last_BD, kept_BD, inputs_BW) = layer(x_BNF, (c_BD, c_BD, before_BW), mask_BN)
    variables = [x_BNF, *layer.parameters()]
    total = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(lengths):
        expected_ND, end_D = by_hand(layer, x_BNF[row, :length], c_BD[row])
        torch.testing.assert_close(h_BND[row, :length], expected_ND, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(kept_BD[row], end_D, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(last_BD[row], expected_ND[-1], rtol=1e-10, atol=1e-10)
        padded = torch.cat([torch.zeros(K, F, dtype=torch.float64), x_BNF[row, :length]])
        torch.testing.assert_close(inputs_BW[row], padded[len(padded) - K + 1 :].flatten())
        total = total + expected_ND.square().sum()
    mine = torch.autograd.grad((h_BND.square() * mask_BN[..., None]).sum(), variables)
    torch.testing.assert_close(mine, torch.autograd.grad(total, variables), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("K", [1, 2, 4])
def test_steps_equal_the_scan(K: int) -> None:
    layer, x_BNF = make(K), torch.randn(2, 70, F, dtype=torch.float64)
    h_BND, last = layer(x_BNF)
    state = layer.start(x_BNF[:, 0])
    for t in range(70):
        state = layer.step(x_BNF[:, t], state)
        torch.testing.assert_close(state[0], h_BND[:, t], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(state, last, rtol=1e-12, atol=1e-12)


def test_the_decoder_sees_no_source_but_through_its_states() -> None:
    """Section 2.1: the convolution of the decoder begins with zeros."""
    torch.manual_seed(0)
    model = QRNN(QRNNConfig(width=8, kernel_size=3), Problem(source_size=9, target_size=9)).eval()
    memory = model.encode(torch.randn(2, 5, 8), None)
    ((_, _, before_BW),) = memory.final
    assert before_BW.shape == (2, 2 * 8)
    assert not before_BW.any()
    assert bool(memory.final[0][1].any())
