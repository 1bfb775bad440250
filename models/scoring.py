"""Per-example scores from logits or decoded tokens: the same for every architecture.

B batch, T target positions, V vocabulary. Padding and end-of-sequence positions do not count: a
model that only knows when to stop has scored nothing.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.batch import Batch
from models.problem import EOS, PAD, Problem


class Scores(NamedTuple):
    """Sums for each example; added up by whoever reads."""

    total_B: Tensor  # correct positions; for regression the sum of squared errors; float64
    count_B: Tensor  # positions counted, int64


def score_logits(logits: Tensor, batch: Batch, problem: Problem) -> Scores:
    """Score teacher-forced logits (B, T, V), (B, S, V) or (B, V) against the batch's target."""
    if problem.objective == "mean_squared_error":
        error = (logits.squeeze(-1).double() - batch.target.double()) ** 2
        return _summed(error, _counted(batch, problem))
    return score_tokens(logits.argmax(dim=-1), batch, problem)


def score_tokens(answer: Tensor, batch: Batch, problem: Problem) -> Scores:
    """Score answers (B, T'), (B, S) or (B,); decoded positions beyond T' are wrong, not left out."""
    if answer.dim() == 2 and answer.shape[1] < batch.target.shape[1]:
        missing = batch.target.shape[1] - answer.shape[1]
        answer = torch.nn.functional.pad(answer, (0, missing), value=PAD)
    if answer.dim() == 2:
        answer = answer[:, : batch.target.shape[1]]
    return _summed((answer == batch.target).double(), _counted(batch, problem))


def _counted(batch: Batch, problem: Problem) -> Tensor:
    counted = torch.ones_like(batch.target, dtype=torch.bool)
    if batch.target_mask is not None:
        counted = batch.target_mask
    if problem.readout == "decoder":
        counted = counted & (batch.target != PAD) & (batch.target != EOS)
    return counted


def _summed(values: Tensor, counted: Tensor) -> Scores:
    if values.dim() == 1:
        return Scores(values * counted, counted.long())
    return Scores((values * counted).sum(dim=1), counted.sum(dim=1))
