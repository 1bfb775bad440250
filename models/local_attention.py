"""Restricted self-attention in blocks: a position sees a window of r (Vaswani et al. 2017, section 4).

B batch, N positions, D width, H heads, E width of a head, C blocks of Q queries, each with X keys.

A block's queries share one stretch of keys that covers all their windows. With Q of about half the
window that is 1.5 times the keys which are needed, in dense products; time and memory are O(r n d).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.attention import (
    Kernel,
    Masking,
    SelfAttention,
    attend,
    merge_heads,
    rotated,
)
from models.cache import Cache
from models.cost import attention_core_flops


class Band(NamedTuple):
    """What a position sees: so many positions to the left, itself, and so many to the right."""

    left: int
    right: int

    @property
    def block(self) -> int:
        """Return Q, the queries of a block."""
        return max(1, (self.left + self.right) // 2)

    def blocks(self, positions: int) -> tuple[int, int, int]:
        """Return (C, Q, X); one block of all positions where they are no more than a block's keys."""
        keys = self.block + self.left + self.right
        if positions <= keys:
            return 1, positions, positions
        return -(-positions // self.block), self.block, keys

    def flops(self, width: int, positions: int, key_width: int | None = None) -> int:
        """FLOPs of scores and weighted sums over all heads: O(r n d).

        ``key_width`` is that of the keys of all heads together; None: ``width``.
        """
        C, Q, X = self.blocks(positions)
        return C * attention_core_flops(width, Q, X, key_width)


class LocalMasking(NamedTuple):
    """How the positions of one sequence meet in blocks; ``masking`` has H x C heads."""

    masking: Masking
    band: Band
    rotation_NE: Tensor | None = None


def local_masking(
    kernel: Kernel,
    heads: int,
    band: Band,
    x_BND: Tensor,
    padding_BN: Tensor | None = None,
    slopes_H: Tensor | None = None,
) -> Masking:
    """Return the masking of every block's queries x keys, for H x C heads.

    Args:
        kernel: what will compute the attention.
        heads: H.
        band: what a position sees.
        x_BND: gives the sizes, device and type.
        padding_BN: (B, N) bool, True where real; None: everything is.
        slopes_H: each head's scores fall by its slope with the distance.
    """
    B, N = x_BND.shape[:2]
    C, Q, X = band.blocks(N)
    first = 0 if C == 1 else -band.left
    block_C11 = torch.arange(C, device=x_BND.device)[:, None, None] * Q
    query_CQ1 = block_C11 + torch.arange(Q, device=x_BND.device)[:, None]
    key_C1X = block_C11 + first + torch.arange(X, device=x_BND.device)
    ahead_CQX = key_C1X - query_CQ1
    visible = (ahead_CQX >= -band.left) & (ahead_CQX <= band.right)
    visible = (visible & (key_C1X >= 0) & (key_C1X < N))[None]
    if padding_BN is not None:
        real_BCX = padding_BN[:, key_C1X[:, 0].clamp(0, N - 1)]
        # a position always sees itself: no row is without a key, and nobody sees what padding sees
        visible = (visible & real_BCX[:, :, None]) | (ahead_CQX == 0)
    else:
        visible = visible | (ahead_CQX == 0)
    lowest = torch.finfo(x_BND.dtype).min
    if slopes_H is None and kernel == "fused":
        shape = (len(visible), heads, C, Q, X)
        return Masking(kernel, visible[:, None].expand(shape).flatten(1, 2))
    bias = torch.zeros(1, 1, C, Q, X, dtype=x_BND.dtype, device=x_BND.device)
    if slopes_H is not None:
        bias = -slopes_H[:, None, None, None] * ahead_CQX.abs()
    bias = bias.masked_fill(~visible[:, None], lowest).expand(-1, heads, -1, -1, -1)
    if kernel == "fused":
        return Masking(kernel, bias.flatten(1, 2))
    return Masking(kernel, bias.expand(B, -1, -1, -1, -1).flatten(0, 2))


class LocalSelfAttention(SelfAttention):
    """Multi-head self-attention in which every position sees a window."""

    def forward(self, x_BND: Tensor, local: LocalMasking) -> Tensor:  # type: ignore[override]
        """Let every position attend to its window: (B, N, D)."""
        N, band = x_BND.shape[1], local.band
        q, k, v = self.project(x_BND)
        q, k = rotated(q, k, local.masking._replace(rotation_NE=local.rotation_NE))
        C, Q, _ = band.blocks(N)
        if C == 1:
            return self.out(merge_heads(attend(q, k, v, local.masking)))
        tail = C * Q - N
        q = functional.pad(q, (0, 0, 0, tail)).unflatten(2, (C, Q)).flatten(1, 2)
        k, v = (_stretches(x_BHNE, band, C, tail) for x_BHNE in (k, v))
        output = attend(q, k, v, local.masking)  # (B, H·C, Q, E)
        output = output.unflatten(1, (self.heads, C)).flatten(2, 3)[:, :, :N]
        return self.out(merge_heads(output))

    def step_in_window(
        self, x_ND: Tensor, cache: Cache, band: Band, masking: Masking
    ) -> tuple[Tensor, Cache]:
        """Let the next position of N rows attend to itself and to the ``band.left`` before it.

        Args:
            x_ND: (N, D).
            cache: keys and values of at most ``band.left`` positions.
            band: what a position sees.
            masking: over those and itself.

        Returns:
            (N, D), and the keys and values that the next position sees.
        """
        q, k, v = self.project(x_ND[:, None])
        q, k = rotated(q, k, masking)
        k, v = (torch.cat(pair, dim=2) for pair in zip(cache, (k, v), strict=True))
        output_ND = self.out(merge_heads(attend(q, k, v, masking)))[:, 0]
        kept = max(0, k.shape[2] - band.left)
        return output_ND, Cache(k[:, :, kept:], v[:, :, kept:])


def _stretches(x_BHNE: Tensor, band: Band, blocks: int, tail: int) -> Tensor:
    """Return each block's stretch of keys or values: (B, H·C, X, E)."""
    padded = functional.pad(x_BHNE, (0, 0, band.left, band.right + tail))
    X = band.block + band.left + band.right
    return padded.unfold(2, X, band.block).transpose(3, 4).flatten(1, 2)
