"""Decoding: from an encoded source to tokens, over ``Seq2Seq.step`` alone.

B batch, N rows still open, S source positions, T target positions, D width, V target vocabulary,
F source features. Beam search is in models.beam, sampling in models.sampling.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.base import Memory, Seq2Seq, evaluating
from models.decoding_state import select_rows
from models.errors import BadInput
from models.problem import BOS, EOS, PAD

LEAVE = 8
"""Rows that have ended leave the batch once they are one in so many: leaving costs a copy."""

Choose = Callable[[Tensor, Tensor], Tensor]
"""From the logits (N, V) and which rows of the batch they belong to (N,), the next tokens (N,)."""


def next_logits(model: Seq2Seq, token_B: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
    """Feed the last token of each row; return the logits (B, V) of the next one, and the new state."""
    output_BD, state = model.step(model.target_embedding(token_B), state, memory)
    return model.head(output_BD), state


def greedy(
    model: Seq2Seq,
    source: Tensor,
    source_mask: Tensor | None,
    max_length: int | Tensor,
    *,
    stop_at_eos: bool = True,
) -> Tensor:
    """Return the most probable token at each position given those before: (B, T) int64.

    The model decodes in evaluation mode and is given back in the mode that it was in. A row ends with
    EOS; what follows is PAD, and decoding stops when every row has ended, or at ``max_length``.

    Args:
        model: an architecture with a decoder.
        source: (B, S) int64 tokens or (B, S, F) floats, padded on the right.
        source_mask: (B, S) bool, True where real; None if nothing is padded.
        max_length: longest answer, EOS included: one number, or (B,) int64.
        stop_at_eos: False where the task fixes the length: EOS is a token like any other and exactly
            ``max_length`` tokens are returned.

    Raises:
        BadInput: the model generates no tokens, or ``max_length`` is below 1.
    """
    require_generator(model)
    limits = lengths_of(max_length, len(source))
    with torch.inference_mode(), evaluating(model):
        memory = model.encode_source(source, source_mask)
        answer_BT, _ = extend(
            model, memory, lambda logits_NV, _: logits_NV.argmax(dim=-1), limits, stop_at_eos
        )
    return answer_BT


@torch.inference_mode()
def log_probabilities(
    model: Seq2Seq, source: Tensor, source_mask: Tensor | None, outputs: Sequence[Sequence[int]]
) -> Tensor:
    """Return the log-probability of each output given its source: (B,) float64, natural logarithm.

    Teacher-forced, in evaluation mode. An output's own tokens count, its EOS too if it has one.

    Args:
        model: an architecture with a decoder.
        source: (B, S) int64 tokens or (B, S, F) floats, padded on the right.
        source_mask: (B, S) bool, True where real; None if nothing is padded.
        outputs: B sequences of tokens.
    """
    require_generator(model)
    with evaluating(model):
        return output_log_probabilities(model, model.encode_source(source, source_mask), outputs)


def output_log_probabilities(
    model: Seq2Seq, memory: Memory, outputs: Sequence[Sequence[int]]
) -> Tensor:
    """Return what ``log_probabilities`` does, from an encoded source, in the model's present mode."""
    device = memory.states.device
    lengths = [len(tokens) for tokens in outputs]
    target_BT = torch.full((len(outputs), max(1, *lengths)), PAD, dtype=torch.long)
    for row, tokens in enumerate(outputs):
        target_BT[row, : lengths[row]] = torch.tensor(tokens, dtype=torch.long)
    target_BT = target_BT.to(device)
    real_BT = (
        torch.arange(target_BT.shape[1], device=device) < torch.tensor(lengths, device=device)[:, None]
    )
    logits_BTV = model.logits(memory, target_BT).float()
    loss_BT = functional.cross_entropy(logits_BTV.transpose(1, 2), target_BT, reduction="none")
    return -loss_BT.double().masked_fill(~real_BT, 0.0).sum(dim=1)


def tokens_of(answer_BT: Tensor) -> list[list[int]]:
    """Return each row of what ``greedy`` gave as its own tokens, up to the first EOS."""
    rows = answer_BT.tolist()
    return [row[: row.index(EOS) + 1] if EOS in row else row for row in rows]


def extend(
    model: Seq2Seq, memory: Memory, choose: Choose, limits: Sequence[int], stop_at_eos: bool = True
) -> tuple[Tensor, list[int]]:
    """Extend every row by one chosen token at a time; rows that have ended leave the batch.

    Args:
        model: in evaluation mode.
        memory: B encoded sources.
        choose: what comes next.
        limits: most tokens of each row.
        stop_at_eos: whether EOS ends a row.

    Returns:
        The tokens (B, T) int64, PAD after a row's end, and each row's length.
    """
    device, B = memory.states.device, len(memory.states)
    answer_BT = torch.full((B, max(limits)), PAD, dtype=torch.long, device=device)
    limit_B = torch.tensor(limits, device=device)
    length_B = limit_B.clone()
    varied = min(limits) < max(limits)
    state, rows_N = model.start(memory), torch.arange(B, device=device)
    token_N = torch.full((B,), BOS, dtype=torch.long, device=device)
    ended_N = torch.zeros(B, dtype=torch.bool, device=device)
    length = 0
    while True:
        logits_NV, state = next_logits(model, token_N, state, memory)
        token_N = choose(logits_NV, rows_N).masked_fill(ended_N, PAD)
        answer_BT[rows_N, length] = token_N
        length += 1
        if length == answer_BT.shape[1]:
            break
        if varied:
            ended_N = ended_N | (limit_B[rows_N] == length)
        if stop_at_eos:
            length_B[rows_N[token_N == EOS]] = length
            ended_N = ended_N | (token_N == EOS)
        elif not varied:
            continue
        ended = int(ended_N.sum())
        if ended == len(ended_N):
            break
        if ended * LEAVE >= len(ended_N):
            stay_N = (~ended_N).nonzero()[:, 0]
            state, memory = model.select(state, stay_N, stay_N), select_rows(memory, stay_N)
            token_N, rows_N, ended_N = token_N[stay_N], rows_N[stay_N], ended_N[stay_N]
    if stop_at_eos:
        length_B[rows_N[token_N == EOS]] = length
    return answer_BT[:, :length], length_B.clamp(max=length).tolist()


def require_generator(model: Seq2Seq) -> None:
    """Refuse a model that has no tokens to generate.

    Raises:
        BadInput: the problem's readout is no decoder, or its objective no cross-entropy.
    """
    if model.problem.readout != "decoder" or model.problem.objective != "cross_entropy":
        raise BadInput(f"decoding needs a model that generates tokens, not {model.problem!r}")


def lengths_of(max_length: int | Tensor, B: int) -> list[int]:
    """Return the limit on each of B rows.

    Raises:
        BadInput: a limit is below 1, or there are not B of them.
    """
    limits = max_length.tolist() if isinstance(max_length, Tensor) else [max_length] * B
    if len(limits) != B:
        raise BadInput(f"max_length has {len(limits)} entries for {B} sources")
    if limits and min(limits) < 1:
        raise BadInput(f"max_length = {min(limits)} is below 1")
    return limits
