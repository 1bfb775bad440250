"""Positions, scale, residual connections and normalisation as options, against loops and torch.

B batch, N positions, D width, H heads, E width of a head.
"""

import math

import pytest
import torch
from torch import Tensor

from models.attention import CrossAttention, Masking, SelfAttention
from models.batch import Batch
from models.decoding import next_logits
from models.errors import BadInput
from models.positions import alibi_slopes, rotate, sinusoids
from models.problem import Problem
from models.registry import config_for
from models.transformer import Transformer
from models.transformer_blocks import EncoderLayer
from models.transformer_meeting import meeting

B, N, D, H = 2, 6, 16, 4
E = D // H
PROBLEM = Problem(source_size=9, target_size=9)
OPTIONS = [
    *({"positions": kind} for kind in ("none", "sinusoidal", "learned", "rotary", "alibi")),
    *({"norm": kind} for kind in ("none", "pre", "post")),
    {"residual": False},
    {"scale": False},
    {"feedforward": 0},
    {"positions": "alibi", "scale": False, "heads": 1},
    {"positions": "rotary", "norm": "none", "residual": False, "feedforward": 0},
    {"key_width": 3},
    {"key_width": 10, "attention": "fused", "positions": "rotary"},
]


def config_of(**options: object) -> Transformer.Config:
    return config_for(Transformer, {"width": D, "heads": H, "layers": 1, **options})


