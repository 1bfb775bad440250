"""Convolutional seq2seq with gated linear units: Gehring et al. 2017.

B batch, S source positions, T target positions, N positions, D width, C channels, k kernel size.

The encoder's convolutions are centred, the decoder's see no later position, and every decoder layer
attends to the source. Sums are scaled by √½, so that variances stay (section 3.4). Left out are weight
normalisation and the smaller gradients of the encoder (section 3.4), which would make its gradient
profile another function's than its outputs'. Without a source the decoder is the gated convolutional
language model of Dauphin et al. 2017.

Contiguous convolutions connect two positions over n/k layers. ``dilated`` ones, with gaps 1, k, k² ...,
do so over log_k n (van den Oord et al. 2016, "WaveNet", section 2.1; Vaswani et al. 2017, section 4).
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, cast

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from models.attention import Kernel, choose_kernel
from models.base import Memory, Seq2Seq, evaluating
from models.batch import Batch
from models.config import ModelConfig
from models.conv_layers import ConvLayer, measured_layers, updates_over
from models.cost import Cost, linear_parameters
from models.dropout import Dropout
from models.gated_convolution import HALF, convolution_flops, convolution_parameters
from models.layer import Layer
from models.multi_step_attention import MultiStepAttention, Source, attended, multi_step_flops
from models.positions import LearnedPositions, SinusoidalPositions
from models.problem import Problem
from models.recurrent import embedding_flops, head_flops
from models.search import Choice, Space
from models.speed import AttentionKernel

SCALE = 0.1
"""Standard deviation of the paper's embeddings (section 3.5); those shared by all here have 1.

