"""Linear attention against its n x n form and against its recurrence, in values and in gradients.

B batch, H heads, N positions, E width of a head, D width, S source positions, T target positions.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.base import Memory
from models.batch import Batch
from models.kernel_attention import (
    _EPSILON,
    CHUNK,
    LinearCrossAttention,
    LinearSelfAttention,
    attend_causally,
    attend_to,
    features,
    summed,
)
from models.linear_attention import LinearAttention, LinearAttentionConfig
from models.problem import Problem

LENGTHS = st.one_of(st.integers(1, 5), st.integers(CHUNK - 2, CHUNK + 2), st.integers(1, 3 * CHUNK))


def quadratic(q: Tensor, k: Tensor, v: Tensor, visible: Tensor) -> Tensor:
    """Katharopoulos et al. 2020, equation 3 with the similarity φ(q)ᵀφ(k) of equation 4."""
    similarity = torch.einsum("bhte,bhse->bhts", q, k) * visible
    weights = similarity / (similarity.sum(dim=-1, keepdim=True) + _EPSILON)
    return torch.einsum("bhts,bhse->bhte", weights, v)


def tensors(seed: int, *shapes: tuple[int, ...]) -> list[Tensor]:
    noise = torch.Generator().manual_seed(seed)
    return [
        torch.randn(shape, generator=noise, dtype=torch.float64).requires_grad_() for shape in shapes
    ]


def with_gradients(output: Tensor, variables: list[Tensor]) -> list[Tensor]:
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).double()
    return [output, *torch.autograd.grad((output * weights).sum(), variables)]


@settings(deadline=None, max_examples=25)
@given(B=st.integers(1, 2), N=LENGTHS, E=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_the_causal_form_equals_the_masked_scores(B: int, N: int, E: int, seed: int) -> None:
    q, k, v = variables = tensors(seed, *[(B, 2, N, E)] * 3)
    visible = torch.ones(N, N).tril()
    torch.testing.assert_close(
        with_gradients(attend_causally(features(q), features(k), v), variables),
        with_gradients(quadratic(features(q), features(k), v, visible), variables),
        rtol=1e-8,
        atol=1e-8,
    )


@settings(deadline=None, max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=3),
    T=st.integers(1, 40),
    seed=st.integers(0, 2**31),
)
def test_the_sums_equal_the_padded_scores(lengths: list[int], T: int, seed: int) -> None:
    B, S = len(lengths), max(lengths)
    q, k, v = variables = tensors(seed, (B, 2, T, 3), (B, 2, S, 3), (B, 2, S, 3))
    mask_BS = torch.arange(S) < torch.tensor(lengths)[:, None]
    ours = attend_to(features(q), summed(features(k), v, mask_BS))
    torch.testing.assert_close(
        with_gradients(ours, variables),
        with_gradients(quadratic(features(q), features(k), v, mask_BS[:, None, None]), variables),
        rtol=1e-8,
        atol=1e-8,
    )


@pytest.mark.parametrize("N", [1, CHUNK, 2 * CHUNK + 7])
def test_steps_equal_the_whole(N: int) -> None:
    torch.manual_seed(0)
    layer, x_BND = LinearSelfAttention(8, 2).double(), torch.randn(2, N, 8, dtype=torch.float64)
    expected_BND, sums = layer(x_BND, causal=True), layer.start(x_BND[:, 0])
    for t in range(N):
        y_BD, sums = layer.step(x_BND[:, t], sums)
        torch.testing.assert_close(y_BD, expected_BND[:, t], rtol=1e-9, atol=1e-11)


def test_later_positions_change_nothing_before_them_to_the_last_bit() -> None:
    torch.manual_seed(0)
    layer, x_BND = LinearSelfAttention(8, 2), torch.randn(2, 3 * CHUNK, 8)
    whole_BND = layer(x_BND, causal=True)
    for t in (1, CHUNK - 1, CHUNK, CHUNK + 9, 3 * CHUNK - 1):
        other_BND = x_BND.clone()
        other_BND[:, t:] *= 100
        assert torch.equal(layer(other_BND, causal=True)[:, :t], whole_BND[:, :t])


@pytest.mark.parametrize("bfloat16", [False, True])
def test_stable_over_4096_positions(bfloat16: bool) -> None:
    torch.manual_seed(0)
    layer, x_BND = LinearSelfAttention(16, 2), 2 * torch.randn(1, 4096, 16)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        y_BND = layer(x_BND, causal=True)
    expected_BND = layer.double()(x_BND.double(), causal=True)
    error = (y_BND.double() - expected_BND).detach().norm() / expected_BND.detach().norm()
    assert float(error) < (0.03 if bfloat16 else 1e-5)


def test_weights_are_what_the_sums_give() -> None:
    torch.manual_seed(0)
    cross = LinearCrossAttention(8, 2).double()
    x_BTD, states_BSD = torch.randn(2, 2, 5, 8, dtype=torch.float64)
    mask_BS = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    weights_BHTS = cross.weights(x_BTD, states_BSD, mask_BS)
    assert not weights_BHTS[1, ..., 3:].any()
    torch.testing.assert_close(weights_BHTS.sum(dim=-1), torch.ones(2, 2, 5).double())
    values_BSHE = cross.key_value(states_BSD)[..., 8:].unflatten(-1, (2, 4))
    read = torch.einsum("bhts,bshe->bthe", weights_BHTS, values_BSHE).flatten(2)
    expected = cross(x_BTD, cross.sums(states_BSD, mask_BS))
    torch.testing.assert_close(cross.out(read), expected, rtol=1e-9, atol=1e-11)


def test_features_that_underflow_give_no_nan() -> None:
    q = torch.full((1, 1, 3, 2), -200.0, requires_grad=True)
    output = attend_causally(features(q), features(q), torch.ones(1, 1, 3, 2))
    output.sum().backward()
    assert bool(output.isfinite().all())
    assert bool(q.grad.isfinite().all())


def model(width: int = 8) -> LinearAttention:
    torch.manual_seed(0)
    return LinearAttention(
        LinearAttentionConfig(width=width, heads=2), Problem(source_size=9, target_size=9)
    )


def test_the_state_does_not_grow() -> None:
    """Σ φ(k) vᵀ and Σ φ(k), of the target and of the source, in each of two layers."""
    ours = model().eval()
    for S in (3, 30):
        memory = ours.encode_source(torch.randint(3, 9, (1, S)), None)
        state = ours.start(memory)
        for _ in range(4):
            _, state = ours.step(torch.randn(1, 8), state, memory)
        kept = sum(
            sums.outer_BHEE.numel() + sums.keys_BHE.numel() for layer in state[1] for sums in layer
        )
        assert kept == ours.cost(ours.config, ours.problem, S, 4).state_size == 2 * 2 * (8 * 4 + 8)


def test_maps_are_weights_over_the_real_source() -> None:
    source, target = torch.randint(3, 9, (2, 5)), torch.randint(3, 9, (2, 4))
    mask = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    maps = model().attention_maps(Batch(source, mask, target, None))
    assert sorted(maps) == [f"layer {n} head {h}" for n in (1, 2) for h in (1, 2)]
    for weights_BTS in maps.values():
        assert not weights_BTS[1, :, 2:].any()
        torch.testing.assert_close(weights_BTS.sum(dim=-1), torch.ones(2, 4), rtol=1e-4, atol=1e-4)


def test_flops_count_whole_chunks() -> None:
    """The formula is exact where the last chunk is not full, too."""
    from models.conformance_theory import counted_flops

    config = LinearAttentionConfig(width=8, heads=2)
    layer = LinearAttention.layers()["causal"]
    with torch.device("meta"):
        module = layer.build(config)
    for n in (CHUNK, CHUNK + 1, 5 * CHUNK):
        x_BND = torch.zeros(1, n, 8, device="meta")
        assert layer.flops(config, n) == counted_flops(module, x_BND)


def test_decoding_reads_no_source_position_again() -> None:
    ours = model().eval()
    memory = ours.encode_source(torch.randint(3, 9, (2, 6)), None)
    state, x_BD = ours.start(memory), torch.randn(2, 8)
    gone = Memory(torch.full_like(memory.states, torch.nan), None)
    assert torch.equal(ours.step(x_BD, state, gone)[0], ours.step(x_BD, state, memory)[0])
