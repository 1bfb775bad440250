"""Linear attention: attention by a kernel's feature map, in time linear in the length.

B batch, T queries, S keys, N positions of self-attention, D width, H heads, E = D / H width of a head,
C chunks, L positions of a chunk.

Katharopoulos et al. 2020, "Transformers are RNNs: Fast Autoregressive Transformers with Linear
Attention". With φ(x) = elu(x) + 1 (equation 7), query i gives φ(q_i)ᵀ Σ_j φ(k_j) v_jᵀ divided by
φ(q_i)ᵀ Σ_j φ(k_j) (equation 5), where j runs over all keys, or up to i (equations 9 to 12).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.attention import merge_heads, projection, split_heads
from models.cost import linear_flops

CHUNK = 64
"""L: within a chunk L² scores are formed, between chunks states of E² numbers are added up."""
_EPSILON = 1e-6  # where all features of a query have underflown, as in the authors' code


class Sums(NamedTuple):
    """What a query needs to know of any number of keys and values."""

    outer_BHEE: Tensor  # Σ φ(k) vᵀ
    keys_BHE: Tensor  # Σ φ(k)


def features(x: Tensor) -> Tensor:
    """Return φ(x) = elu(x) + 1, which is positive."""
    return functional.elu(x) + 1


def summed(k_BHSE: Tensor, v_BHSE: Tensor, mask_BS: Tensor | None = None) -> Sums:
    """Return the sums over the keys that are real, from features of keys and values."""
    if mask_BS is not None:
        k_BHSE = k_BHSE * mask_BS[:, None, :, None]
    return Sums(k_BHSE.transpose(2, 3) @ v_BHSE, k_BHSE.sum(dim=2))


def attend_to(q_BHTE: Tensor, sums: Sums) -> Tensor:
    """Return what features of queries read from the sums, (B, H, T, E)."""
    weight_BHT1 = (q_BHTE * sums.keys_BHE[:, :, None]).sum(dim=-1, keepdim=True)
    return q_BHTE @ sums.outer_BHEE / (weight_BHT1 + _EPSILON)


def attend_causally(q_BHNE: Tensor, k_BHNE: Tensor, v_BHNE: Tensor) -> Tensor:
    """Let query i read keys 0 to i, (B, H, N, E), from features of queries and keys.

    Within a chunk the scores are explicit and masked; what lies before the chunk is one state, the sums
    over all chunks before. So time and memory are linear in N, and nothing loops over it.
    """
    N = q_BHNE.shape[2]
    if N <= CHUNK:
        within_BHNE, weight_BHN1 = _within(q_BHNE, k_BHNE, v_BHNE)
        return within_BHNE / (weight_BHN1 + _EPSILON)
    lacking = -N % CHUNK
    q, k, v = (
        functional.pad(x_BHNE, (0, 0, 0, lacking)).unflatten(2, (-1, CHUNK))
        for x_BHNE in (q_BHNE, k_BHNE, v_BHNE)
    )  # (B, H, C, L, E)
    within, weight = _within(q, k, v)
    outer_BHCEE, keys_BHCE = _before(k.transpose(3, 4) @ v), _before(k.sum(dim=3))
    weight = weight + (q * keys_BHCE[:, :, :, None]).sum(dim=-1, keepdim=True)
    output = (within + q @ outer_BHCEE.to(q.dtype)) / (weight + _EPSILON)
    return output.flatten(2, 3)[:, :, :N]


def _within(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weighted values and the weights' sum over the keys up to each query (..., L, E)."""
    scores = (q @ k.transpose(-1, -2)).tril()
    return scores @ v, scores.sum(dim=-1, keepdim=True)


def _before(x_BHC: Tensor) -> Tensor:
    """Return the sum over the chunks before each one; in float32 at least, since sums grow long."""
    wide = x_BHC.to(torch.promote_types(x_BHC.dtype, torch.float32))
    return torch.cat([torch.zeros_like(wide[:, :, :1]), wide[:, :, :-1].cumsum(dim=2)], dim=2)


