"""The most probable continuations of a sentence's open hypotheses.

B sentences, K open hypotheses of each, N = B·K rows, V target vocabulary, M candidates, G groups of a
row, L tokens of a group.
"""

import torch
from torch import Tensor
from torch.nn import functional

GROUPS = 128


def best_candidates(logits_NV: Tensor, total_BK: Tensor, M: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the M most probable continuations among the K·V of each sentence, best first.

    The best M lie in the M groups of tokens with the largest maxima, so only those are sorted.

    Args:
        logits_NV: of the next token of each open hypothesis.
        total_BK: log-probability of each open hypothesis, float32.
        M: at least 1. Where there are fewer continuations, some of log-probability -inf follow.

    Returns:
        The log-probability of hypothesis and continuation (B, M) float32, which hypothesis it continues
        (B, M) int64, 0 to K - 1, and the token (B, M) int64.
    """
    V, (B, K) = logits_NV.shape[1], total_BK.shape
    scores_NV = logits_NV.float().log_softmax(dim=1)
    if V < 4 * GROUPS or M > GROUPS:
        total_BX = (scores_NV.view(B, K, V) + total_BK[..., None]).flatten(1)
        total_BM, place_BM = total_BX.topk(min(M, K * V))
        missing = M - total_BM.shape[1]
        if missing:
            total_BM = functional.pad(total_BM, (0, missing), value=-torch.inf)
            place_BM = functional.pad(place_BM, (0, missing))
        return total_BM, place_BM // V, place_BM % V
    largest_BKG = _group_maxima(scores_NV).view(B, K, GROUPS) + total_BK[..., None]
    group_BM = largest_BKG.flatten(1).topk(M, sorted=False).indices
    row_BM = group_BM // GROUPS
    members_L = torch.arange(0, V, GROUPS, device=scores_NV.device)
    token_BML = (group_BM % GROUPS)[..., None] + members_L
    inside_BML = token_BML < V
    place_BML = row_BM[..., None] * V + token_BML * inside_BML
    total_BML = scores_NV.view(B, K * V).gather(1, place_BML.flatten(1)).view_as(place_BML)
    total_BML += total_BK.gather(1, row_BM)[..., None]
    total_BML.masked_fill_(~inside_BML, -torch.inf)
    total_BM, best_BM = total_BML.flatten(1).topk(M)
    place_BM = place_BML.flatten(1).gather(1, best_BM)
    return total_BM, place_BM // V, place_BM % V


def _group_maxima(scores_NV: Tensor) -> Tensor:
    """Return (N, G): the largest of tokens g, g + G, g + 2G ..."""
    N, V = scores_NV.shape
    whole = V // GROUPS * GROUPS
    largest_NG = scores_NV[:, :whole].view(N, -1, GROUPS).amax(dim=1)
    rest = V - whole
    if rest:
        largest_NG[:, :rest] = torch.maximum(largest_NG[:, :rest], scores_NV[:, whole:])
    return largest_NG
