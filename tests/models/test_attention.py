"""Attention against a loop written out by hand: every kernel, every mask, values and gradients.

B batch, T queries, S keys, H heads, E width of a head, D = H · E.
"""

import math

import pytest
import torch
from torch import Tensor

from models import speed
from models.attention import (
    EXPLICIT_BELOW,
    BareAttention,
    CrossAttention,
    Masking,
    SelfAttention,
    ancestry_masking,
    attend,
    choose_kernel,
    masking,
    merge_heads,
    split_heads,
)
from models.cache import Slots, grown, settled

B, T, H, E = 3, 5, 2, 4
D = H * E
KERNELS = ["fused", "explicit"]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_hand(q: Tensor, k: Tensor, v: Tensor, sees) -> Tensor:
    """Equation 1, one query at a time; ``sees(b, t, s)`` says what a query may see."""
    output = torch.zeros_like(q)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for t in range(q.shape[2]):
                seen = [s for s in range(k.shape[2]) if sees(b, t, s)]
                scores = [float(q[b, h, t] @ k[b, h, s]) / math.sqrt(q.shape[3]) for s in seen]
                total = sum(math.exp(score) for score in scores)
                for s, score in zip(seen, scores, strict=True):
                    output[b, h, t] += math.exp(score) / total * v[b, h, s]
    return output


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("lengths", [None, [5, 2, 1], [5, 5, 5]])
def test_every_kernel_equals_the_loop(kernel, causal, lengths) -> None:
    q, k, v = (random(B, H, T, E, seed=seed) for seed in range(3))
    padding = None if lengths is None else torch.arange(T) < torch.tensor(lengths)[:, None]
    made = masking(kernel, H, T, T, q, padding, causal)
    got = attend(q, k, v, made)
    wanted = by_hand(
        q, k, v, lambda b, t, s: (not causal or s <= t) and (lengths is None or s < lengths[b])
    )
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_queries_and_keys_may_differ_in_number(kernel) -> None:
    q, k, v = random(B, H, 2, E), random(B, H, 7, E, seed=1), random(B, H, 7, E, seed=2)
    lengths = [7, 3, 1]
    padding = torch.arange(7) < torch.tensor(lengths)[:, None]
    got = attend(q, k, v, masking(kernel, H, 2, 7, q, padding))
    torch.testing.assert_close(got, by_hand(q, k, v, lambda b, t, s: s < lengths[b]))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_the_kernels_have_the_same_gradients(causal, padded) -> None:
    padding = torch.arange(T) < torch.tensor([5, 2, 4])[:, None] if padded else None
    gradients = []
    for kernel in KERNELS:
        inputs = [random(B, H, T, E, seed=seed).requires_grad_() for seed in range(3)]
        output = attend(*inputs, masking(kernel, H, T, T, inputs[0], padding, causal))
        gradients.append(torch.autograd.grad((output * random(B, H, T, E, seed=9)).sum(), inputs))
    for fused, explicit in zip(*gradients, strict=True):
        torch.testing.assert_close(fused, explicit, rtol=1e-9, atol=1e-9)


def test_no_mask_is_made_where_none_is_needed() -> None:
    like, padding = random(B, T, D), torch.ones(B, T, dtype=torch.bool)
    for kernel in KERNELS:
        assert masking(kernel, H, T, T, like) == Masking(kernel)
    assert masking("fused", H, T, T, like, causal=True) == Masking("fused", None, True)
    # the visible keys of the fused kernel are a view of the padding, whatever the number of queries
    made = masking("fused", H, T, T, like, padding)
    assert made.mask is not None
    assert made.mask.shape == (B, 1, 1, T)
    assert made.mask.data_ptr() == padding.data_ptr()


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_row_without_any_real_key_stays_finite(kernel) -> None:
    q, k, v = (random(B, H, T, E, seed=seed).requires_grad_() for seed in range(3))
    padding = torch.arange(T) < torch.tensor([5, 0, 2])[:, None]
    output = attend(q, k, v, masking(kernel, H, T, T, q, padding))
    output.sum().backward()
    assert output.isfinite().all()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in (q, k, v))


