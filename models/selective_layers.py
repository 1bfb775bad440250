"""The layers of the selective state-space model (Gu & Dao 2023).

B batch, S source positions, T target positions, N positions, D width, I inner width, M state size.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.attention import CrossAttention, Masking
from models.cache import Cache
from models.dropout import Dropout
from models.mamba_block import BlockSizes, BlockState, MambaBlock
from models.minimal_recurrence import doubled

if TYPE_CHECKING:
    from models.selective_ssm import SelectiveConfig


class EncoderLayer(nn.Module):
    """x + Mamba(norm(x)), and the same read from the end if there is a second block."""

    def __init__(self, config: "SelectiveConfig") -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.block = MambaBlock(config.sizes)
        self.backward_block = MambaBlock(config.sizes) if config.bidirectional else None
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BSD: Tensor, order_BSD: Tensor | None) -> Tensor:
        """Map (B, S, D) to (B, S, D); ``order_BSD``: the place that each one changes with."""
        input_BSD = self.norm(x_BSD)
        output_BSD = self.block(input_BSD)
        if self.backward_block is not None and order_BSD is not None:
            reversed_BSD = self.backward_block(input_BSD.gather(1, order_BSD))
            output_BSD = output_BSD + reversed_BSD.gather(1, order_BSD)
        return x_BSD + self.dropout(output_BSD)


class DecoderLayer(nn.Module):
    """x + Mamba(norm(x)), then attention to the source if there is one."""

    def __init__(self, config: "SelectiveConfig", *, has_source: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.block = MambaBlock(config.sizes)
        self.has_source = has_source
        if has_source:
            self.cross_norm = nn.LayerNorm(config.width)
            self.cross = CrossAttention(config.width, config.heads)
        self.dropout = Dropout(config.dropout)

    def own(self, x_BTD: Tensor) -> Tensor:
        """Return the residual stream after the block, all target positions at once."""
        return x_BTD + self.dropout(self.block(self.norm(x_BTD)))

    def step(self, x_BD: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Return the residual stream after the block, one position further."""
        output_BD, state = self.block.step(self.norm(x_BD), state)
        return x_BD + self.dropout(output_BD), state

    def source(self, states_BSD: Tensor) -> Cache | None:
        """Return keys and values of the source."""
        return self.cross.keys_values(states_BSD) if self.has_source else None

    def read(self, x_BTD: Tensor, source: Cache | None, visible: Masking) -> Tensor:
        """Return the residual stream after attention to the source."""
        if source is None:
            return x_BTD
        return x_BTD + self.dropout(self.cross(self.cross_norm(x_BTD), source, visible))


class MeasuredBlock(nn.Module):
    """A Mamba block as a measured layer (see models.layer)."""

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        self.block = MambaBlock(sizes)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        return self.block(x_BND)

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Compute the scan's inputs, then combine those twice as far apart with every update."""
        selected, gate_BNI = self.block.inputs(x_BND)
        delta, x, B, C = selected
        if state is None:
            decay_BNIM = torch.exp(delta[..., None] * self.block.rates())
            h_BNIM = (delta * x)[..., None] * B[:, :, None]
            state = (decay_BNIM, h_BNIM, 1)
        else:
            h_BNIM, state = doubled(*state)
        y_BNI = (h_BNIM * C[:, :, None]).sum(dim=-1)
        return self.block.output(y_BNI, x, gate_BNI), state
