"""The tensors of one training step.

B batch, S source positions, T target positions, F source features.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Batch:
    """The tensors of one step.

    A mask of None says that nothing is padded, so that no kernel pays for a mask.
    """

    source: Tensor  # (B, S) int64 tokens, or (B, S, F) float32
    source_mask: Tensor | None  # (B, S) bool, True where real; padding is on the right
    target: Tensor  # decoder (B, T), position (B, S), last (B,): int64 classes or float32
    target_mask: Tensor | None  # like target, bool, True where the loss counts
    slices: dict[str, Tensor] = field(default_factory=dict)  # name -> (B,) int64: distance, length ...
    real: tuple[int, int] | None = None  # source and target positions that are no padding; None: all
    rows: int | None = None  # of the whole batch, where this is one replica's share; else None

    def to(self, device: torch.device | str, non_blocking: bool = True) -> "Batch":
        """Return the batch on another device."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=non_blocking)

        return Batch(
            source=self.source.to(device, non_blocking=non_blocking),
            source_mask=move(self.source_mask),
            target=self.target.to(device, non_blocking=non_blocking),
            target_mask=move(self.target_mask),
            slices=self.slices,
            real=self.real,
            rows=self.rows,
        )

    def share(self, rank: int, replicas: int) -> "Batch":
        """Return every ``replicas``-th row from ``rank`` on; all rows, where there are too few."""
        rows = len(self.source)
        if replicas == 1 or rows < replicas:
            return self

        def part(tensor: Tensor) -> Tensor:
            return tensor[rank::replicas].contiguous()

        return Batch(
            source=part(self.source),
            source_mask=None if self.source_mask is None else part(self.source_mask),
            target=part(self.target),
            target_mask=None if self.target_mask is None else part(self.target_mask),
            slices={name: part(values) for name, values in self.slices.items()},
            real=self.real or (self.source.shape[1] * rows, self.target[0].numel() * rows),
            rows=rows,
        )
