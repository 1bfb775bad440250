"""Multi-head scaled dot-product attention: Vaswani et al. 2017, section 3.2.

B batch, T queries, S keys, N positions of self-attention, D width, H heads, E width of a head: D / H,
unless its queries and keys have another.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models import speed
from models.cache import Cache, Slots, append
from models.positions import rotate
from models.speed import AttentionKernel

Kernel = Literal["fused", "explicit"]

#: On a CPU the explicit scores win while queries x keys < EXPLICIT_BELOW². Training step of a model
#: of one layer each, 2,048 tokens, 4 heads, 2 threads of an AMD EPYC (Zen 5), buffers kept: time with
#: the fused kernel over time with explicit scores (the two interleaved, medians of 7):
#: n        256   512   768  1,024
#: d =  64  1.63  1.20  0.83  0.71
#: d = 128  1.46  0.89  0.93  0.79
#: d = 256  1.21  1.13  0.98  0.92
EXPLICIT_BELOW = 512


def choose_kernel(
    configured: AttentionKernel, queries: int, keys: int, device: torch.device | str
) -> Kernel:
    """Return the kernel that attention of this size uses on a device.

    ``auto`` defers to the current speed settings, and where those say ``auto`` too, decides by length
    on a CPU and takes the fused kernel on every accelerator. The meta device decides as a CPU does.
    """
    wanted = speed.current().attention if configured == "auto" else configured
    if wanted != "auto":
        return wanted
    if torch.device(device).type not in ("cpu", "meta"):
        return "fused"
    return "explicit" if queries * keys < EXPLICIT_BELOW**2 else "fused"


class Masking(NamedTuple):
    """A kernel, and in its own form how queries meet keys. Made once, used by every layer."""

    kernel: Kernel
    mask: Tensor | None = None  # fused: bool, True is visible, or added; explicit: added to the scores
    causal: bool = False  # fused: its own causal mask, which costs no memory
    scale: float | None = None  # factor on the scores; None: 1/√E
    rotation_NE: Tensor | None = None  # sinusoids by which self-attention rotates (models.positions)


def masking(
    kernel: Kernel,
    heads: int,
    queries: int,
    keys: int,
    like: Tensor,
    padding_BS: Tensor | None = None,
    causal: bool = False,
    bias_HTS: Tensor | None = None,
) -> Masking:
    """Return the masking of queries x keys; no tensor is made where none is needed.

    Args:
        kernel: what will compute the attention.
        heads: H.
        queries: T.
        keys: S; with ``causal`` the same as T.
        like: gives device and type.
        padding_BS: (B, S) bool, True where a key is real.
        causal: query t sees the keys 0 to t.
        bias_HTS: added to the scores of each head.
    """
    if bias_HTS is not None:
        return _biased(kernel, bias_HTS, like, padding_BS, causal)
    if kernel == "fused" and (padding_BS is None or not causal):
        visible = None if padding_BS is None else padding_BS[:, None, None, :]
        return Masking(kernel, visible, causal)
    if padding_BS is None and not causal:
        return Masking(kernel)
    visible = torch.ones((), dtype=torch.bool, device=like.device)
    if causal:
        visible = torch.ones(queries, keys, dtype=torch.bool, device=like.device).tril_()
    if padding_BS is not None:
        visible = visible & padding_BS[:, None, None, :]
    if kernel == "fused":
        return Masking(kernel, visible)
    # the lowest finite number and not -inf: a row without any real key must not become NaN
    lowest = torch.finfo(like.dtype).min
    bias = torch.zeros(visible.shape, dtype=like.dtype, device=like.device)
    bias.masked_fill_(~visible, lowest)
    if padding_BS is not None:
        bias = bias.expand(-1, heads, -1, -1).flatten(0, 1)  # (B·H, 1 or T, S)
    return Masking(kernel, bias)


def _biased(
    kernel: Kernel, bias_HTS: Tensor, like: Tensor, padding_BS: Tensor | None, causal: bool
) -> Masking:
    lowest = torch.finfo(like.dtype).min
    bias_BHTS = bias_HTS[None]
    if causal:
        later_TS = torch.ones_like(bias_HTS[0], dtype=torch.bool).triu_(1)
        bias_BHTS = bias_BHTS.masked_fill(later_TS, lowest)
    if padding_BS is not None:
        bias_BHTS = bias_BHTS.masked_fill(~padding_BS[:, None, None], lowest)
    if kernel == "explicit":
        return Masking(kernel, bias_BHTS.expand(len(like), -1, -1, -1).flatten(0, 1))
    return Masking(kernel, bias_BHTS)


def ancestry_masking(
    kernel: Kernel, heads: int, slots: Slots, like: Tensor, slopes_H: Tensor | None = None
) -> Masking:
    """Return the masking of K beams over the slots that they descend from.

    The fused kernel gets the written slots alone. Explicit products get the whole buffer, since they
    would copy a part of it; what is not written is masked. With ``slopes_H``, each head's scores fall
    by its slope with every position that lies between.
    """
    ancestry_BKX = slots.ancestry_BKX
    if slopes_H is not None:
        return _ancestry_with_slopes(kernel, slopes_H, slots, like)
    if kernel == "fused":
        return Masking(kernel, None if ancestry_BKX is None else ancestry_BKX[:, None])
    if ancestry_BKX is None and slots.used == slots.room:
        return Masking(kernel)
    B, K = (1, 1) if ancestry_BKX is None else ancestry_BKX.shape[:2]
    lowest = torch.finfo(like.dtype).min
    bias_BKX = torch.full((B, K, slots.room), lowest, dtype=like.dtype, device=like.device)
    if ancestry_BKX is None:
        bias_BKX[:, :, : slots.used] = 0
        return Masking(kernel, bias_BKX)
    bias_BKX[:, :, : slots.used].masked_fill_(ancestry_BKX, 0)
    return Masking(kernel, bias_BKX.repeat_interleave(heads, dim=0))  # (B·H, K, X)


def _ancestry_with_slopes(kernel: Kernel, slopes_H: Tensor, slots: Slots, like_BKD: Tensor) -> Masking:
    B, K, _ = like_BKD.shape
    X = slots.used if kernel == "fused" else slots.room
    count = torch.tensor(slots.written_at, device=like_BKD.device)
    back_X = torch.arange(slots.position - 1, -1, -1, device=count.device).repeat_interleave(count)
    lowest = torch.finfo(like_BKD.dtype).min
    bias_BHKX = like_BKD.new_full((B, len(slopes_H), K, X), lowest)
    bias_BHKX[..., : slots.used] = (-slopes_H[:, None] * back_X)[:, None]
    if slots.ancestry_BKX is not None:
        hidden_BKX = ~slots.ancestry_BKX
        bias_BHKX[..., : slots.used].masked_fill_(hidden_BKX[:, None], lowest)
    return Masking(kernel, bias_BHKX if kernel == "fused" else bias_BHKX.flatten(0, 1))


def attention_weights(q_BHTE: Tensor, k_BHSE: Tensor, masking: Masking) -> Tensor:
    """Return softmax(Q Kᵀ / √E) (B, H, T, S), from explicit scores.

    Args:
        q_BHTE: queries.
        k_BHSE: keys.
        masking: of the explicit kernel.
    """
    if masking.kernel != "explicit":
        raise ValueError("weights need the explicit kernel's masking")
    scores_BHTS = q_BHTE @ k_BHSE.transpose(2, 3) * _scale(masking, q_BHTE.shape[-1])
    if masking.mask is not None:
        mask = masking.mask
        if mask.dim() == 3:  # (B·H, 1 or T, S); the causal mask alone is (T, S)
            mask = mask.view(*scores_BHTS.shape[:2], *mask.shape[1:])
        scores_BHTS = scores_BHTS + mask
    return scores_BHTS.softmax(dim=-1)


def attend(q_BHTE: Tensor, k_BHSE: Tensor, v_BHSE: Tensor, masking: Masking) -> Tensor:
    """Return softmax(Q Kᵀ / √E) V (equation 1), (B, H, T, E)."""
    if masking.kernel == "fused":
        return functional.scaled_dot_product_attention(
            q_BHTE,
            k_BHSE,
            v_BHSE,
            attn_mask=masking.mask,
            is_causal=masking.causal,
            scale=masking.scale,
        )
    B, H, T, E = q_BHTE.shape  # of the values another width, where ``key_width`` says so
    k_XES = k_BHSE.flatten(0, 1).transpose(1, 2)  # X = B·H
    bias, beta = (masking.mask, 1) if masking.mask is not None else (q_BHTE.new_zeros(1), 0)
    scores_XTS = torch.baddbmm(bias, q_BHTE.flatten(0, 1), k_XES, beta=beta, alpha=_scale(masking, E))
    return torch.bmm(scores_XTS.softmax(dim=-1), v_BHSE.flatten(0, 1)).view(B, H, T, -1)


def _scale(masking: Masking, width: int) -> float:
    return width**-0.5 if masking.scale is None else masking.scale


def rotated(q_BHNE: Tensor, k_BHNE: Tensor, masking: Masking) -> tuple[Tensor, Tensor]:
    """Return queries and keys of self-attention, rotated by their positions if that is wanted."""
    rotation_NE = masking.rotation_NE
    if rotation_NE is None:
        return q_BHNE, k_BHNE
    return rotate(q_BHNE, rotation_NE), rotate(k_BHNE, rotation_NE)


def projection(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear map with Glorot-uniform weights and zero bias."""
    linear = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def split_heads(x_BNX: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """Split (B, N, parts·D) into ``parts`` tensors (B, H, N, E)."""
    B, N, X = x_BNX.shape
    split = x_BNX.view(B, N, parts, heads, X // (parts * heads))
    return split.permute(2, 0, 3, 1, 4).unbind(0)


def merge_heads(x_BHNE: Tensor) -> Tensor:
    """Concatenate the heads: (B, N, D)."""
    return x_BHNE.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Multi-head self-attention; queries, keys and values come from one product.

    ``key_width`` is that of one head's queries and keys (d_k in the paper; None: D / H).
    """

    def __init__(self, width: int, heads: int, key_width: int | None = None) -> None:
        super().__init__()
        self.heads, self.key_width = heads, key_width or width // heads
        self.keys_as_wide = self.key_width * heads == width
        self.query_key_value = projection(width, 2 * heads * self.key_width + width)
        self.out = projection(width, width)

    def project(self, x_BND: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values of all positions: (B, H, N, E) each."""
        projected = self.query_key_value(x_BND)
        if self.keys_as_wide:
            return split_heads(projected, 3, self.heads)
        keys, width = 2 * self.heads * self.key_width, self.out.in_features
        query_key, value_BND = projected.split((keys, width), dim=-1)
        return (*split_heads(query_key, 2, self.heads), *split_heads(value_BND, 1, self.heads))

    def forward(self, x_BND: Tensor, masking: Masking) -> Tensor:
        """Let every position attend to all those that ``masking`` leaves visible: (B, N, D)."""
        q, k, v = self.project(x_BND)
        q, k = rotated(q, k, masking)
        return self.out(merge_heads(attend(q, k, v, masking)))

    def weights(self, x_BND: Tensor, masking: Masking) -> Tensor:
        """Return how much each position attends to each other: (B, H, N, N)."""
        q, k, _ = self.project(x_BND)
        q, k = rotated(q, k, masking)
        return attention_weights(q, k, masking)

    def empty_cache(self, like_BXX: Tensor) -> Cache:
        """Return the cache before the first step: the batch size, device and type of ``like_BXX``."""
        widths = (self.key_width, self.out.in_features // self.heads)
        return Cache(*(like_BXX.new_empty(len(like_BXX), self.heads, 0, width) for width in widths))

    def step(
        self, x_BKD: Tensor, cache: Cache, before: Slots, after: Slots, masking: Masking
    ) -> tuple[Tensor, Cache]:
        """Let the next position of K beams attend to itself and to its ancestors.

        Args:
            x_BKD: (B, K, D).
            cache: keys and values before the step.
            before: which of them are written.
            after: the same after this step.
            masking: of the beams over the latter (``ancestry_masking``).

        Returns:
            (B, K, D), and the longer cache.
        """
        q, k, v = self.project(x_BKD)
        q, k = rotated(q, k, masking)
        k, v = cache = append(cache, k, v, before, after)
        if masking.kernel == "fused":
            k, v = k[:, :, : after.used], v[:, :, : after.used]
        return self.out(merge_heads(attend(q, k, v, masking))), cache


class CrossAttention(nn.Module):
    """Multi-head attention of targets to the source; keys and values come from one product.

    ``key_width`` is that of one head's queries and keys (d_k in the paper; None: D / H).
    """

    def __init__(self, width: int, heads: int, key_width: int | None = None) -> None:
        super().__init__()
        self.heads, keys = heads, heads * (key_width or width // heads)
        self.query = projection(width, keys)
        self.key_value = projection(width, keys + width)
        self.out = projection(width, width)

    def keys_values(self, states_BSD: Tensor) -> Cache:
        """Project the source states, once for all target positions."""
        projected = self.key_value(states_BSD)
        keys, width = self.query.out_features, self.out.in_features
        if keys == width:
            return Cache(*split_heads(projected, 2, self.heads))
        parts = projected.split((keys, width), dim=-1)
        return Cache(*(split_heads(part, 1, self.heads)[0] for part in parts))

    def forward(self, x_BTD: Tensor, cache: Cache, masking: Masking) -> Tensor:
        """Let every target position attend to the source: (B, T, D)."""
        (q,) = split_heads(self.query(x_BTD), 1, self.heads)
        return self.out(merge_heads(attend(q, *cache, masking)))

    def weights(self, x_BTD: Tensor, cache: Cache, masking: Masking) -> Tensor:
        """Return how much each target position attends to each of the source: (B, H, T, S)."""
        (q,) = split_heads(self.query(x_BTD), 1, self.heads)
        return attention_weights(q, cache.k_BHSE, masking)


class BareAttention(nn.Module):
    """The O(n²·d) part alone: softmax(X Xᵀ / √E) X in each head, no projections, no parameters."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x_BND: Tensor, masking: Masking) -> Tensor:
        """Let every position attend to all those that ``masking`` leaves visible: (B, N, D)."""
        (x_BHNE,) = split_heads(x_BND, 1, self.heads)
        return merge_heads(attend(x_BHNE, x_BHNE, x_BHNE, masking))
