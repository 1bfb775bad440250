"""Positions: sinusoidal (Vaswani et al. 2017, section 3.5), learned, rotary, and linear biases.

B batch, N positions, D width, H heads, E width of a head.
"""

import math

import torch
from torch import Tensor, nn

from models.errors import BadInput


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
        return x_BND + self.rows(first, first + x_BND.shape[1], x_BND)

    def rows(self, first: int, end: int, like: Tensor) -> Tensor:
        """Return the table's rows ``first`` to ``end - 1``, of the device and type of ``like``."""
        kept = self._table_ND  # read once: another thread may replace it
        if kept.shape[0] < end or kept.device != like.device or kept.dtype != like.dtype:
            length = max(64, 1 << (end - 1).bit_length())
            # a table made in inference mode would be unusable in training
            with torch.inference_mode(False), torch.no_grad():
                kept = self._table_ND = sinusoids(length, self.width, like.device, like.dtype)
        return kept[first:end]


class LearnedPositions(nn.Module):
    """Adds a learned vector a position (Gehring et al. 2017, section 3.1): their number is fixed.

    They are drawn with the root mean square of sinusoids, √½, so that the two start alike.
    """

    def __init__(self, width: int, positions: int) -> None:
        super().__init__()
        self.table_ND = nn.Parameter(torch.empty(positions, width).normal_(std=math.sqrt(0.5)))

    def forward(self, x_BND: Tensor, first: int = 0) -> Tensor:
        """Return ``x_BND`` plus the positions ``first`` to ``first + N - 1``.

        Raises:
            BadInput: there are not so many.
        """
        end, most = first + x_BND.shape[1], len(self.table_ND)
        if end > most:
            raise BadInput(
                f"a sequence of {end} positions: only {most} are learned (max_positions = {most})."
            )
        return x_BND + self.table_ND[first:end]


def rotate(x_BHNE: Tensor, sinusoids_NE: Tensor) -> Tensor:
    """Rotate each pair of features by its position's angle (Su et al. 2021, equation 34).

    Args:
        x_BHNE: queries or keys; E is even.
        sinusoids_NE: ``sinusoids`` of the positions, of width E: sine and cosine of the same angles.
    """
    sin_NX, cos_NX = sinusoids_NE[:, 0::2], sinusoids_NE[:, 1::2]  # X = E / 2
    even, odd = x_BHNE[..., 0::2], x_BHNE[..., 1::2]
    turned = torch.stack([even * cos_NX - odd * sin_NX, even * sin_NX + odd * cos_NX], dim=-1)
    return turned.flatten(-2).type_as(x_BHNE)


def alibi_slopes(heads: int) -> list[float]:
    """Return each head's slope (Press et al. 2021, section 3): a geometric sequence from 2^(-8/H).

    Where H is no power of 2: those of the next lower power, then every other one of the next higher.
    """
    power = 1 << (heads.bit_length() - 1)
    slopes = [2.0 ** (-8 * (h + 1) / power) for h in range(power)]
    return slopes + [2.0 ** (-4 * (2 * h + 1) / power) for h in range(heads - power)]
