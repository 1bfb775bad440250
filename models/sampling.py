"""Sampling from the model: temperature, top-k and top-p.

B batch, N rows still open, V target vocabulary, C the candidates that are left of it.
"""

import torch
from torch import Tensor

from models.base import Seq2Seq, evaluating
from models.decoding import (
    extend,
    lengths_of,
    output_log_probabilities,
    require_generator,
)
from models.decoding_state import select_rows
from models.errors import BadInput
from models.hypothesis import Hypothesis


@torch.inference_mode()
def sample(
    model: Seq2Seq,
    source: Tensor,
    source_mask: Tensor | None,
    *,
    max_length: int | Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    samples: int = 1,
    generator: torch.Generator | None = None,
) -> list[list[Hypothesis]]:
    """Return ``samples`` random targets of each source, independent of each other.

    What a row draws does not depend on when other rows end. ``log_probability`` and ``score`` are those
    under the model itself, whatever the temperature and the candidates.

    Args:
        model: an architecture with a decoder; it decodes in evaluation mode.
        source: (B, S) int64 tokens or (B, S, F) floats, padded on the right.
        source_mask: (B, S) bool, True where real; None if nothing is padded.
        max_length: most tokens of a target, EOS included: one number, or (B,) int64.
        temperature: logits are divided by it; below 1 the probable becomes more so.
        top_k: draw from the k most probable tokens (Fan et al. 2018, section 5.4); None: from all.
        top_p: of these, draw from the fewest whose probabilities reach p (nucleus sampling, Holtzman
            et al. 2020, section 3.1); None: from all.
        samples: targets of each source.
        generator: where randomness comes from, on the device of ``source``; None: torch's own.

    Raises:
        BadInput: a number is out of its range, or the model generates no tokens.
    """
    require_generator(model)
    if not temperature > 0:
        raise BadInput(f"temperature = {temperature} is not above 0; top_k = 1 is greedy decoding.")
    if top_k is not None and top_k < 1:
        raise BadInput(f"top_k = {top_k} is below 1; None draws from all tokens.")
    if top_p is not None and not 0 < top_p <= 1:
        raise BadInput(f"top_p = {top_p} is not in (0, 1]; None draws from all tokens.")
    if samples < 1:
        raise BadInput(f"samples = {samples} is below 1.")
    limits = [limit for limit in lengths_of(max_length, len(source)) for _ in range(samples)]

    def choose(logits_NV: Tensor, rows_N: Tensor) -> Tensor:
        drawn_B = torch.rand(
            len(limits), generator=generator, device=logits_NV.device, dtype=torch.float64
        )
        return draw(logits_NV / temperature, drawn_B[rows_N], top_k, top_p)

    with evaluating(model):
        memory = model.encode_source(source, source_mask)
        if samples > 1:
            rows_B = torch.arange(len(source), device=source.device)
            memory = select_rows(memory, rows_B.repeat_interleave(samples))
        answer_BT, lengths = extend(model, memory, choose, limits)
        rows = zip(answer_BT.tolist(), lengths, strict=True)
        outputs = [tuple(tokens[:length]) for tokens, length in rows]
        totals = output_log_probabilities(model, memory, outputs).tolist()
    found = [Hypothesis(tokens, total, total) for tokens, total in zip(outputs, totals, strict=True)]
    return [found[first : first + samples] for first in range(0, len(found), samples)]


def draw(
    logits_NV: Tensor, uniform_N: Tensor, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """Return the tokens (N,) at which the cumulative distribution passes ``uniform_N`` in [0, 1)."""
    token_NC = None
    if top_k is not None or top_p is not None:
        count = min(top_k or logits_NV.shape[1], logits_NV.shape[1])
        logits_NV, token_NC = logits_NV.topk(count, dim=1)
    probability_NC = logits_NV.double().softmax(dim=1)
    up_to_NC = probability_NC.cumsum(dim=1)
    if top_p is not None:  # a token stays if those before it do not reach p
        stays_NC = (up_to_NC - probability_NC) < top_p
        up_to_NC = (probability_NC * stays_NC).cumsum(dim=1)
    passed_N1 = (uniform_N * up_to_NC[:, -1])[:, None]
    place_N1 = torch.searchsorted(up_to_NC, passed_N1, right=True)
    # rounding may leave the last one unpassed
    last_N1 = (up_to_NC < up_to_NC[:, -1:]).sum(dim=1, keepdim=True)
    place_N1 = place_N1.minimum(last_N1)
    return (place_N1 if token_NC is None else token_NC.gather(1, place_N1))[:, 0]
