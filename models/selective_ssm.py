"""Selective state-space model: Gu & Dao 2023, "Mamba".

B batch, S source positions, T target positions, D width, I inner width, M state size, H heads.

Encoder and decoder are stacks of pre-norm Mamba blocks, which have no feed-forward networks beside them
(section 3.4). Mamba is a decoder alone; here the source is seen as the Transformer sees it: after its
Mamba block every decoder layer attends to the encoder's states, softmax over all of them. The encoder
reads onwards, or with ``bidirectional`` every layer adds what a second block reads from the end (Zhu et
al. 2024, "Vision Mamba", section 3.3).
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from models.attention import Masking, choose_kernel, masking
from models.base import Memory, Seq2Seq, evaluating
from models.batch import Batch
from models.bidirectional import reversal
from models.cache import Cache
from models.cost import Cost, attention_core_flops, linear_flops, linear_parameters
from models.decoding_state import select_rows
from models.dropout import Dropout
from models.headed import HeadedConfig
from models.layer import Layer
from models.mamba_block import WINDOW, BlockSizes, BlockState
from models.minimal_recurrence import scan_depth
from models.problem import Problem
from models.recurrent import embedding_flops, head_flops
from models.search import Choice, Space
from models.selective_layers import DecoderLayer, EncoderLayer, MeasuredBlock


class SelectiveConfig(HeadedConfig):
    """Options of the selective state-space model."""

    fine_dial: ClassVar[str | None] = "states"

    layers: int = Field(2, gt=0, description="Mamba blocks in the encoder, and in the decoder")
    states: int = Field(16, gt=0, description="M: state size of each channel")
    expand: int = Field(2, gt=0, description="inner width over width")
    rank: int | None = Field(None, gt=0, description="R: of the step size's map; None: width / 16, up")
    heads: int = Field(
        4, gt=0, description="H: of the attention to the source; width is a multiple of it"
    )
    bidirectional: bool = Field(False, description="encoder: a second block a layer reads from the end")

    @property
    def sizes(self) -> BlockSizes:
        """Return the sizes of a block."""
        rank = self.rank or -(-self.width // 16)
        return BlockSizes(self.width, self.expand * self.width, self.states, rank)


class DecoderState(NamedTuple):
    """What decoding keeps, a layer each."""

    blocks: list[BlockState]
    sources: list[Cache | None]


class SelectiveSSM(Seq2Seq):
    """Mamba: a state space whose step size, input and output maps depend on the input."""

    Config = SelectiveConfig
    config: SelectiveConfig
    version = 2  # depth is counted as of parallel hardware
    decoder_only = True
    shares_source = True
    citation = "Gu & Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces"

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned: how much a channel can hold."""
        return {"model.states": Choice((8, 16, 32), why="Gu and Dao 2023, table 10")}

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return further options that the conformance suite covers."""
        return [
            {"layers": 1, "states": 3, "expand": 1, "rank": 3, "heads": 1},
            {"bidirectional": True},
        ]

    def build(self, config: SelectiveConfig) -> None:
        """Create the layers; each stack ends with a normalisation."""
        self.dropout = Dropout(config.dropout)
        if self.has_encoder:
            self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
            self.encoder_end = nn.LayerNorm(config.width)
        if self.has_decoder:
            self.decoder = nn.ModuleList(
                DecoderLayer(config, has_source=self.has_encoder) for _ in range(config.layers)
            )
            self.decoder_end = nn.LayerNorm(config.width)

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Encode embedded source positions."""
        order_BSD = None
        if self.config.bidirectional:
            order_BSD = reversal(source_BSD, mask_BS)[..., None].expand_as(source_BSD)
        x_BSD = self.dropout(source_BSD)
        for layer in self.encoder:
            x_BSD = layer(x_BSD, order_BSD)
        return Memory(self.encoder_end(x_BSD), mask_BS)

    def summarise(self, memory: Memory) -> Tensor:
        """Return (B, D): the state at the last position, or its mean with the first's, if both read."""
        last_BD = super().summarise(memory)
        return (last_BD + memory.states[:, 0]) / 2 if self.config.bidirectional else last_BD

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Return the output states (B, T, D), all at once."""
        visible = self._visible(target_BTD, memory)
        x_BTD = self.dropout(target_BTD)
        for layer in self._decoder_layers():
            x_BTD = layer.read(layer.own(x_BTD), layer.source(memory.states), visible)
        return self.decoder_end(x_BTD)

    def start(self, memory: Memory) -> DecoderState:
        """Return each layer's zero state, and the source's keys and values."""
        layers = list(self._decoder_layers())
        sources = [layer.source(memory.states) for layer in layers]
        contiguous = [
            None if source is None else Cache(*(tensor.contiguous() for tensor in source))
            for source in sources
        ]
        return DecoderState([layer.block.start(memory.states) for layer in layers], contiguous)

    def step(
        self, target_BD: Tensor, state: DecoderState, memory: Memory
    ) -> tuple[Tensor, DecoderState]:
        """Decode one position, of K rows for each of the memory: they attend to it together."""
        x_ND, blocks = self.dropout(target_BD), []
        shape_BKD = (len(memory.states), -1, target_BD.shape[1])
        visible = self._visible(x_ND.view(shape_BKD), memory)
        for layer, block, source in zip(self._decoder_layers(), *state, strict=True):
            x_ND, block = layer.step(x_ND, block)
            x_ND = layer.read(x_ND.view(shape_BKD), source, visible).view_as(x_ND)
            blocks.append(block)
        return self.decoder_end(x_ND), DecoderState(blocks, state.sources)

    def select(self, state: DecoderState, rows_N: Tensor, sources_B: Tensor | None) -> DecoderState:
        """Select rows; the source's keys and values are copied only where sources leave."""
        sources = state.sources if sources_B is None else select_rows(state.sources, sources_B)
        return DecoderState(select_rows(state.blocks, rows_N), sources)

    @torch.no_grad()
    def attention_maps(self, batch: Batch) -> dict[str, Tensor]:
        """Return the attention of each head to the source, as ``layer 1 head 1`` and so on."""
        maps: dict[str, Tensor] = {}
        if not (self.has_encoder and self.has_decoder):
            return maps
        with evaluating(self):
            memory = self.encode_source(batch.source, batch.source_mask)
            x_BTD = self.target_embedding(self.shift_right(batch.target))
            T, S = x_BTD.shape[1], memory.states.shape[1]
            visible = masking("explicit", self.config.heads, T, S, x_BTD, memory.mask)
            for number, layer in enumerate(self._decoder_layers(), start=1):
                x_BTD, source = layer.own(x_BTD), cast(Cache, layer.source(memory.states))
                weights_BHTS = layer.cross.weights(layer.cross_norm(x_BTD), source, visible)
                for head, weights_BTS in enumerate(weights_BHTS.unbind(dim=1), start=1):
                    maps[f"layer {number} head {head}"] = weights_BTS
                x_BTD = layer.read(x_BTD, source, visible)
        return maps

    def _decoder_layers(self) -> Iterable[DecoderLayer]:
        return cast(Iterable[DecoderLayer], self.decoder)

    def _visible(self, x_BTD: Tensor, memory: Memory) -> Masking:
        T, S = x_BTD.shape[1], memory.states.shape[1]
        kernel = choose_kernel("auto", T, S, x_BTD.device)
        return masking(kernel, self.config.heads, T, S, x_BTD, memory.mask)

    @classmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        """Return the parameter count without embeddings (or input map) and output projection."""
        D, norm = config.width, 2 * config.width
        block = config.sizes.parameters()
        cross = problem.has_source * (4 * linear_parameters(D, D) + norm)
        encoder = config.layers * ((1 + config.bidirectional) * block + norm) + norm
        decoder = config.layers * (block + norm + cross) + norm
        return problem.has_source * encoder + problem.has_target * decoder

    @classmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory for one example; a scan over n positions is a chain of about log2 n."""
        D, S, T, sizes = config.width, source_length, target_length, config.sizes
        layer = (1 + config.bidirectional) * sizes.flops(S) + sizes.flops(T)
        if S and T:
            maps = 2 * linear_flops(D, D, T) + 2 * linear_flops(D, D, S)
            layer += maps + attention_core_flops(D, T, S)
        kept = sizes.inner * (sizes.states + WINDOW - 1) + 2 * D * S
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=config.layers * layer + embedding_flops(problem, D, S) + head_flops(problem, D, S, T),
            sequential_operations=config.layers * (scan_depth(S) + scan_depth(T)),
            path_length=1 if S and T else scan_depth(max(S, T)),
            state_size=config.layers * kept if T else 0,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return one Mamba block."""
        return {
            "selective_scan": Layer(
                description="one Mamba block, by a parallel scan: n·d·m of it for m states a channel",
                build=lambda config: MeasuredBlock(config.sizes),
                complexity="n·d²",
                sequential="log n",
                path="log n",
                flop_exponents=(1.0, 2.0),
                memory_exponent=1.0,
                parameters=lambda config: config.sizes.parameters(),
                flops=lambda config, n: config.sizes.flops(n),
                sequential_operations=scan_depth,
                path_length=lambda k: scan_depth(max(0, k - (WINDOW - 1)) + 1),
            )
        }