def test_the_kernel_follows_configuration_settings_device_and_length() -> None:
    short, long = EXPLICIT_BELOW - 1, EXPLICIT_BELOW
    speed.apply(speed.choose("cpu", "fast"))
    assert choose_kernel("auto", short, short, "cpu") == "explicit"
    assert choose_kernel("auto", long, long, "cpu") == "fused"
    assert choose_kernel("auto", 1, long, "cpu") == "explicit"  # one step of decoding
    assert choose_kernel("auto", short, short, torch.device("cuda", 0)) == "fused"
    assert choose_kernel("explicit", long, long, "cuda") == "explicit"
    assert choose_kernel("fused", 2, 2, "cpu") == "fused"
    speed.apply(speed.PLAIN)
    assert choose_kernel("auto", short, short, "cpu") == "fused"
    assert choose_kernel("explicit", short, short, "cpu") == "explicit"


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_product_in_heads_is_separate_heads(kernel) -> None:
    """MultiHead(Q, K, V) = Concat(head_1 ... head_H) W^O, section 3.2.2."""
    torch.manual_seed(0)
    attention = SelfAttention(D, H).double()
    torch.nn.init.normal_(attention.query_key_value.bias)
    x_BTD = random(B, T, D)
    heads = []
    for h in range(H):
        maps = []
        for part in range(3):
            rows = slice(part * D + h * E, part * D + (h + 1) * E)
            weight, bias = attention.query_key_value.weight[rows], attention.query_key_value.bias[rows]
            maps.append(x_BTD @ weight.T + bias)
        q_BTE, k_BTE, v_BTE = maps
        heads.append((q_BTE @ k_BTE.mT / math.sqrt(E)).softmax(-1) @ v_BTE)
    wanted = torch.cat(heads, dim=-1) @ attention.out.weight.T + attention.out.bias
    torch.testing.assert_close(attention(x_BTD, Masking(kernel)), wanted)


def test_cross_attention_to_itself_is_self_attention() -> None:
    torch.manual_seed(0)
    own, cross = SelfAttention(D, H).double(), CrossAttention(D, H).double()
    with torch.no_grad():
        cross.query.weight.copy_(own.query_key_value.weight[:D])
        cross.key_value.weight.copy_(own.query_key_value.weight[D:])
        cross.out.load_state_dict(own.out.state_dict())
    x_BTD, visible = random(B, T, D), Masking("explicit")
    got = cross(x_BTD, cross.keys_values(x_BTD), visible)
    torch.testing.assert_close(got, own(x_BTD, visible))


@pytest.mark.parametrize("kernel", KERNELS)
def test_cached_steps_are_causal_attention(kernel) -> None:
    torch.manual_seed(0)
    attention = SelfAttention(D, H).double()
    x_BTD = random(B, T, D)
    parallel_BTD = attention(x_BTD, masking(kernel, H, T, T, x_BTD, causal=True))
    cache = attention.empty_cache(x_BTD)
    slots = Slots(written=[0])
    for t in range(T):
        longer = grown(slots, B, 1, x_BTD.device)
        visible = ancestry_masking(kernel, H, longer, x_BTD)
        output_B1D, cache = attention.step(x_BTD[:, t : t + 1], cache, slots, longer, visible)
        torch.testing.assert_close(output_B1D, parallel_BTD[:, t : t + 1])
        slots = settled(slots, longer)
        assert cache.k_BHSE.shape[2] == cache.v_BHSE.shape[2] >= slots.used == t + 1


def test_bare_attention_has_no_parameters_and_is_the_loop() -> None:
    bare, x_BTD = BareAttention(H), random(B, T, D)
    assert not list(bare.parameters())
    (x_BHTE,) = split_heads(x_BTD, 1, H)
    wanted = by_hand(x_BHTE, x_BHTE, x_BHTE, lambda b, t, s: True)
    torch.testing.assert_close(bare(x_BTD, Masking("fused")), merge_heads(wanted))
    torch.testing.assert_close(bare(x_BTD, Masking("explicit")), merge_heads(wanted))
