"""minGRU and minLSTM against the equations of Feng et al. 2024, one position after the other.

B batch, N positions, F input features, D width.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.mingru import MinGRU
from models.minimal_recurrence import MinGRURecurrence, MinimalRecurrence, MinLSTMRecurrence, scan_depth
from models.minlstm import MinLSTM

F, D = 5, 6
KINDS = [MinGRURecurrence, MinLSTMRecurrence]
CANDIDATES = ["positive", "linear", "tanh"]


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def content(layer: MinimalRecurrence, v: Tensor) -> Tensor:
    if layer.candidate == "tanh":
        return 2 * sigmoid(2 * v) - 1
    return v if layer.candidate == "linear" else torch.where(v >= 0, v + 0.5, sigmoid(v))


def min_gru(layer: MinimalRecurrence, x_F: Tensor, h_D: Tensor) -> Tensor:
    (W_z, W_h), (b_z, b_h) = layer.maps.weight.split(D), layer.maps.bias.split(D)
    z = sigmoid(W_z @ x_F + b_z)
    return (1 - z) * h_D + z * content(layer, W_h @ x_F + b_h)


def min_lstm(layer: MinimalRecurrence, x_F: Tensor, h_D: Tensor) -> Tensor:
    (W_f, W_i, W_h), (b_f, b_i, b_h) = layer.maps.weight.split(D), layer.maps.bias.split(D)
    f, i = sigmoid(W_f @ x_F + b_f), sigmoid(W_i @ x_F + b_i)
    return f / (f + i) * h_D + i / (f + i) * content(layer, W_h @ x_F + b_h)


ORACLES = {MinGRURecurrence: min_gru, MinLSTMRecurrence: min_lstm}


def make(kind: type[MinimalRecurrence], candidate: str, seed: int = 0) -> MinimalRecurrence:
    torch.manual_seed(seed)
    layer = kind(F, D, candidate).double()  # type: ignore[arg-type]
    with torch.no_grad():
        layer.maps.bias.normal_()
    return layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("candidate", CANDIDATES)
@settings(deadline=None, max_examples=12)
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=3), seed=st.integers(0, 1000))
def test_equals_the_published_equations(
    kind: type[MinimalRecurrence], candidate: str, lengths: list[int], seed: int
) -> None:
    """Outputs, last states and all gradients, each row as if it were alone and unpadded."""
    layer, B, N = make(kind, candidate, seed), len(lengths), max(lengths)
    x_BNF = torch.randn(B, N, F, dtype=torch.float64, requires_grad=True)
    start_BD = torch.randn(B, D, dtype=torch.float64, requires_grad=True)
    mask_BN = torch.arange(N) < torch.tensor(lengths)[:, None]
    h_BND, (last_BD,) = layer(x_BNF, (start_BD,), mask_BN)
    rows, ends = [], []
    for row, length in enumerate(lengths):
        h_D, visited = start_BD[row], []
        for x_F in x_BNF[row, :length]:
            h_D = ORACLES[kind](layer, x_F, h_D)
            visited.append(h_D)
        rows.append(torch.nn.functional.pad(torch.stack(visited), (0, 0, 0, N - length)))
        ends.append(h_D)
    got = h_BND * mask_BN[..., None], last_BD
    expected = torch.stack(rows), torch.stack(ends)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)
    weights = torch.randn(B, N, D, dtype=torch.float64)
    variables = [x_BNF, start_BD, *layer.parameters()]
    gradients = [
        torch.autograd.grad((states * weights).sum() + (last * weights[:, 0]).sum(), variables)
        for states, last in (got, expected)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_the_scan(kind: type[MinimalRecurrence]) -> None:
    layer, x_BNF = make(kind, "positive"), torch.randn(2, 70, F, dtype=torch.float64)
    states_BND, last = layer(x_BNF)
    state = layer.start(x_BNF[:, 0])
    for t in range(70):
        state = layer.step(x_BNF[:, t], state)
        torch.testing.assert_close(state[0], states_BND[:, t], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(state, last, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bfloat16", [False, True])
def test_stable_over_4096_positions(kind: type[MinimalRecurrence], bfloat16: bool) -> None:
    """Against float64 on the same numbers; in bfloat16 the products alone are rounded."""
    exact = make(kind, "positive")
    layer = kind(F, D)
    layer.load_state_dict({name: value.float() for name, value in exact.state_dict().items()})
    x_BNF = 4 * torch.randn(2, 4096, F, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        h_BND, _ = layer(x_BNF)
    expected_BND, _ = exact(x_BNF.double())
    error_BND = (h_BND.double() - expected_BND).detach().abs()
    worst = float(error_BND.max() / expected_BND.detach().abs().max())
    assert worst < (0.03 if bfloat16 else 1e-5)
    h_BND.sum().backward()
    expected_BND.sum().backward()
    for mine, its in zip(layer.parameters(), exact.parameters(), strict=True):
        assert float((mine.grad.double() - its.grad).norm() / its.grad.norm()) < (
            0.03 if bfloat16 else 1e-4
        )


def test_closed_gates_of_minlstm_do_not_divide_by_zero() -> None:
    layer = MinLSTMRecurrence(F, D)
    maps_BG = torch.full((1, 3 * D), -1e4, requires_grad=True)
    keep_BD, given_BD = layer.coefficients(maps_BG)
    torch.testing.assert_close(keep_BD, torch.full((1, D), 0.5))
    (keep_BD + given_BD).sum().backward()
    assert maps_BG.grad is not None
    assert bool(maps_BG.grad.isfinite().all())


@pytest.mark.parametrize("kind", KINDS)
def test_the_forget_bias_makes_states_last(kind: type[MinimalRecurrence]) -> None:
    """With no input the old state keeps σ(bias) of itself; minLSTM's f' = σ(b) / (σ(b) + 1/2)."""
    layer = kind(F, D, forget_bias=2.0)
    keep_D, _ = layer.coefficients(layer.maps.bias)
    kept = 1 / (1 + torch.exp(torch.tensor(-2.0)))
    expected = kept if kind is MinGRURecurrence else kept / (kept + 0.5)
    torch.testing.assert_close(keep_D, expected.expand(D))


@pytest.mark.parametrize(("cls", "gates"), [(MinGRU, 2), (MinLSTM, 3)])
def test_the_theory_of_one_layer(cls: type[MinGRU], gates: int) -> None:
    """Products of the input alone: 2/6 of a GRU's and 3/8 of an LSTM's (Feng et al., section 3)."""
    layer, config = cls.layers()["scan"], cls.Config(width=32)
    assert layer.flops(config, 10) == gates * 2 * 10 * 32**2
    assert layer.parameters(config) == gates * 32 * 33
    assert [scan_depth(n) for n in (0, 1, 2, 3, 4, 5, 4096)] == [0, 1, 2, 3, 3, 4, 13]


@pytest.mark.parametrize("cls", [MinGRU, MinLSTM])
@pytest.mark.parametrize("n", [1, 2, 5, 33])
def test_updates_end_with_the_scan(cls: type[MinGRU], n: int) -> None:
    torch.manual_seed(0)
    module = cls.layers()["scan"].build(cls.Config(width=8)).double()
    x_BND, state = torch.randn(2, n, 8, dtype=torch.float64), None
    for _ in range(scan_depth(n)):
        output_BND, state = module.update(x_BND, state)
    torch.testing.assert_close(output_BND, module(x_BND), rtol=1e-12, atol=1e-12)
