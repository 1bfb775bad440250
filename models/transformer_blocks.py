"""The Transformer's encoder and decoder layers: Vaswani et al. 2017, section 3.1 and figure 1.

B batch, S source positions, T target positions, D width, F inner width of the feed-forward network.
"""

from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from models.attention import CrossAttention, Masking, SelfAttention, projection
from models.cache import Cache, Slots
from models.dropout import Dropout

if TYPE_CHECKING:
    from models.transformer_config import TransformerConfig


class FeedForward(nn.Module):
    """Position-wise feed-forward network (section 3.3, equation 2)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.widen = projection(width, inner)
        self.narrow = projection(inner, width)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Apply the network at every position: (B, N, D)."""
        return self.narrow(functional.relu(self.widen(x_BND), inplace=True))


class Residual(nn.Module):
    """What surrounds a sub-layer: dropout, residual connection and layer normalisation.

    ``post`` normalises the sum as the paper does (section 3.1); ``pre`` normalises the sub-layer's
    input (Xiong et al. 2020, figure 1b); ``none`` does neither. Without ``residual`` nothing is added.
    """

    def __init__(self, config: "TransformerConfig") -> None:
        super().__init__()
        self.norm = nn.Identity() if config.norm == "none" else nn.LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)
        self.pre, self.residual = config.norm == "pre", config.residual

    def before(self, x: Tensor) -> Tensor:
        """Return the sub-layer's input from the residual stream ``x`` (..., D)."""
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the residual stream after the sub-layer gave ``output`` (..., D)."""
        x = x + self.dropout(output) if self.residual else self.dropout(output)
        return x if self.pre else self.norm(x)


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network if there is one."""

    def __init__(self, config: "TransformerConfig", kind: type[SelfAttention] = SelfAttention) -> None:
        super().__init__()
        self.attention = kind(config.width, config.heads, config.key_width)
        self.attention_residual = Residual(config)
        self.has_feedforward = config.inner > 0
        if self.has_feedforward:
            self.feedforward = FeedForward(config.width, config.inner)
            self.feedforward_residual = Residual(config)

    def forward(self, x_BSD: Tensor, masking: Masking) -> Tensor:
        """Map (B, S, D) to (B, S, D)."""
        output = self.attention(self.attention_residual.before(x_BSD), masking)
        x_BSD = self.attention_residual.after(x_BSD, output)
        if not self.has_feedforward:
            return x_BSD
        output = self.feedforward(self.feedforward_residual.before(x_BSD))
        return self.feedforward_residual.after(x_BSD, output)


class LayerCache(NamedTuple):
    """What one decoder layer keeps while decoding."""

    own: Cache  # of the target positions so far
    source: Cache | None  # of the source positions, constant; None: there is no source


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the source if there is one, then the feed-forward network."""

    def __init__(
        self,
        config: "TransformerConfig",
        kind: type[SelfAttention] = SelfAttention,
        *,
        has_source: bool = True,
    ) -> None:
        super().__init__()
        self.has_source, self.has_feedforward = has_source, config.inner > 0
        self.attention = kind(config.width, config.heads, config.key_width)
        self.attention_residual = Residual(config)
        if has_source:
            self.cross = CrossAttention(config.width, config.heads, config.key_width)
            self.cross_residual = Residual(config)
        if self.has_feedforward:
            self.feedforward = FeedForward(config.width, config.inner)
            self.feedforward_residual = Residual(config)

    def forward(
        self, x_BTD: Tensor, states_BSD: Tensor, own_masking: Masking, source_masking: Masking
    ) -> Tensor:
        """Map (B, T, D) to (B, T, D), all target positions at once."""
        output = self.attention(self.attention_residual.before(x_BTD), own_masking)
        x_BTD = self.attention_residual.after(x_BTD, output)
        return self.rest(x_BTD, self._source(states_BSD), source_masking)

    def source_weights(
        self, x_BTD: Tensor, states_BSD: Tensor, own_masking: Masking, source_masking: Masking
    ) -> Tensor:
        """Return what ``forward`` of the same arguments attends to in the source: (B, H, T, S)."""
        output = self.attention(self.attention_residual.before(x_BTD), own_masking)
        before_BTD = self.cross_residual.before(self.attention_residual.after(x_BTD, output))
        return self.cross.weights(before_BTD, self.cross.keys_values(states_BSD), source_masking)

    def start(self, states_BSD: Tensor) -> LayerCache:
        """Return the cache before the first step."""
        source = self._source(states_BSD)
        if source is not None:  # else every step would
            source = Cache(*(tensor_BHSE.contiguous() for tensor_BHSE in source))
        return LayerCache(self.attention.empty_cache(states_BSD), source)

    def step(
        self,
        x_BKD: Tensor,
        cache: LayerCache,
        before: Slots,
        after: Slots,
        own_masking: Masking,
        source_masking: Masking,
    ) -> tuple[Tensor, LayerCache]:
        """Map the next target position of K beams (B, K, D), and return the longer cache."""
        before_BKD = self.attention_residual.before(x_BKD)
        output, own = self.attention.step(before_BKD, cache.own, before, after, own_masking)
        x_BKD = self.attention_residual.after(x_BKD, output)
        return self.rest(x_BKD, cache.source, source_masking), cache._replace(own=own)

    def _source(self, states_BSD: Tensor) -> Cache | None:
        return self.cross.keys_values(states_BSD) if self.has_source else None

    def rest(self, x_BTD: Tensor, source: Cache | None, source_masking: Masking) -> Tensor:
        """Apply what follows self-attention."""
        if source is not None:
            output = self.cross(self.cross_residual.before(x_BTD), source, source_masking)
            x_BTD = self.cross_residual.after(x_BTD, output)
        if not self.has_feedforward:
            return x_BTD
        output = self.feedforward(self.feedforward_residual.before(x_BTD))
        return self.feedforward_residual.after(x_BTD, output)
