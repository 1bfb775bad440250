"""Oracle: with copied weights our Transformer decodes what Hugging Face's ``generate`` does.

Marian normalises after, Pegasus before each sub-layer.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from models import beam
from models.beam import beam_search
from models.decoding import greedy, tokens_of
from models.positions import sinusoids
from models.problem import BOS, EOS, PAD, Problem
from models.transformer import Transformer

transformers = pytest.importorskip("transformers", reason="the extra 'test' is not installed")

D, H, INNER, LAYERS, V, LENGTH = 16, 4, 40, 2, 23, 12
LENGTHS = [7, 3, 1, 5, 6, 2, 7, 4]
SOURCE = torch.randint(3, V, (len(LENGTHS), 7), generator=torch.Generator().manual_seed(1))
MASK = torch.arange(7) < torch.tensor(LENGTHS)[:, None]


def pair(norm: str) -> tuple[Transformer, Any]:
    """Return our model and Hugging Face's, of the same random weights; outputs differ in length."""
    seed, eos = {"post": (6, 1.0), "pre": (9, 2.0)}[norm]
    torch.manual_seed(seed)
    config = Transformer.Config(width=D, heads=H, feedforward=INNER, layers=LAYERS, norm=norm)
    ours = Transformer(config, Problem(source_size=V, target_size=V)).eval()
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        ours.head.bias[EOS] += eos
    return ours, counterpart(ours, norm)


