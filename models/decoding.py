"""Decoding: from an encoded source to tokens, over ``Seq2Seq.step`` alone.

B batch, S source positions, T target positions, D width, V target vocabulary, F source features.
"""

from typing import Any

import torch
from torch import Tensor

from models.base import Memory, Seq2Seq
from models.problem import BOS, EOS, PAD


def next_logits(model: Seq2Seq, token_B: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
    """Feed the last token of each row; return the logits (B, V) of the next one, and the new state."""
    output_BD, state = model.step(model.target_embedding(token_B), state, memory)
    return model.head(output_BD), state


@torch.inference_mode()
def greedy(
    model: Seq2Seq,
    source: Tensor,
    source_mask: Tensor | None,
    max_length: int,
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
        max_length: longest answer, EOS included.
        stop_at_eos: False where the task fixes the length: EOS is a token like any other and exactly
            ``max_length`` tokens are returned.

    Raises:
        ValueError: the model generates no tokens, or ``max_length`` is below 1.
    """
    if model.problem.readout != "decoder" or model.problem.objective != "cross_entropy":
        raise ValueError(f"greedy decoding needs a model that generates tokens, not {model.problem!r}")
    if max_length < 1:
        raise ValueError(f"max_length = {max_length} is below 1")
    was_training = model.training
    model.eval()
    try:
        memory = model.encode_source(source, source_mask)
        state = model.start(memory)
        token_B = torch.full((len(source),), BOS, dtype=torch.long, device=source.device)
        ended_B = torch.zeros_like(token_B, dtype=torch.bool)
        answer = []
        for _ in range(max_length):
            logits_BV, state = next_logits(model, token_B, state, memory)
            token_B = logits_BV.argmax(dim=-1)
            if stop_at_eos:
                token_B = token_B.masked_fill(ended_B, PAD)
                ended_B = ended_B | (token_B == EOS)
            answer.append(token_B)
            if stop_at_eos and bool(ended_B.all()):
                break
    finally:
        model.train(was_training)
    return torch.stack(answer, dim=1)