def by_hand(layer: SelfAttention, x_ND: Tensor, positions: str, scale: bool, causal: bool) -> Tensor:
    """One sequence, one query and one head after the other."""
    weight, bias, K = layer.query_key_value.weight, layer.query_key_value.bias, layer.key_width
    q_NX, k_NX, v_ND = (x_ND @ weight.T + bias).split((H * K, H * K, D), dim=-1)
    rows = []
    for i in range(N):
        heads = []
        for h in range(H):
            part, keys = slice(h * E, (h + 1) * E), slice(h * K, (h + 1) * K)
            scores = []
            for j in range(i + 1 if causal else N):
                q_K, k_K = q_NX[i, keys], k_NX[j, keys]
                if positions == "rotary":
                    # one rotation by the distance is all that counts: R_iᵀ R_j = R_(j-i)
                    turned = []
                    for pair in range(K // 2):
                        angle = (j - i) * 10_000 ** (-2 * pair / K)
                        even, odd = k_K[2 * pair], k_K[2 * pair + 1]
                        turned.append(even * math.cos(angle) - odd * math.sin(angle))
                        turned.append(even * math.sin(angle) + odd * math.cos(angle))
                    k_K = torch.stack(turned)
                score = q_K @ k_K / (math.sqrt(K) if scale else 1)
                if positions == "alibi":
                    score = score - abs(i - j) * 2.0 ** (-8 * (h + 1) / H)
                scores.append(score)
            weights = torch.stack(scores).softmax(dim=0)
            heads.append(sum(w * v_ND[j, part] for j, w in enumerate(weights)))
        rows.append(torch.cat(heads))
    return layer.out(torch.stack(rows))


@pytest.mark.parametrize("attention", ["explicit", "fused"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("positions", ["none", "rotary", "alibi"])
@pytest.mark.parametrize("key_width", [None, 2, 10])
def test_attention_equals_its_equation(key_width, positions, scale, causal, attention) -> None:
    torch.manual_seed(0)
    config = config_of(positions=positions, scale=scale, attention=attention, key_width=key_width)
    model = Transformer(config, PROBLEM).double()
    layer = SelfAttention(D, H, key_width).double()
    x_BND = torch.randn(B, N, D).double()
    with torch.no_grad():
        got_BND = layer(x_BND, meeting(config, model.rotary, x_BND, causal=causal))
        for row in range(B):
            wanted_ND = by_hand(layer, x_BND[row], positions, scale, causal)
            torch.testing.assert_close(got_BND[row], wanted_ND, rtol=0, atol=1e-10)


def test_rotations_keep_norms_and_see_distances_alone() -> None:
    """Su et al. 2021, equation 16."""
    torch.manual_seed(0)
    q_1111E, table_NE = torch.randn(1, 1, 1, 8).double(), sinusoids(40, 8, dtype=torch.float64)
    k_1111E = torch.randn(1, 1, 1, 8).double()

    def product(m: int, n: int) -> Tensor:
        return (rotate(q_1111E, table_NE[m : m + 1]) * rotate(k_1111E, table_NE[n : n + 1])).sum()

    torch.testing.assert_close(product(3, 10), product(30, 37))
    assert abs(float(product(3, 10) - product(3, 11))) > 1e-6
    torch.testing.assert_close(rotate(q_1111E, table_NE[7:8]).norm(), q_1111E.norm())


@pytest.mark.parametrize(
    ("heads", "wanted"),
    [
        (8, [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]),
        (4, [1 / 4, 1 / 16, 1 / 64, 1 / 256]),
        (1, [1 / 256]),
        (6, [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]),
    ],
)
def test_published_slopes(heads: int, wanted: list[float]) -> None:
    """Press et al. 2021, section 3, and for 6 heads the authors' code."""
    assert alibi_slopes(heads) == pytest.approx(wanted)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_steps_equal_decode(options) -> None:
    torch.manual_seed(0)
    model = Transformer(config_of(**options), PROBLEM).double().eval()
    source, target = torch.randint(3, 9, (B, 5)), torch.randint(3, 9, (B, N))
    mask_BS = torch.arange(5) < torch.tensor([5, 2])[:, None]
    with torch.no_grad():
        wanted_BNV = model(Batch(source, mask_BS, target, None))
        memory = model.encode_source(source, mask_BS)
        state = model.start(memory)
        for t, token_B in enumerate(model.shift_right(target).unbind(dim=1)):
            logits_BV, state = next_logits(model, token_B, state, memory)
            torch.testing.assert_close(logits_BV, wanted_BNV[:, t])


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_stand_in_the_parameters(options) -> None:
    for problem in (PROBLEM, Problem(source_size=9, target_size=9, readout="position")):
        config = config_of(**options)
        with torch.device("meta"):
            model = Transformer(config, problem)
        assert Transformer.core_parameters(config, problem) == model.counted_core_parameters()


def test_a_layer_without_anything_around_is_attention_alone() -> None:
    torch.manual_seed(0)
    config = config_of(norm="none", residual=False, feedforward=0)
    layer, x_BND = EncoderLayer(config).eval(), torch.randn(B, N, D)
    rotary = Transformer(config, PROBLEM).rotary
    how = meeting(config, rotary, x_BND)
    torch.testing.assert_close(layer(x_BND, how), layer.attention(x_BND, how))
    added = EncoderLayer(config_of(norm="none", feedforward=0)).eval()
    added.load_state_dict(layer.state_dict())
    torch.testing.assert_close(added(x_BND, how), x_BND + layer.attention(x_BND, how))


def test_learned_positions_are_as_many_as_there_are() -> None:
    """The exception in claim C6: parameters grow with the longest length."""
    short, long = (config_of(positions="learned", max_positions=n) for n in (4, 8))
    counts = [Transformer.core_parameters(config, PROBLEM) for config in (short, long)]
    assert counts[1] - counts[0] == 2 * 4 * D
    model = Transformer(short, PROBLEM)
    with pytest.raises(BadInput, match="5 positions: only 4 are learned"):
        model.encode_source(torch.ones(1, 5, dtype=torch.long), None)


def test_only_positions_tell_an_encoder_the_order() -> None:
    """Permute the input, and without positions the outputs permute alike (claim T3)."""
    torch.manual_seed(0)
    tokens, order = torch.randint(3, 9, (1, N)), torch.tensor([3, 1, 5, 0, 2, 4])
    for positions in ("none", "sinusoidal", "learned", "rotary", "alibi"):
        torch.manual_seed(1)
        model = Transformer(config_of(positions=positions), PROBLEM).double().eval()
        with torch.no_grad():
            plain = model.encode_source(tokens, None).states[:, order]
            permuted = model.encode_source(tokens[:, order], None).states
        assert torch.allclose(plain, permuted) is (positions == "none")


def test_rotary_positions_need_pairs() -> None:
    with pytest.raises(BadInput, match=r"odd width.* 16"):
        config_of(width=12, positions="rotary")
    with pytest.raises(BadInput, match=r"key_width = 3 is odd.* nearest valid is 4") as found:
        config_of(key_width=3, positions="rotary")
    assert "\n" not in str(found.value)
    with pytest.raises(BadInput, match="key_width"):
        config_of(key_width=0)
    assert config_of(positions="rotary").width_multiple() == 2 * H
    assert config_of(width=12, positions="rotary", key_width=4).width_multiple() == H


def test_keys_as_wide_as_the_values_are_the_default() -> None:
    """Bit for bit: weights, logits, gradients, and decoding step by step."""
    source, target = torch.randint(3, 9, (B, 5)), torch.randint(3, 9, (B, N))
    found = []
    for options in ({}, {"key_width": E}):
        torch.manual_seed(0)
        model = Transformer(config_of(**options), PROBLEM)
        loss = model.loss(model(Batch(source, None, target, None)), Batch(source, None, target, None))
        loss.backward()
        memory = model.encode_source(source, None)
        stepped_BV, _ = next_logits(model, target[:, 0], model.start(memory), memory)
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        found.append([*model.state_dict().values(), loss, stepped_BV, *gradients])
    assert len(found[0]) == len(found[1])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_the_target_attends_to_the_source_by_keys_of_any_width() -> None:
    """Cross-attention against a loop over heads."""
    torch.manual_seed(0)
    K, T = 3, 4
    layer = CrossAttention(D, H, K).double()
    x_BTD, states_BND = torch.randn(B, T, D).double(), torch.randn(B, N, D).double()
    key_weight, value_weight = layer.key_value.weight.split((H * K, D))
    heads = []
    for h in range(H):
        keys, part = slice(h * K, (h + 1) * K), slice(h * E, (h + 1) * E)
        q_BTK = x_BTD @ layer.query.weight[keys].T
        k_BNK, v_BNE = states_BND @ key_weight[keys].T, states_BND @ value_weight[part].T
        heads.append((q_BTK @ k_BNK.transpose(1, 2) / math.sqrt(K)).softmax(dim=-1) @ v_BNE)
    wanted_BTD = layer.out(torch.cat(heads, dim=-1))  # biases start at 0
    for kernel in ("explicit", "fused"):
        got_BTD = layer(x_BTD, layer.keys_values(states_BND), Masking(kernel))
        torch.testing.assert_close(got_BTD, wanted_BTD, rtol=0, atol=1e-10)


def test_defaults_leave_the_plain_data_as_it_was() -> None:
    """The key of a cell is a hash of this."""
    plain = Transformer.Config().model_dump(mode="json")
    assert not {"max_positions", "residual", "scale", "key_width"} & set(plain)
    assert config_of(residual=False).model_dump(mode="json")["residual"] is False