def counterpart(ours: Transformer, norm: str) -> Any:
    """Return Hugging Face's model with the weights of ours."""
    config, V = ours.config, ours.problem.target_size
    encoders, decoders = config.depth
    sizes = {
        "vocab_size": V,
        "d_model": config.width,
        "encoder_layers": encoders,
        "decoder_layers": decoders,
        "encoder_attention_heads": config.heads,
        "decoder_attention_heads": config.heads,
        "encoder_ffn_dim": config.inner,
        "decoder_ffn_dim": config.inner,
        "max_position_embeddings": 64,
    }
    tokens = {
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "decoder_start_token_id": BOS,
        "forced_eos_token_id": None,
    }
    settings = {**sizes, **tokens, "activation_function": "relu", "scale_embedding": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if norm == "post":
            settings |= {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False}
            theirs = transformers.MarianMTModel(transformers.MarianConfig(**settings)).eval()
        else:
            settings |= {"tie_word_embeddings": False}
            theirs = transformers.PegasusForConditionalGeneration(
                transformers.PegasusConfig(**settings)
            ).eval()
    untie(theirs, config.width, V)
    with torch.no_grad():
        for mine, other, rows in copied(ours, theirs):
            other.copy_(mine[rows])
        theirs.final_logits_bias.copy_(ours.head.bias[None])
        for half in (theirs.model.encoder, theirs.model.decoder):
            half.embed_positions.weight.copy_(sinusoids(64, config.width))
    return theirs


def untie(theirs: Any, width: int, V: int) -> None:
    """Give source, target and output weights of their own."""
    theirs.model.encoder.embed_tokens = nn.Embedding(V, width, PAD)
    theirs.model.decoder.embed_tokens = nn.Embedding(V, width, PAD)
    theirs.lm_head = nn.Linear(width, V, bias=False)


def copied(ours: Transformer, theirs: Any) -> Iterator[tuple[nn.Parameter, nn.Parameter, slice]]:
    """Yield our parameters with theirs, and the rows of ours that theirs equal."""
    whole, D = slice(None), ours.config.width

    def both(mine: Any, other: Any, rows: slice = whole) -> Iterator[tuple]:
        yield mine.weight, other.weight, rows
        yield mine.bias, other.bias, rows

    def projected(mine: Any, *others: Any) -> Iterator[tuple]:
        for part, other in enumerate(others):
            yield from both(mine, other, slice(part * D, (part + 1) * D))

    encoder, decoder = theirs.model.encoder, theirs.model.decoder
    yield ours.source_embedding.weight, encoder.embed_tokens.weight, whole
    yield ours.target_embedding.weight, decoder.embed_tokens.weight, whole
    yield ours.head.weight, theirs.lm_head.weight, whole
    encoders = zip(ours.encoder, encoder.layers, strict=True)
    decoders = zip(ours.decoder, decoder.layers, strict=True)
    for mine, other in (*encoders, *decoders):
        own = other.self_attn
        yield from projected(mine.attention.query_key_value, own.q_proj, own.k_proj, own.v_proj)
        yield from both(mine.attention.out, own.out_proj)
        yield from both(mine.attention_residual.norm, other.self_attn_layer_norm)
        yield from both(mine.feedforward.widen, other.fc1)
        yield from both(mine.feedforward.narrow, other.fc2)
        yield from both(mine.feedforward_residual.norm, other.final_layer_norm)
        if hasattr(mine, "cross"):
            cross = other.encoder_attn
            yield from projected(mine.cross.query, cross.q_proj)
            yield from projected(mine.cross.key_value, cross.k_proj, cross.v_proj)
            yield from both(mine.cross.out, cross.out_proj)
            yield from both(mine.cross_residual.norm, other.encoder_attn_layer_norm)
    if isinstance(ours.encoder_end, nn.LayerNorm):
        yield from both(ours.encoder_end, encoder.layer_norm)
        yield from both(ours.decoder_end, decoder.layer_norm)


def generated(theirs: Any, **options: Any) -> Any:
    """Return what ``generate`` gives, at most LENGTH tokens long."""
    return theirs.generate(
        input_ids=SOURCE.masked_fill(~MASK, PAD),
        attention_mask=MASK.long(),
        max_new_tokens=LENGTH,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **options,
    )


def rows(sequences: torch.Tensor) -> list[list[int]]:
    """Return each row's own tokens: after BOS, up to EOS."""
    return tokens_of(sequences[:, 1:])


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_the_logits_agree(norm: str) -> None:
    ours, theirs = pair(norm)
    target = torch.randint(3, V, (len(LENGTHS), 6))
    with torch.no_grad():
        memory = ours.encode_source(SOURCE, MASK)
        wanted = theirs(
            input_ids=SOURCE.masked_fill(~MASK, PAD),
            attention_mask=MASK.long(),
            decoder_input_ids=ours.shift_right(target),
        ).logits
        torch.testing.assert_close(ours.logits(memory, target), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_greedy_decoding_agrees(norm: str) -> None:
    ours, theirs = pair(norm)
    found = tokens_of(greedy(ours, SOURCE, MASK, LENGTH))
    wanted = [
        row[: len(mine)]
        for row, mine in zip(rows(generated(theirs, num_beams=1).sequences), found, strict=True)
    ]
    assert found == wanted
    assert len({len(row) for row in found}) > 2


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("norm", ["post", "pre"])
def test_beam_search_agrees(norm: str, alpha: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs divides by length^α: put in place of equation 14, all else must be the same."""
    monkeypatch.setattr(beam, "gnmt_length_penalty", lambda length, alpha: length**alpha)
    ours, theirs = pair(norm)
    wanted = generated(
        theirs,
        num_beams=5,
        num_return_sequences=5,
        length_penalty=alpha,
        early_stopping="never",
    )
    wanted_rows = rows(wanted.sequences)
    wanted_scores = wanted.sequences_scores.tolist()
    found = beam_search(ours, SOURCE, MASK, beam=5, n_best=5, length_penalty=alpha, max_length=LENGTH)
    for sentence, hypotheses in enumerate(found):
        for rank, hypothesis in enumerate(hypotheses):
            theirs_at = 5 * sentence + rank
            assert list(hypothesis.tokens) == wanted_rows[theirs_at][: len(hypothesis.tokens)]
            assert hypothesis.score == pytest.approx(wanted_scores[theirs_at], abs=1e-4)
    lengths = {len(hypothesis.tokens) for hypotheses in found for hypothesis in hypotheses}
    assert len(lengths) > 3, "outputs should differ in length"
