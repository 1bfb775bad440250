"""The layers of the linear Transformer (Katharopoulos et al. 2020).

B batch, S source positions, T target positions, N positions, D width, H heads.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from models.attention import projection
from models.base import Memory
from models.dropout import Dropout
from models.kernel_attention import LinearCrossAttention, LinearSelfAttention, Sums

if TYPE_CHECKING:
    from models.linear_attention import LinearAttentionConfig


class FeedForward(nn.Module):
    """Layer norm, then the position-wise feed-forward network (Vaswani et al. 2017, equation 2)."""

    def __init__(self, config: "LinearAttentionConfig") -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.widen = projection(config.width, config.inner)
        self.narrow = projection(config.inner, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., D) to (..., D)."""
        return self.narrow(functional.relu(self.widen(self.norm(x)), inplace=True))


class EncoderLayer(nn.Module):
    """Linear self-attention over the whole source, then the feed-forward network."""

    def __init__(self, config: "LinearAttentionConfig") -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.attention = LinearSelfAttention(config.width, config.heads)
        self.feedforward = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BSD: Tensor, mask_BS: Tensor | None) -> Tensor:
        """Map (B, S, D) to (B, S, D)."""
        x_BSD = x_BSD + self.dropout(self.attention(self.norm(x_BSD), mask_BS))
        return x_BSD + self.dropout(self.feedforward(x_BSD))


class LayerState(NamedTuple):
    """What one decoder layer keeps while decoding."""

    own: Sums  # over the target positions so far
    source: Sums | None  # over the source, constant; None: there is no source


class DecoderLayer(nn.Module):
    """Causal linear self-attention, linear attention to a source if there is one, feed-forward."""

    def __init__(self, config: "LinearAttentionConfig", *, has_source: bool) -> None:
        super().__init__()
        self.has_source = has_source
        self.norm = nn.LayerNorm(config.width)
        self.attention = LinearSelfAttention(config.width, config.heads)
        if has_source:
            self.cross_norm = nn.LayerNorm(config.width)
            self.cross = LinearCrossAttention(config.width, config.heads)
        self.feedforward = FeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BTD: Tensor, memory: Memory) -> Tensor:
        """Map (B, T, D) to (B, T, D), all target positions at once."""
        return self._rest(self.own(x_BTD), self.source(memory))

    def own(self, x_BTD: Tensor) -> Tensor:
        """Return the residual stream after self-attention."""
        return x_BTD + self.dropout(self.attention(self.norm(x_BTD), causal=True))

    def source(self, memory: Memory) -> Sums | None:
        """Return the sums over the source."""
        return self.cross.sums(memory.states, memory.mask) if self.has_source else None

    def source_weights(self, x_BTD: Tensor, memory: Memory) -> Tensor:
        """Return what ``forward`` of the same arguments reads from the source: (B, H, T, S)."""
        return self.cross.weights(self.cross_norm(self.own(x_BTD)), memory.states, memory.mask)

    def step(self, x_BD: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Map the next target position (B, D)."""
        output_BD, own = self.attention.step(self.norm(x_BD), state.own)
        x_BTD = (x_BD + self.dropout(output_BD))[:, None]
        return self._rest(x_BTD, state.source)[:, 0], LayerState(own, state.source)

    def _rest(self, x_BTD: Tensor, source: Sums | None) -> Tensor:
        if source is not None:
            x_BTD = x_BTD + self.dropout(self.cross(self.cross_norm(x_BTD), source))
        return x_BTD + self.dropout(self.feedforward(x_BTD))


class MeasuredAttention(nn.Module):
    """Linear self-attention as a measured layer (see models.layer)."""

    def __init__(self, config: "LinearAttentionConfig", causal: bool) -> None:
        super().__init__()
        self.attention, self.causal = LinearSelfAttention(config.width, config.heads), causal

    def forward(self, x_BND: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        return self.attention(x_BND, causal=self.causal)

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply the layer once to the previous iterate, or to the input at first."""
        output_BND = self(x_BND if state is None else state)
        return output_BND, output_BND
