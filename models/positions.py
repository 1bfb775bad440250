"""Sinusoidal positions: Vaswani et al. 2017, section 3.5. B batch, N positions, D width."""

import math

import torch
from torch import Tensor, nn


def sinusoids(
    length: int, width: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return (length, width): PE(t, 2i) = sin(t / 10000^(2i/D)), PE(t, 2i+1) = cos of the same.

    Angles are computed in float64, so that far positions keep their precision. Any width; with an odd
    one the last column is a sine.
    """
    exact = torch.float64 if torch.device(device).type != "mps" else torch.float32
    position_N1 = torch.arange(length, device=device, dtype=exact)[:, None]
    even = torch.arange(0, width, 2, device=device, dtype=exact)
    angle = position_N1 * torch.exp(even * (-math.log(10_000.0) / width))
    table_ND = torch.empty(length, width, device=device, dtype=exact)
    table_ND[:, 0::2] = angle.sin()
    table_ND[:, 1::2] = angle[:, : width // 2].cos()
    return table_ND.to(dtype)


class SinusoidalPositions(nn.Module):
    """Adds sinusoidal positions to embeddings of any length.

    The table grows as needed. It is no buffer: it is neither in the checkpoint nor moved with the
    module, but made again for another device or type, so it can never be stale.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self._table_ND = torch.empty(0, width)

    def forward(self, x_BND: Tensor, first: int = 0) -> Tensor:
        """Return ``x_BND`` plus the positions ``first`` to ``first + N - 1``."""
        return x_BND + self._rows(first, first + x_BND.shape[1], x_BND)

    def _rows(self, first: int, end: int, like: Tensor) -> Tensor:
        kept = self._table_ND  # read once: another thread may replace it
        if kept.shape[0] < end or kept.device != like.device or kept.dtype != like.dtype:
            length = max(64, 1 << (end - 1).bit_length())
            # a table made in inference mode would be unusable in training
            with torch.inference_mode(False), torch.no_grad():
                kept = self._table_ND = sinusoids(length, self.width, like.device, like.dtype)
        return kept[first:end]
