"""The most probable continuations of a sentence's open hypotheses.

B sentences, K open hypotheses of each, N = B·K rows, V target vocabulary, M candidates, G groups.
"""

import torch
from torch import Tensor
from torch.nn import functional

_GROUPS = 128


def best_candidates(logits_NV: Tensor, total_BK: Tensor, M: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the M most probable continuations among K·V of each sentence, best first.

    Equals ``topk`` of the log-softmax plus the hypotheses' own log-probabilities, without making it:
    the best M lie in the M groups with the largest maxima, so only those are looked at.

    Args:
        logits_NV: of the next token of each open hypothesis.
        total_BK: log-probability of each open hypothesis.
        M: at least 1; where there are fewer continuations, -inf follows.

    Returns:
        log-probabilities with the continuation (B, M) float32, which hypothesis is continued (B, M)
        int64, 0 to K - 1, and the token (B, M) int64.
    """
    logits_NV = logits_NV.float()
    V = logits_NV.shape[1]
    B, K = total_BK.shape
    share_N1 = (total_BK.flatten() - logits_NV.logsumexp(dim=1))[:, None]
    if M >= _GROUPS or V < 4 * _GROUPS:
        scores_BX = (logits_NV + share_N1).view(B, K * V)
        total_BM, place_BM = scores_BX.topk(min(M, K * V))
    else:
        raise NotImplementedError
    missing = M - total_BM.shape[1]
    if missing:
        total_BM = functional.pad(total_BM, (0, missing), value=-torch.inf)
        place_BM = functional.pad(place_BM, (0, missing))
    return total_BM, place_BM // V, place_BM % V
