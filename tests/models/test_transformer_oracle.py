"""Oracle: with copied weights our Transformer is torch.nn's, in values and in gradients.

B batch, S source positions, T target positions, D width.
"""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from models.positions import sinusoids
from models.problem import Problem
from models.transformer import Transformer

B, S, T, D, H, INNER, LAYERS = 4, 7, 6, 16, 4, 40, 2
LENGTHS = [7, 3, 1, 5]
PADDING_BS = torch.arange(S) < torch.tensor(LENGTHS)[:, None]
CAUSAL_TT = nn.Transformer.generate_square_subsequent_mask(T)


class Oracle(nn.Module):
    """torch.nn's encoder and decoder; without final normalisations for post-norm, as in the paper."""

    def __init__(self, norm: str) -> None:
        super().__init__()
        options = {"dropout": 0.0, "batch_first": True, "norm_first": norm == "pre"}

        def end() -> nn.Module | None:
            return nn.LayerNorm(D) if norm == "pre" else None

        encoder = nn.TransformerEncoderLayer(D, H, INNER, **options)
        decoder = nn.TransformerDecoderLayer(D, H, INNER, **options)
        self.encoder = nn.TransformerEncoder(encoder, LAYERS, end(), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder, LAYERS, end())

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Tensor:
        hidden_BS = None if mask_BS is None else ~mask_BS
        return self.encoder(source_BSD + sinusoids(S, D), src_key_padding_mask=hidden_BS)

    def decode(self, target_BTD: Tensor, states_BSD: Tensor, mask_BS: Tensor | None) -> Tensor:
        return self.decoder(
            target_BTD + sinusoids(T, D),
            states_BSD,
            tgt_mask=CAUSAL_TT,
            memory_key_padding_mask=None if mask_BS is None else ~mask_BS,
        )


def paired(ours: Transformer, oracle: Oracle) -> Iterator[tuple[nn.Parameter, nn.Parameter, slice]]:
    """Yield each of our parameters with the rows of the oracle's that it must equal."""
    whole = slice(None)

    def both(mine: nn.Module, theirs: nn.Module) -> Iterator[tuple]:
        yield mine.weight, theirs.weight, whole
        yield mine.bias, theirs.bias, whole

    def projected(mine: nn.Linear, theirs: nn.MultiheadAttention, rows: slice) -> Iterator[tuple]:
        yield mine.weight, theirs.in_proj_weight, rows
        yield mine.bias, theirs.in_proj_bias, rows

    encoders = zip(ours.encoder, oracle.encoder.layers, strict=True)
    decoders = zip(ours.decoder, oracle.decoder.layers, strict=True)
    for mine, theirs in (*encoders, *decoders):
        yield from projected(mine.attention.query_key_value, theirs.self_attn, whole)
        yield from both(mine.attention.out, theirs.self_attn.out_proj)
        yield from both(mine.attention_residual.norm, theirs.norm1)
        yield from both(mine.feedforward.widen, theirs.linear1)
        yield from both(mine.feedforward.narrow, theirs.linear2)
        if hasattr(mine, "cross"):
            yield from projected(mine.cross.query, theirs.multihead_attn, slice(0, D))
            yield from projected(mine.cross.key_value, theirs.multihead_attn, slice(D, None))
            yield from both(mine.cross.out, theirs.multihead_attn.out_proj)
            yield from both(mine.cross_residual.norm, theirs.norm2)
            yield from both(mine.feedforward_residual.norm, theirs.norm3)
        else:
            yield from both(mine.feedforward_residual.norm, theirs.norm2)
    for end, theirs in ((ours.encoder_end, oracle.encoder), (ours.decoder_end, oracle.decoder)):
        if theirs.norm is not None:
            yield from both(end, theirs.norm)


@pytest.mark.parametrize("attention", ["explicit", "fused"])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_equals_torch_in_values_and_gradients(norm, training, padded, attention) -> None:
    torch.manual_seed(0)
    config = Transformer.Config(
        width=D, heads=H, feedforward=INNER, layers=LAYERS, norm=norm, attention=attention
    )
    ours = Transformer(config, Problem(source_size=9, target_size=9)).train(training)
    oracle = Oracle(norm).train(training)
    pairs = list(paired(ours, oracle))
    with torch.no_grad():
        for theirs in oracle.parameters():
            theirs.normal_(std=0.3)  # biases and normalisations too, which start at 0 and 1
        for mine, theirs, rows in pairs:
            mine.copy_(theirs[rows])
    named = [
        name for name, _ in ours.named_parameters() if "embedding" not in name and "head." not in name
    ]
    assert len(pairs) == len(named), "a parameter of ours has no counterpart"

    mask_BS = PADDING_BS if padded else None
    source_BSD, target_BTD = torch.randn(B, S, D), torch.randn(B, T, D)
    memory = ours.encode(source_BSD, mask_BS)
    got_BTD = ours.decode(target_BTD, memory)
    states_BSD = oracle.encode(source_BSD, mask_BS)
    wanted_BTD = oracle.decode(target_BTD, states_BSD, mask_BS)
    torch.testing.assert_close(memory.states, states_BSD, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(got_BTD, wanted_BTD, rtol=1e-5, atol=1e-5)

    weights_BTD = torch.randn(B, T, D)
    (got_BTD * weights_BTD).mean().backward()
    (wanted_BTD * weights_BTD).mean().backward()
    for mine, theirs, rows in pairs:
        torch.testing.assert_close(mine.grad, theirs.grad[rows], rtol=1e-4, atol=1e-5)
