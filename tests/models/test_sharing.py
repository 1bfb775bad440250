"""Many sentences give the same answers however they are batched and shared."""

import pytest
import torch

from models.beam import beam_search
from models.decoding import greedy, tokens_of
from models.errors import BadInput
from models.sharing import decode_sentences
from tests.models.decoding_cases import LENGTHS, SOURCE, build

SENTENCES = [row[:length].tolist() for row, length in zip(SOURCE, LENGTHS, strict=True)]


@pytest.mark.parametrize("name", ["additive", "transformer-explicit"])
def test_answers_do_not_depend_on_batches_and_workers(name: str) -> None:
    model, threads = build(name).train(), torch.get_num_threads()
    alone = [
        beam_search(model, torch.tensor([tokens]), None, beam=3, max_length=8)[0][0].tokens
        for tokens in SENTENCES
    ]
    for batch_size, workers in ((1, 1), (5, 1), (5, 3), (100, 2)):
        found = decode_sentences(
            model,
            SENTENCES,
            lambda source, mask: beam_search(model, source, mask, beam=3, max_length=8),
            batch_size=batch_size,
            workers=workers,
        )
        assert [hypotheses[0].tokens for hypotheses in found] == alone
    assert model.training
    assert torch.get_num_threads() == threads


def test_batches_hold_similar_lengths_and_limits_may_follow_them() -> None:
    model, shapes = build("lstm"), []

    def decode(source: torch.Tensor, mask: torch.Tensor | None) -> list[list[int]]:
        shapes.append(tuple(source.shape))
        assert (mask is None) == bool((source != 0).all())
        return tokens_of(greedy(model, source, mask, source.shape[1]))

    found = decode_sentences(model, SENTENCES, decode, batch_size=4)
    assert shapes == [(4, 6), (4, 4), (4, 2)]
    width = {6: 6, 5: 6, 4: 4, 3: 4, 2: 2, 1: 2}  # of the batch that a source of this length is in
    assert all(len(answer) <= width[length] for answer, length in zip(found, LENGTHS, strict=True))
    assert decode_sentences(model, [], decode) == []


def test_workers_decode_under_the_callers_autocast() -> None:
    model, seen = build("transformer"), []

    def decode(source: torch.Tensor, mask: torch.Tensor | None) -> list[int]:
        logits = model.head(torch.zeros(1, 16))
        seen.append((logits.dtype, torch.get_num_threads()))
        return [0] * len(source)

    with torch.autocast("cpu", torch.bfloat16):
        decode_sentences(model, SENTENCES, decode, batch_size=6, workers=2)
    decode_sentences(model, SENTENCES, decode, batch_size=6, workers=2)
    assert seen == [(torch.bfloat16, 1)] * 2 + [(torch.float32, 1)] * 2


def test_what_a_worker_raises_arrives() -> None:
    model = build("rnn")

    def decode(source: torch.Tensor, mask: torch.Tensor | None) -> list[int]:
        raise FloatingPointError("broken")

    with pytest.raises(FloatingPointError, match="broken"):
        decode_sentences(model, SENTENCES, decode, workers=2)
    with pytest.raises(BadInput, match="workers = 0"):
        decode_sentences(model, SENTENCES, decode, workers=0)
