"""Decode sentences and score the texts: BLEU and chrF as sacreBLEU has them.

B sentences of a batch, S source positions.
"""

import functools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from experiments.corpora.batching import cut
from experiments.tasks.text import Pair, TextTask, source_rows
from models.base import Seq2Seq
from models.beam import beam_search
from models.decoding import greedy

Decoding = Literal["greedy", "beam"]


class Output(NamedTuple):
    """What one source was decoded to."""

    tokens: list[int]
    text: str
    log_probability: float | None = None  # natural logarithm, under the model


@torch.inference_mode()
def decode(
    model: Seq2Seq,
    task: TextTask,
    pairs: Sequence[Pair],
    *,
    beam: int = 1,
    length_penalty: float = 0.0,
    batch_tokens: int = 4000,
) -> list[Output]:
    """Decode the sources, those of like length together; ``beam`` 1 is greedy."""
    sources = [task.encode_source(pair.source) for pair in pairs]
    length_N = np.array([len(source) for source in sources], dtype=np.int64)
    order_N = np.argsort(length_N, kind="stable")
    outputs: list[Output | None] = [None] * len(sources)
    for rows in cut(order_N, length_N[order_N], max(1, batch_tokens // beam)):
        source_BS, lengths_B = source_rows([sources[row] for row in rows])
        mask_BS = np.arange(source_BS.shape[1]) < lengths_B[:, None]
        source = torch.from_numpy(source_BS).to(model.device)
        mask = None if mask_BS.all() else torch.from_numpy(mask_BS).to(model.device)
        limit = torch.tensor([task.longest_answer(int(length)) for length in lengths_B])
        if beam == 1:
            for row, tokens in zip(rows, greedy(model, source, mask, limit).tolist(), strict=True):
                outputs[row] = Output(tokens, task.decode(tokens))
            continue
        found = beam_search(
            model, source, mask, beam=beam, length_penalty=length_penalty, max_length=limit
        )
        for row, hypotheses in zip(rows, found, strict=True):
            best = hypotheses[0]
            tokens = [int(token) for token in best.tokens]
            outputs[row] = Output(tokens, task.decode(tokens), float(best.log_probability))
    return [output for output in outputs if output is not None]


@functools.cache
def metrics() -> tuple[BLEU, CHRF]:
    """Return BLEU (cased, tokenised as 13a, exponential smoothing) and chrF2."""
    return BLEU(), CHRF()


def corpus_scores(outputs: Sequence[str], pairs: Sequence[Pair]) -> dict[str, float]:
    """Return ``bleu`` and ``chrf`` of texts against the references, from 0 to 100."""
    references = [[pair.reference for pair in pairs]]
    bleu, chrf = metrics()
    return {
        "bleu": float(bleu.corpus_score(list(outputs), references).score),
        "chrf": float(chrf.corpus_score(list(outputs), references).score),
    }


def signatures() -> dict[str, str]:
    """Return sacreBLEU's signatures of both scores."""
    bleu, chrf = metrics()
    corpus_scores(["a"], [Pair("a", "a")])  # a signature names the number of references seen last
    return {"bleu_signature": str(bleu.get_signature()), "chrf_signature": str(chrf.get_signature())}


def statistics(
    name: str, decoding: Decoding, outputs: Sequence[Output], pairs: Sequence[Pair]
) -> dict[str, Any]:
    """Return one row of a record's ``sentences``: what sacreBLEU adds up, sentence by sentence."""
    texts = [output.text for output in outputs]
    references = [[pair.reference for pair in pairs]]
    bleu, chrf = (
        # the only way to the sums that sacreBLEU's own significance tests resample
        metric._extract_corpus_statistics(texts, references)
        for metric in metrics()
    )
    return {
        "set": name,
        "decoding": decoding,
        "source_words": [len(pair.source.split()) for pair in pairs],
        "bleu": bleu,
        "chrf": chrf,
        "exact": [int(text == pair.reference) for text, pair in zip(texts, pairs, strict=True)],
        "log_probability": [output.log_probability for output in outputs],
    }
