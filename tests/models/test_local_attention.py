"""Restricted self-attention against full attention under a band mask.

B batch, N positions, D width, H heads, r window.
"""

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from models.attention import SelfAttention
from models.batch import Batch
from models.decoding import next_logits
from models.errors import BadInput
from models.local_attention import Band
from models.local_transformer import LocalTransformer
from models.problem import Problem
from models.registry import config_for
from models.transformer import Transformer

B, D, H = 3, 8, 2
PROBLEM = Problem(source_size=9, target_size=9)


def config_of(**options: object) -> LocalTransformer.Config:
    return config_for(LocalTransformer, {"width": D, "heads": H, "layers": 1, **options})


def banded(attention: SelfAttention, x_BND: Tensor, band: Band, padding_BN: Tensor | None) -> Tensor:
    """All n² scores by torch's own module, what lies outside of the band masked."""
    oracle = torch.nn.MultiheadAttention(D, H, batch_first=True).double()
    with torch.no_grad():
        oracle.in_proj_weight.copy_(attention.query_key_value.weight)
        oracle.in_proj_bias.copy_(attention.query_key_value.bias)
        oracle.out_proj.load_state_dict(attention.out.state_dict())
    N = x_BND.shape[1]
    ahead_NN = torch.arange(N) - torch.arange(N)[:, None]
    hidden_NN = (ahead_NN < -band.left) | (ahead_NN > band.right)
    hidden = hidden_NN.expand(len(x_BND), N, N)
    if padding_BN is not None:
        hidden = hidden | (~padding_BN[:, None] & (ahead_NN != 0))
    return oracle(x_BND, x_BND, x_BND, attn_mask=hidden.repeat_interleave(H, dim=0))[0]


@pytest.mark.parametrize("attention", ["explicit", "fused"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("window", "length"), [(5, 1), (5, 6), (5, 7), (5, 16), (3, 17), (9, 40)])
def test_blocks_equal_a_band_of_full_attention(window, length, causal, padded, attention) -> None:
    torch.manual_seed(0)
    config = config_of(window=window, attention=attention)
    model = LocalTransformer(config, PROBLEM).double()
    (layer,) = model.decoder if causal else model.encoder
    x_BND = torch.randn(B, length, D, dtype=torch.float64, requires_grad=True)
    padding_BN = None
    if padded:
        padding_BN = torch.arange(length) < torch.tensor([length, 1, -(-length // 2)])[:, None]
    how = model.own_meeting(x_BND, padding_BN, causal=True if causal else None)
    got_BND = layer.attention(x_BND, how)
    band = config.causal_band if causal else config.band
    wanted_BND = banded(layer.attention, x_BND, band, padding_BN)
    torch.testing.assert_close(got_BND, wanted_BND, rtol=0, atol=1e-10)
    mix_BND = torch.randn(B, length, D).double()
    gradients = [torch.autograd.grad((y * mix_BND).sum(), x_BND)[0] for y in (got_BND, wanted_BND)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-10)


def test_a_window_over_everything_is_the_transformer() -> None:
    torch.manual_seed(0)
    tokens = torch.randint(3, 9, (B, 7))
    mask_BS = torch.arange(7) < torch.tensor([7, 2, 4])[:, None]
    for positions in ("sinusoidal", "rotary", "alibi"):
        key_width = 6 if positions == "rotary" else None
        config = config_of(window=31, positions=positions, key_width=key_width)
        local = LocalTransformer(config, PROBLEM).double().eval()
        options = config.model_dump()
        del options["window"]
        full = Transformer(Transformer.Config(**options), PROBLEM).double().eval()
        full.load_state_dict(local.state_dict())
        batch = Batch(tokens, mask_BS, tokens, None)
        with torch.no_grad():
            torch.testing.assert_close(local(batch), full(batch), rtol=0, atol=1e-10)


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "alibi", "learned", "none"])
def test_decoding_keeps_a_window_and_equals_decode(positions: str) -> None:
    torch.manual_seed(0)
    key_width = 6 if positions == "none" else None
    config, T = config_of(window=5, positions=positions, layers=2, key_width=key_width), 20
    model = LocalTransformer(config, PROBLEM).double().eval()
    source, target = torch.randint(3, 9, (B, 9)), torch.randint(3, 9, (B, T))
    with torch.no_grad():
        wanted_BTV = model(Batch(source, None, target, None))
        memory = model.encode_source(source, None)
        state = model.start(memory)
        for t, token_B in enumerate(model.shift_right(target).unbind(dim=1)):
            logits_BV, state = next_logits(model, token_B, state, memory)
            torch.testing.assert_close(logits_BV, wanted_BTV[:, t])
            assert all(cache.k_BHSE.shape[2] == min(t + 1, 4) for cache in state.own)
    kept = sum(tensor[0].numel() for cache in (*state.own, *state.source) for tensor in cache)
    assert kept == LocalTransformer.cost(config, PROBLEM, 9, T).state_size


def test_flops_and_stored_numbers_are_linear_in_length() -> None:
    config = config_of(window=9, attention="explicit")
    layer = LocalTransformer.layers()["local_attention"]
    counted, stored = {}, {}
    for n in (256, 512, 1024):
        with torch.device("meta"):
            module = layer.build(config)
        with FlopCounterMode(display=False) as counter:
            module(torch.zeros(1, n, D, device="meta"))
        counted[n] = counter.get_total_flops()
        assert counted[n] == layer.flops(config, n)
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x
        ):
            layer.build(config)(torch.randn(1, n, D, requires_grad=True))
        stored[n] = sum(sizes)
    for kept in (counted, stored):
        assert kept[1024] - kept[512] == pytest.approx(2 * (kept[512] - kept[256]), rel=0.01)
        assert kept[1024] < 2.01 * kept[512]


def test_the_path_grows_with_the_distance_over_half_the_window() -> None:
    layer = LocalTransformer.layers()["local_attention"]
    assert [layer.path_over(config_of(window=5), k) for k in (0, 1, 2, 3, 4, 5)] == [1, 1, 1, 2, 2, 3]
    tagging = Problem(source_size=9, target_size=9, readout="position")
    assert LocalTransformer.cost(config_of(window=5), tagging, 101, 0).path_length == 50
    assert LocalTransformer.cost(config_of(window=5), PROBLEM, 101, 101).path_length == 1


def test_a_window_without_a_centre_names_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"window = 8 has no centre.* 9"):
        config_of(window=8)
