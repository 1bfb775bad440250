"""The Transformer with restricted self-attention: Vaswani et al. 2017, section 4 and table 1.

B batch, S source positions, T target positions, N positions, D width, H heads, E width of a head,
r window.

In the encoder a position sees the r positions centred on it, in the decoder itself and the r - 1
before it. Attention to the source is not restricted.
"""

from typing import Any, NamedTuple

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from models.attention import Kernel, Masking, choose_kernel
from models.base import Memory
from models.cache import Cache
from models.cost import linear_flops
from models.decoding_state import select_rows
from models.layer import Layer
from models.local_attention import Band, LocalMasking, LocalSelfAttention, local_masking
from models.positions import SinusoidalPositions
from models.problem import Problem
from models.search import Choice, Space
from models.transformer import Transformer, TransformerConfig
from models.transformer_blocks import EncoderLayer
from models.transformer_meeting import ahead, slopes
from models.transformer_parts import (
    attention_parameters,
    encoder_layer_parameters,
    feedforward_flops,
)


class LocalConfig(TransformerConfig):
    """Options of the Transformer with restricted self-attention."""

    window: int = Field(33, gt=1, description="r: positions that each one sees, itself included; odd")

    @field_validator("window")
    @classmethod
    def _has_a_centre(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"window = {window} has no centre; the nearest valid is {window + 1}")
        return window

    @property
    def band(self) -> Band:
        """Return what a position of the encoder sees."""
        return Band(self.window // 2, self.window // 2)

    @property
    def causal_band(self) -> Band:
        """Return what a position of the decoder sees."""
        return Band(self.window - 1, 0) if self.causal else self.band


class LocalState(NamedTuple):
    """What decoding keeps."""

    own: list[Cache]  # each layer's last r - 1 target positions, a row each
    source: list[Cache | None]  # each layer's keys and values of the source, one row a source
    position: int


class LocalTransformer(Transformer):
    """Transformer whose positions see a window of their sequence: O(r·n·d) in time and memory."""

    Config = LocalConfig
    config: LocalConfig
    kind = LocalSelfAttention
    citation = "Vaswani et al. 2017, Attention Is All You Need, section 4: restricted self-attention"

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned for the Transformer, and how far a position sees."""
        window = Choice((17, 33, 65), why="Vaswani et al. 2017, section 4")
        return {**super().own_search_space(), "model.window": window}

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return the options that the conformance suite tries beside the default."""
        return [
            {"window": 5, "positions": "rotary", "attention": "explicit"},
            {"window": 3, "positions": "alibi", "layers": 4},
            {"window": 7, "attention": "fused", "layers": 2},
            {"window": 5, "key_width": 3, "heads": 2},
        ]

    @classmethod
    def receptive_field(cls, config: LocalConfig) -> int:
        """Return 1 + L·(r - 1)/2: every layer sees so much further to the left."""
        return 1 + config.layers * config.band.left

    def own_meeting(  # type: ignore[override]
        self,
        x_BND: Tensor,
        padding_BN: Tensor | None = None,
        causal: bool | None = None,
        kernel: Kernel | None = None,
    ) -> LocalMasking:
        """Return how the positions of one sequence meet; ``causal`` None: those of the encoder."""
        band = self.config.band if causal is None else self.config.causal_band
        return _local(self.config, self.rotary, band, x_BND, padding_BN, kernel)

    def start(self, memory: Memory) -> LocalState:  # type: ignore[override]
        """Return for each layer no target yet, and the source's keys and values."""
        caches = [layer.start(memory.states) for layer in self.decoder_layers()]
        return LocalState([cache.own for cache in caches], [cache.source for cache in caches], 0)

    def step(  # type: ignore[override]
        self, target_BD: Tensor, state: LocalState, memory: Memory
    ) -> tuple[Tensor, LocalState]:
        """Decode one position, of K rows for each of the memory; r - 1 positions are kept."""
        sources, first = len(memory.states), state.position
        x_ND = self.enter(target_BD[:, None], self.target_positions, first=first)[:, 0]
        band = self.config.causal_band._replace(right=0)
        own = self._window(x_ND, first, band)
        x_BKD = x_ND.view(sources, -1, x_ND.shape[1])
        source, caches = self.source_meeting(x_BKD, memory), []
        for layer, cache, given in zip(self.decoder_layers(), state.own, state.source, strict=True):
            before_ND = layer.attention_residual.before(x_ND)
            attention: Any = layer.attention
            output_ND, cache = attention.step_in_window(before_ND, cache, band, own)
            x_ND = layer.attention_residual.after(x_ND, output_ND)
            x_ND = layer.rest(x_ND.view_as(x_BKD), given, source).view_as(x_ND)
            caches.append(cache)
        return self.decoder_end(x_ND), LocalState(caches, state.source, first + 1)

    def select(  # type: ignore[override]
        self, state: LocalState, rows_N: Tensor, sources_B: Tensor | None
    ) -> LocalState:
        """Select rows; the source's keys and values are copied only where sources leave."""
        source = state.source if sources_B is None else select_rows(state.source, sources_B)
        return LocalState(select_rows(state.own, rows_N), source, state.position)

    def _window(self, x_ND: Tensor, first: int, band: Band) -> Masking:
        """Return how the position ``first`` meets itself and what is kept before it."""
        keys, slopes_H = min(first, band.left) + 1, slopes(self.config, x_ND)
        found = Masking(choose_kernel(self.config.attention, 1, keys, x_ND.device))
        if slopes_H is not None:
            back_X = torch.arange(keys - 1, -1, -1, dtype=x_ND.dtype, device=x_ND.device)
            bias = (-slopes_H[:, None] * back_X)[None, :, None].expand(len(x_ND), -1, -1, -1)
            found = found._replace(mask=bias if found.kernel == "fused" else bias.flatten(0, 1))
        return ahead(found, self.config, self.rotary, first, x_ND)

    @classmethod
    def self_attention_flops(cls, config: LocalConfig, positions: int) -> int:
        """Return the FLOPs of one self-attention of the encoder, or of the decoder: as many."""
        return _local_flops(config, positions)

    @classmethod
    def path_length(cls, config: LocalConfig, problem: Problem, S: int, T: int) -> int:
        """Return attentions between the farthest positions; that to the source joins any two."""
        if problem.has_target and problem.has_source:
            return 1
        reach = config.band.left if problem.has_source else config.causal_band.left
        return max(1, -(-((S or T) - 1) // reach))

    @classmethod
    def kept_targets(cls, config: LocalConfig, T: int) -> int:
        """Return how many target positions a layer's cache keeps after T of them."""
        return min(T, config.causal_band.left)

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return restricted attention, and the whole encoder layer."""

        def layer(what: str, make: Any, parameters: Any, flops: Any) -> Layer:
            return Layer(
                description=f"{what}; memory n·r with explicit scores, n with the fused kernel",
                build=lambda config: LocalLayer(make(config), config),
                complexity="r·n·d",
                sequential="1",
                path="n/r",
                flop_exponents=(1.0, 2.0),  # of the projections; r is a constant
                memory_exponent=1.0,
                explicit_memory_exponent=1.0,
                parameters=parameters,
                flops=flops,
                sequential_operations=lambda n: 1,
                path_length=lambda k: _path(cls.Config(), k),
                path_by_options=_path,
            )

        def whole_flops(config: LocalConfig, n: int) -> int:
            return _local_flops(config, n) + feedforward_flops(config.width, config.inner, n)

        return {
            "local_attention": layer(
                "multi-head self-attention over a window of r: 8·n·d² + 6·r·n·d FLOPs",
                lambda config: LocalSelfAttention(config.width, config.heads, config.key_width),
                lambda config: attention_parameters(config.width, config.joint_key_width),
                _local_flops,
            ),
            "transformer": layer(
                "whole encoder layer, restricted attention and feed-forward network",
                lambda config: EncoderLayer(config, LocalSelfAttention),
                encoder_layer_parameters,
                whole_flops,
            ),
        }


class LocalLayer(nn.Module):
    """A layer over an unpadded sequence where every position sees a window, as the encoder's do."""

    def __init__(self, inner: nn.Module, config: LocalConfig) -> None:
        super().__init__()
        self.inner, self.config = inner, config
        self.rotary = SinusoidalPositions(config.head_key_width)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        return self.inner(x_BND, _local(self.config, self.rotary, self.config.band, x_BND))

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply the layer once to the previous iterate, or to the input at first."""
        output_BND = self(x_BND if state is None else state)
        return output_BND, output_BND


def _local(
    config: LocalConfig,
    rotary: SinusoidalPositions,
    band: Band,
    x_BND: Tensor,
    padding_BN: Tensor | None = None,
    kernel: Kernel | None = None,
) -> LocalMasking:
    C, Q, X = band.blocks(x_BND.shape[1])
    kernel = kernel or choose_kernel(config.attention, C * Q, X, x_BND.device)
    found = local_masking(kernel, config.heads, band, x_BND, padding_BN, slopes(config, x_BND))
    found = ahead(found, config, rotary, 0, x_BND, x_BND.shape[1])
    return LocalMasking(found._replace(rotation_NE=None), band, found.rotation_NE)


def _local_flops(config: LocalConfig, positions: int) -> int:
    D, keys = config.width, config.joint_key_width
    maps = 2 * linear_flops(D, keys, positions) + 2 * linear_flops(D, D, positions)
    return maps + config.band.flops(D, positions, keys)


def _path(config: LocalConfig, distance: int) -> int:
    return max(1, -(-distance // config.band.left))
