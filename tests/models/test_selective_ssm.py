"""The selective scan and the Mamba block against a loop, in values and in gradients.

B batch, N positions, I inner width, M state size of a channel, D width.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from models import scan, selective_scan
from models.base import Memory
from models.mamba_block import LONGEST, SHORTEST, BlockSizes, MambaBlock
from models.problem import Problem
from models.selective_ssm import SelectiveConfig, SelectiveSSM

SIZES = BlockSizes(width=6, inner=8, states=3, rank=2)


def looped(delta: Tensor, x: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """Gu & Dao 2023, equations 2a and 2b, one position after the other."""
    h = torch.zeros(len(x), *A.shape, dtype=x.dtype)
    outputs = []
    for t in range(x.shape[1]):
        decay = torch.exp(delta[:, t, :, None] * A)
        h = decay * h + delta[:, t, :, None] * B[:, t, None, :] * x[:, t, :, None]
        outputs.append((h * C[:, t, None, :]).sum(dim=-1))
    return torch.stack(outputs, dim=1)


def inputs(B: int, N: int, inner: int, M: int, seed: int) -> list[Tensor]:
    noise = torch.Generator().manual_seed(seed)
    shapes = (B, N, inner), (B, N, inner), (inner, M), (B, N, M), (B, N, M)
    delta, x, A, *maps = (torch.randn(shape, generator=noise, dtype=torch.float64) for shape in shapes)
    return [t.detach().requires_grad_() for t in (functional.softplus(delta), x, -A.exp(), *maps)]


@settings(deadline=None, max_examples=25)
@given(
    B=st.integers(1, 3),
    N=st.integers(1, 90),
    inner=st.integers(1, 4),
    M=st.integers(1, 4),
    numbers=st.sampled_from([1, 1 << 18]),
    seed=st.integers(0, 2**31),
)
def test_the_scan_equals_the_loop_in_values_and_gradients(
    B: int, N: int, inner: int, M: int, numbers: int, seed: int
) -> None:
    """Also in several segments, of 16 positions."""
    given_ = inputs(B, N, inner, M, seed)
    weights = torch.randn(B, N, inner, generator=torch.Generator().manual_seed(1)).double()
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selective_scan, "_NUMBERS_ELSEWHERE", numbers)
        for function in (selective_scan.selective_scan, looped):
            y_BNI = function(*given_)
            results.append((y_BNI, *torch.autograd.grad((y_BNI * weights).sum(), given_)))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


def block(dtype: torch.dtype = torch.float64) -> MambaBlock:
    torch.manual_seed(0)
    made = MambaBlock(SIZES).to(dtype)
    with torch.no_grad():  # so that Δ differs between positions
        made.step_size.bias.add_(3.0)
    return made


def written_out(layer: MambaBlock, x_BND: Tensor) -> Tensor:
    """Figure 3 and algorithm 2 of Gu & Dao 2023, without convolution or scan operators."""
    inner, M, R = SIZES.inner, SIZES.states, SIZES.rank
    entered = x_BND @ layer.enter.weight.T
    value, gate = entered[..., :inner], entered[..., inner:]
    taps = layer.convolution.weight[:, 0]
    convolved = torch.zeros_like(value)
    for t in range(x_BND.shape[1]):
        for k in range(4):
            if t - 3 + k >= 0:
                convolved[:, t] += taps[:, k] * value[:, t - 3 + k]
    convolved = convolved + layer.convolution.bias
    x = convolved * torch.sigmoid(convolved)
    selected = x @ layer.select.weight.T
    delta = selected[..., :R] @ layer.step_size.weight.T + layer.step_size.bias
    delta = torch.log1p(torch.exp(delta))
    A = -torch.exp(layer.log_rates)
    y = looped(delta, x, A, selected[..., R : R + M], selected[..., R + M :])
    return ((y + layer.skip * x) * gate * torch.sigmoid(gate)) @ layer.leave.weight.T


@pytest.mark.parametrize("N", [1, 3, 40])
def test_the_block_equals_the_published_equations(N: int) -> None:
    layer = block()
    x_BND = torch.randn(2, N, SIZES.width, dtype=torch.float64, requires_grad=True)
    variables = [x_BND, *layer.parameters()]
    results = []
    for y_BND in (layer(x_BND), written_out(layer, x_BND)):
        weights = torch.randn(y_BND.shape, generator=torch.Generator().manual_seed(1)).double()
        results.append((y_BND, *torch.autograd.grad((y_BND * weights).sum(), variables)))
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-10)


def test_steps_equal_the_whole() -> None:
    layer, x_BND = block(), torch.randn(2, 50, SIZES.width, dtype=torch.float64)
    expected_BND, state = layer(x_BND), layer.start(x_BND[:, 0])
    for t in range(50):
        y_BD, state = layer.step(x_BND[:, t], state)
        torch.testing.assert_close(y_BD, expected_BND[:, t], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_stable_over_4096_positions(bfloat16: bool) -> None:
    """Against float64 on the same numbers; in bfloat16 the projections alone are rounded."""
    exact, layer = block(), block(torch.float32)
    layer.load_state_dict({name: value.float() for name, value in exact.state_dict().items()})
    x_BND = torch.randn(1, 4096, SIZES.width, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        y_BND = layer(x_BND)
    expected_BND = exact(x_BND.double())
    error = (y_BND.double() - expected_BND).detach().norm() / expected_BND.detach().norm()
    assert float(error) < (0.03 if bfloat16 else 1e-5)


def test_the_scan_is_not_rounded_under_autocast() -> None:
    given_ = [tensor.detach().float() for tensor in inputs(2, 40, 3, 4, 0)]
    expected = selective_scan.selective_scan(*given_)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(selective_scan.selective_scan(*given_), expected)


def test_initialisation() -> None:
    """Section 3.6: S4D-Real, and step sizes from 0.001 to 0.1, uniform in the logarithm."""
    torch.manual_seed(0)
    made = MambaBlock(BlockSizes(width=8, inner=2000, states=5, rank=1))
    expected_M = -torch.arange(1.0, 6.0)
    torch.testing.assert_close(made.rates(), expected_M.expand(2000, 5))
    delta_I = functional.softplus(made.step_size.bias.detach())
    assert SHORTEST * 0.99 < float(delta_I.min()) < 1.1 * SHORTEST
    assert 0.9 * LONGEST < float(delta_I.max()) < LONGEST * 1.01
    assert abs(float(delta_I.log10().mean()) + 2) < 0.05


def test_later_positions_change_nothing_before_them_to_the_last_bit() -> None:
    layer = block(torch.float32)
    x_BND = torch.randn(2, 120, SIZES.width)
    whole_BND = layer(x_BND)
    for t in (1, 17, 64, 119):
        other_BND = x_BND.clone()
        other_BND[:, t:] = 5.0
        assert torch.equal(layer(other_BND)[:, :t], whole_BND[:, :t])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_a_source_position_sees(bidirectional: bool) -> None:
    torch.manual_seed(0)
    problem = Problem(source_size=9, target_size=9, readout="position")
    model = SelectiveSSM(SelectiveConfig(width=8, bidirectional=bidirectional), problem).double()
    source_BSD = torch.randn(2, 6, 8, dtype=torch.float64, requires_grad=True)
    mask_BS = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    memory: Memory = model.encode(source_BSD, mask_BS)
    (seen_BSD,) = torch.autograd.grad(memory.states[:, 1].sin().sum(), source_BSD)
    seen_BS = seen_BSD.abs().sum(dim=-1) > 0
    later = [[True] * 6, [True] * 4 + [False] * 2] if bidirectional else [[True] * 2 + [False] * 4] * 2
    assert seen_BS.tolist() == later


def test_each_chunk_length_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The states of one position are many numbers, so their scan runs in longer chunks."""
    asked: list[int] = []
    choose = scan.chunk_length
    monkeypatch.setattr(scan, "chunk_length", lambda x: asked.append(choose(x)) or asked[-1])
    for inner in (2, 300):
        selective_scan.selective_scan(*inputs(1, 70, inner, 2, 0))
    assert set(asked) == {8, 32}