class LinearSelfAttention(nn.Module):
    """Multi-head linear self-attention; queries, keys and values come from one product."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = projection(width, 3 * width)
        self.out = projection(width, width)

    def forward(self, x_BND: Tensor, mask_BN: Tensor | None = None, *, causal: bool = False) -> Tensor:
        """Let every position read all real ones, or with ``causal`` those up to itself: (B, N, D)."""
        q, k, v = self._features(x_BND)
        if causal:
            return self.out(merge_heads(attend_causally(q, k, v)))
        return self.out(merge_heads(attend_to(q, summed(k, v, mask_BN))))

    def start(self, like_BX: Tensor) -> Sums:
        """Return the sums over nothing: the batch size, device and type of ``like_BX``."""
        E = self.out.in_features // self.heads
        return Sums(
            like_BX.new_zeros(len(like_BX), self.heads, E, E),
            like_BX.new_zeros(len(like_BX), self.heads, E),
        )

    def step(self, x_BD: Tensor, sums: Sums) -> tuple[Tensor, Sums]:
        """Read one more position (equations 18 to 20): (B, D), and the sums with it."""
        q, k, v = self._features(x_BD[:, None])
        one = summed(k, v)
        sums = Sums(sums.outer_BHEE + one.outer_BHEE, sums.keys_BHE + one.keys_BHE)
        return self.out(merge_heads(attend_to(q, Sums(sums.outer_BHEE.to(q.dtype), sums.keys_BHE))))[
            :, 0
        ], sums

    def _features(self, x_BND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = split_heads(self.query_key_value(x_BND), 3, self.heads)
        return features(q), features(k), v


class LinearCrossAttention(nn.Module):
    """Multi-head linear attention of targets to the source, which is only ever seen as its sums."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = projection(width, width)
        self.key_value = projection(width, 2 * width)
        self.out = projection(width, width)

    def sums(self, states_BSD: Tensor, mask_BS: Tensor | None) -> Sums:
        """Return the sums over the real source positions, once for all target positions."""
        k, v = split_heads(self.key_value(states_BSD), 2, self.heads)
        return summed(features(k), v, mask_BS)

    def forward(self, x_BTD: Tensor, sums: Sums) -> Tensor:
        """Let every target position read the source: (B, T, D)."""
        (q,) = split_heads(self.query(x_BTD), 1, self.heads)
        return self.out(merge_heads(attend_to(features(q), sums)))

    def weights(self, x_BTD: Tensor, states_BSD: Tensor, mask_BS: Tensor | None) -> Tensor:
        """Return how much each target position reads from each of the source: (B, H, T, S)."""
        (q,) = split_heads(self.query(x_BTD), 1, self.heads)
        k, _ = split_heads(self.key_value(states_BSD), 2, self.heads)
        scores_BHTS = features(q) @ features(k).transpose(2, 3)
        if mask_BS is not None:
            scores_BHTS = scores_BHTS * mask_BS[:, None, None]
        return scores_BHTS / (scores_BHTS.sum(dim=-1, keepdim=True) + _EPSILON)


def linear_attention_flops(width: int, heads: int, queries: int, keys: int) -> int:
    """FLOPs of four projections, and of reading all keys: 8·n·d² + 4·n·d²/h for n of both."""
    maps = 2 * linear_flops(width, width, queries) + 2 * linear_flops(width, width, keys)
    return maps + linear_flops(width, width // heads, queries + keys)


def causal_attention_flops(width: int, heads: int, positions: int) -> int:
    """FLOPs of four projections, and of reading the keys up to each position, by chunks."""
    maps = 4 * linear_flops(width, width, positions)
    if positions <= CHUNK:
        return maps + 2 * linear_flops(width, positions, positions)
    padded = -(-positions // CHUNK) * CHUNK
    return maps + 2 * linear_flops(width, CHUNK + width // heads, padded)