With larger inputs the gates begin far from a half, and variances grow from layer to layer.
"""

_WIDEST = 1 << 30  # a gap beyond any sequence; more would not fit into torch's integers


class ConvConfig(ModelConfig):
    """Options of convolutional seq2seq."""

    fine_dial = "channels"

    kernel_size: int = Field(3, gt=1, description="k: positions that one convolution meets; odd")
    layers: int = Field(4, gt=0, description="layers in the encoder, and in the decoder")
    dilated: bool = Field(False, description="gaps of 1, k, k² ... positions, layer by layer")
    channels: int | None = Field(
        None, gt=0, description="C: outputs of a convolution, mapped back to width; None: width, no map"
    )
    positions: Literal["sinusoidal", "learned", "none"] = Field(
        "sinusoidal", description="learned: as the paper has them, max_positions of them"
    )
    max_positions: int = Field(512, gt=0, description="of learned positions: how many there are")
    attention: AttentionKernel = Field("auto", description="kernel; auto: by length and device")

    @field_validator("kernel_size")
    @classmethod
    def _has_a_centre(cls, kernel_size: int) -> int:
        if kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size = {kernel_size} has no centre; the nearest valid is {kernel_size + 1}"
            )
        return kernel_size

    @property
    def dilations(self) -> tuple[int, ...]:
        """Return each layer's distance between neighbouring taps, the first layer's first."""
        if not self.dilated:
            return (1,) * self.layers
        return tuple(min(self.kernel_size**number, _WIDEST) for number in range(self.layers))


def receptive_field(config: ConvConfig) -> int:
    """Return how many source positions an encoder state far from both ends depends on.

    Half of them lie to either side. With gaps, a state near the begin does not see all within this
    reach: what it would see by way of a position before the begin is lost. A decoder state sees so many
    target positions, itself the last, whatever is near.
    """
    return 1 + (config.kernel_size - 1) * sum(config.dilations)


class ConvState(NamedTuple):
    """What decoding keeps, besides the source."""

    position: int
    past: list[Tensor]  # each layer's last inputs, (B, at most (k - 1) times its gap, D)


class Conv(Seq2Seq):
    """Gated convolutions with attention in every decoder layer; no recurrence in training."""

    Config = ConvConfig
    config: ConvConfig
    decoder_only = True
    shares_source = True
    citation = "Gehring et al. 2017, Convolutional sequence to sequence learning"

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned: how far a layer sees, and whether there are gaps."""
        return {
            "model.kernel_size": Choice((3, 5, 7), why="Gehring et al. 2017, kernel size and depth"),
            "model.dilated": Choice((False, True), why="van den Oord et al. 2016, section 2.1"),
        }

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return further options that the conformance suite covers."""
        return [
            {"dilated": True, "layers": 3, "attention": "fused"},
            {"kernel_size": 5, "channels": 7, "positions": "none", "attention": "explicit"},
            {"positions": "learned", "layers": 1},
        ]

    @classmethod
    def receptive_field(cls, config: ConvConfig) -> int:
        """Return the left half of ``receptive_field(config)``, the last position included."""
        return receptive_field(config) // 2 + 1

    def build(self, config: ConvConfig) -> None:
        """Create the encoder, the decoder, and for ``last`` the attention that summarises."""

        def stack(*, causal: bool, attends: bool) -> nn.ModuleList:
            return nn.ModuleList(
                ConvLayer(config, dilation, causal=causal, attends=attends)
                for dilation in config.dilations
            )

        def positions() -> nn.Module | None:
            if config.positions == "learned":
                return LearnedPositions(config.width, config.max_positions)
            return SinusoidalPositions(config.width) if config.positions == "sinusoidal" else None

        self.dropout = Dropout(config.dropout)
        if self.has_encoder:
            self.source_positions = positions()
            self.encoder = stack(causal=False, attends=False)
        if self.has_decoder:
            self.target_positions = positions()
            self.decoder = stack(causal=True, attends=self.has_encoder)
        if self.problem.readout == "last":
            self.summary = MultiStepAttention(config.width)

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Encode the source; ``final`` holds the values that are attended to.

        Padding is set to zero before every layer, as what lies beyond the ends is.
        """
        embedded_BSD = x_BSD = self._enter(source_BSD, self.source_positions)
        for layer in _layers(self.encoder):
            x_BSD = layer(x_BSD if mask_BS is None else x_BSD * mask_BS[..., None])
        return Memory(x_BSD, mask_BS, (x_BSD + embedded_BSD) * HALF)

    def summarise(self, memory: Memory) -> Tensor:
        """Return (B, D): the last position attends to all, as one more decoder layer would.

        Without it, an answer could depend on the receptive field of the last position alone.
        """
        last_B1D = super().summarise(memory)[:, None]
        embedded_B1D = super().summarise(memory._replace(states=memory.final))[:, None]
        return self.summary(last_B1D, embedded_B1D, self._source(memory, 1))[:, 0]

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Return the output states (B, T, D), all at once."""
        embedded_BTD = x_BTD = self._enter(target_BTD, self.target_positions)
        source = self._source(memory, x_BTD.shape[1]) if self.has_encoder else None
        for layer in _layers(self.decoder):
            x_BTD = layer(x_BTD, embedded_BTD, source)
        return x_BTD

    def start(self, memory: Memory) -> ConvState:
        """Return no input yet for each layer; zeros are what a convolution meets before the first."""
        return ConvState(0, [memory.states[:, :0] for _ in self.decoder])

    def step(self, target_BD: Tensor, state: ConvState, memory: Memory) -> tuple[Tensor, ConvState]:
        """Decode one position, of K rows for each of the memory; each layer keeps its last inputs."""
        x_ND = self._enter(target_BD[:, None], self.target_positions, state.position)[:, 0]
        embedded_ND, past = x_ND, []
        source = self._source(memory, len(x_ND) // len(memory.states)) if self.has_encoder else None
        for layer, past_NMD in zip(_layers(self.decoder), state.past, strict=True):
            x_ND, past_NMD = layer.step(x_ND, past_NMD, embedded_ND, source)
            past.append(past_NMD)
        return x_ND, ConvState(state.position + 1, past)

    @torch.no_grad()
    def attention_maps(self, batch: Batch) -> dict[str, Tensor]:
        """Return each decoder layer's attention to the source, as ``layer 1`` and so on."""
        if not (self.has_encoder and self.has_decoder):
            return {}
        maps = {}
        with evaluating(self):
            memory = self.encode_source(batch.source, batch.source_mask)
            target_BTD = self.target_embedding(self.shift_right(batch.target))
            embedded_BTD = x_BTD = self._enter(target_BTD, self.target_positions)
            source = self._source(memory, x_BTD.shape[1], "explicit")
            for number, layer in enumerate(_layers(self.decoder), start=1):
                maps[f"layer {number}"] = layer.source_weights(x_BTD, embedded_BTD, source)
                x_BTD = layer(x_BTD, embedded_BTD, source)
        return maps

    def _enter(self, x_BND: Tensor, positions: Any, first: int = 0) -> Tensor:
        """Add positions, and bring the sum to the scale that the initial weights are made for."""
        x_BND = x_BND if positions is None else positions(x_BND, first)
        return self.dropout(x_BND * SCALE)

    def _source(self, memory: Memory, queries: int, kernel: Kernel | None = None) -> Source:
        S, device = memory.states.shape[1], memory.states.device
        kernel = kernel or choose_kernel(self.config.attention, queries, S, device)
        return attended(memory.states, memory.final, memory.mask, kernel, queries)

    @classmethod
    def core_parameters(cls, config: ConvConfig, problem: Problem) -> int:
        """Return the parameter count without embeddings (or input map) and output projection."""
        D, L = config.width, config.layers
        attention = linear_parameters(D, D)
        half = L * convolution_parameters(D, config.kernel_size, config.channels)
        half += D * config.max_positions if config.positions == "learned" else 0
        count = (problem.has_source + problem.has_target) * half
        if problem.has_source and problem.has_target:
            count += L * attention
        return count + (attention if problem.readout == "last" else 0)

    @classmethod
    def cost(cls, config: ConvConfig, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory for one example.

        ``sequential_operations`` counts convolutions and attentions, one after the other;
        ``path_length`` is in layers, and 1 where an attention joins any two positions.
        """
        D, L, S, T = config.width, config.layers, source_length, target_length
        attentions = (L if T else 1 if problem.readout == "last" else 0) if S else 0
        flops = attentions * multi_step_flops(D, T or 1, S)
        for positions, causal in ((S, False), (T, True)):
            flops += sum(
                convolution_flops(
                    D,
                    config.kernel_size,
                    dilation,
                    positions,
                    causal=causal,
                    channels=config.channels,
                )
                for dilation in (config.dilations if positions else ())
            )
        kept = sum(min(T, (config.kernel_size - 1) * dilation) for dilation in config.dilations)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops + embedding_flops(problem, D, S) + head_flops(problem, D, S, T),
            sequential_operations=L * ((S > 0) + (T > 0)) + attentions,
            path_length=1 if attentions else updates_over(config, (S or T) - 1, causal=not S),
            state_size=(kept + 2 * S) * D if T else 0,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return the encoder's layer, without gaps and with gaps that grow layer by layer."""
        return measured_layers(cls.Config)


def _layers(stack: nn.ModuleList) -> Iterable[ConvLayer]:
    return cast(Iterable[ConvLayer], stack)
