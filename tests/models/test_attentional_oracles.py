"""Global attention and the attentional LSTM against loops written out by hand.

B batch, S source positions, T target positions, D width.
"""

import math

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from models.attention_global import GlobalAttention
from models.attentional import AttentionalConfig, AttentionalLSTM
from models.batch import Batch
from models.problem import Problem

B, S, T, D = 3, 6, 5, 8
SOURCE_LENGTHS = [6, 3, 1]
SCORES = ["dot", "general", "additive"]
MASK_BS = torch.arange(S) < torch.tensor(SOURCE_LENGTHS)[:, None]


def score_by_hand(attention: GlobalAttention, h_D: Tensor, s_D: Tensor) -> Tensor:
    """Luong et al. 2015, section 3.1; Bahdanau et al. 2015, appendix A.1.2."""
    if attention.score == "dot":
        return sum(h_D[i] * s_D[i] for i in range(D))
    if attention.score == "general":
        # h · W_a s = (W_aᵀ h) · s: the module's matrix is the transpose, applied to the query
        return h_D @ (attention.query.weight.T @ s_D)
    hidden_D = torch.tanh(attention.query.weight @ h_D + attention.key.weight @ s_D)
    return attention.scorer.weight[0] @ hidden_D


def attend_by_hand(attention: GlobalAttention, h_D: Tensor, states_SD: Tensor) -> Tensor:
    scores = [score_by_hand(attention, h_D, s_D) for s_D in states_SD]
    total = sum(math.e**score for score in scores)
    context_D = sum(math.e**score / total * s_D for score, s_D in zip(scores, states_SD, strict=True))
    W_context, W_state = attention.merge.weight.split(D, dim=1)
    return torch.tanh(W_context @ context_D + W_state @ h_D)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("score", "kernel"), [(s, k) for s in SCORES for k in ("explicit", "fused")][:-1]
)
def test_attention_equals_loops(score: str, kernel: str, masked: bool) -> None:
    torch.manual_seed(0)
    attention = GlobalAttention(D, score, kernel)
    h_BTD = torch.randn(B, T, D, requires_grad=True)
    states_BSD = torch.randn(B, S, D, requires_grad=True)
    lengths = SOURCE_LENGTHS if masked else [S] * B
    variables = [h_BTD, states_BSD, *attention.parameters()]

    keys_BSD = attention.keys(states_BSD)
    got_BTD = attention(h_BTD, states_BSD, keys_BSD, MASK_BS if masked else None)
    expected_BTD = torch.stack(
        [
            torch.stack([attend_by_hand(attention, h_BTD[b, t], states_BSD[b, :n]) for t in range(T)])
            for b, n in enumerate(lengths)
        ]
    )
    assert attention.chosen_kernel(h_BTD, keys_BSD) == kernel
    torch.testing.assert_close(got_BTD, expected_BTD, atol=1e-5, rtol=0)
    weight_BTD = torch.randn(B, T, D)
    torch.testing.assert_close(
        torch.autograd.grad((weight_BTD * got_BTD).sum(), variables),
        torch.autograd.grad((weight_BTD * expected_BTD).sum(), variables),
        atol=1e-5,
        rtol=1e-4,
    )


def test_attention_weights_sum_to_one_and_skip_padding() -> None:
    attention = GlobalAttention(D, "general")
    states_BSD = torch.randn(B, S, D)
    weights_BTS = attention.attention_weights(torch.randn(B, T, D), states_BSD, MASK_BS)
    torch.testing.assert_close(weights_BTS.sum(-1), torch.ones(B, T))
    assert not weights_BTS[~MASK_BS[:, None].expand(B, T, S)].any()


def build(readout: str = "decoder", **options: object) -> tuple[AttentionalLSTM, Batch]:
    torch.manual_seed(4)
    problem = Problem(source_size=13, target_size=11, readout=readout)
    model = AttentionalLSTM(AttentionalConfig(width=D, **options), problem).eval()
    source, target = torch.randint(3, 13, (B, S)), torch.randint(3, 11, (B, T))
    return model, Batch(source, MASK_BS, target, None)


def cell_by_hand(layer: torch.nn.Module, x_F: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    w = layer.weights
    i, f, g, o = (w.weight_ih_l0 @ x_F + w.bias_ih_l0 + w.weight_hh_l0 @ h + w.bias_hh_l0).split(D)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("input_feeding", [False, True])
def test_the_model_equals_a_loop_over_rows_and_positions(input_feeding: bool, score: str) -> None:
    """The whole encoder-decoder (Luong et al. 2015, figures 2 and 4), each row alone and unpadded."""
    model, batch = build(input_feeding=input_feeding, score=score)
    logits_BTV = model(batch)
    encoder, decoder = model.encoder.recurrences[0], model.decoder.recurrences[0]
    for b, length in enumerate(SOURCE_LENGTHS):
        h, c = torch.zeros(D), torch.zeros(D)
        states = []
        for token in batch.source[b, :length]:
            h, c = cell_by_hand(encoder, model.source_embedding(token), h, c)
            states.append(h)
        attentional_D = torch.zeros(D)
        for t, token in enumerate(model.shift_right(batch.target)[b]):
            x_F = model.target_embedding(token)
            if input_feeding:
                x_F = torch.cat([x_F, attentional_D])
            h, c = cell_by_hand(decoder, x_F, h, c)
            attentional_D = attend_by_hand(model.attention, h, torch.stack(states))
            torch.testing.assert_close(
                logits_BTV[b, t], model.head(attentional_D), atol=1e-5, rtol=1e-4
            )


@pytest.mark.parametrize("score", SCORES)
def test_the_last_readout_attends_from_the_last_valid_state(score: str) -> None:
    model, batch = build("last", score=score)
    logits_BV = model(batch)
    for b, length in enumerate(SOURCE_LENGTHS):
        embedded_1SD = model.source_embedding(batch.source[b : b + 1, :length])
        states_SD = model.encoder(embedded_1SD)[0][0]
        expected_V = model.head(attend_by_hand(model.attention, states_SD[-1], states_SD))
        torch.testing.assert_close(logits_BV[b], expected_V, atol=1e-5, rtol=1e-4)


def test_the_position_readout_builds_no_attention() -> None:
    model, _ = build("position")
    assert not hasattr(model, "attention")


def test_additive_scores_have_no_fused_kernel() -> None:
    with pytest.raises(ValidationError, match="additive"):
        AttentionalConfig(score="additive", attention="fused")
