"""Cross-entropy whose gradient takes the place of the logits: a third of a step's memory traffic.

torch's own makes log-probabilities, their gradient and, with label smoothing, two more tensors of the
logits' size. For a vocabulary of thousands each of them is larger than the caches.

N positions, V classes.
"""

from typing import Any

import torch
from torch import Tensor

_CHUNK_BYTES = 1 << 19  # of float32 logits at a time: they stay in the cache


class _InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits_NV: Tensor, target_N: Tensor, smoothing: float) -> Tensor:
        N, V = logits_NV.shape
        total = logits_NV.new_zeros((), dtype=torch.float64)
        rows = max(1, _CHUNK_BYTES // (4 * V))
        uniform, certain = smoothing / V, 1 - smoothing
        for begin in range(0, N, rows):
            part_RV = logits_NV[begin : begin + rows]
            answer_R1 = target_N[begin : begin + rows, None]
            scores_RV = part_RV.float()
            largest_R1 = scores_RV.amax(dim=1, keepdim=True)
            scores_RV = scores_RV - largest_R1
            right_R1 = scores_RV.gather(1, answer_R1)
            mean_R1 = scores_RV.mean(dim=1, keepdim=True) if smoothing else torch.zeros_like(right_R1)
            scores_RV.exp_()
            sum_R1 = scores_RV.sum(dim=1, keepdim=True)
            total += (sum_R1.log() - certain * right_R1 - smoothing * mean_R1).sum()
            scores_RV.mul_(1 / (N * sum_R1)).sub_(uniform / N)
            scores_RV.scatter_add_(1, answer_R1, torch.full_like(right_R1, -certain / N))
            part_RV.copy_(scores_RV)
        ctx.save_for_backward(logits_NV)
        return (total / N).float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (logits_NV,) = ctx.saved_tensors
        if float(gradient) != 1.0:  # with accumulated batches, for example
            logits_NV.mul_(gradient)
        return logits_NV, None, None


def consuming_cross_entropy(logits_NV: Tensor, target_N: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy with label smoothing; **the logits are overwritten**.

    Equals ``functional.cross_entropy``, computed in float32, whatever the logits' type.

    Args:
        logits_NV: (N, V) floats that nobody else will read.
        target_N: (N,) int64 classes.
        smoothing: weight of the uniform distribution (Szegedy et al. 2016, section 7).
    """
    return _InPlace.apply(logits_NV, target_N, smoothing)
