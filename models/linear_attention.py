"""The linear Transformer: Katharopoulos et al. 2020, "Transformers are RNNs".

B batch, S source positions, T target positions, N positions, D width, H heads, E = D / H width of a
head, F inner width of the feed-forward network.

A pre-norm Transformer all of whose attention is linear: within the source, within the target (causal)
and from the target to the source. So the decoder sees the source as one D x E matrix a layer, whatever
its length, and its own past as another: decoding a position takes constant time and memory.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from models.base import Memory, Seq2Seq, evaluating
from models.batch import Batch
from models.cost import Cost, linear_flops, linear_parameters
from models.dropout import Dropout
from models.headed import HeadedConfig
from models.kernel_attention import (
    causal_attention_flops,
    linear_attention_flops,
)
from models.layer import Layer
from models.linear_attention_layers import DecoderLayer, EncoderLayer, LayerState, MeasuredAttention
from models.positions import SinusoidalPositions
from models.problem import Problem
from models.recurrent import embedding_flops, head_flops
from models.search import Choice, Space


class LinearAttentionConfig(HeadedConfig):
    """Options of the linear Transformer."""

    fine_dial: ClassVar[str | None] = "feedforward"

    layers: int = Field(2, gt=0, description="layers in the encoder, and in the decoder")
    feedforward: int | None = Field(None, gt=0, description="F: inner width; None: 4 x width")
    positions: Literal["sinusoidal", "none"] = "sinusoidal"

    @property
    def inner(self) -> int:
        """Return F."""
        return self.feedforward or 4 * self.width


class LinearAttention(Seq2Seq):
    """Linear Transformer: attention by the feature map elu + 1, so that decoding is a recurrence."""

    Config = LinearAttentionConfig
    config: LinearAttentionConfig
    decoder_only = True
    citation = "Katharopoulos et al. 2020, Transformers are RNNs"

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned: more heads have smaller states."""
        return {"model.heads": Choice((2, 4, 8), why="Vaswani et al. 2017, table 3 (A)")}

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return further options that the conformance suite covers."""
        return [{"layers": 1}, {"positions": "none", "heads": 1, "feedforward": 24}]

    def build(self, config: LinearAttentionConfig) -> None:
        """Create the layers; each stack ends with a normalisation."""
        self.positions = SinusoidalPositions(config.width) if config.positions != "none" else None
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
        """Encode embedded source positions; every position reads every real one."""
        x_BSD = self._enter(source_BSD)
        for layer in self.encoder:
            x_BSD = layer(x_BSD, mask_BS)
        return Memory(self.encoder_end(x_BSD), mask_BS)

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Return the output states (B, T, D); the padding on the right is never before anything."""
        x_BTD = self._enter(target_BTD)
        for layer in self.decoder:
            x_BTD = layer(x_BTD, memory)
        return self.decoder_end(x_BTD)

    def start(self, memory: Memory) -> tuple[int, list[LayerState]]:
        """Return the number of positions so far, and each layer's sums."""
        layers = self._decoder_layers()
        return 0, [
            LayerState(layer.attention.start(memory.states), layer.source(memory)) for layer in layers
        ]

    def step(
        self, target_BD: Tensor, state: tuple[int, list[LayerState]], memory: Memory
    ) -> tuple[Tensor, tuple[int, list[LayerState]]]:
        """Decode one position in constant time, from the sums alone."""
        position, layers = state
        x_BD, after = self._enter(target_BD[:, None], position)[:, 0], []
        for layer, before in zip(self._decoder_layers(), layers, strict=True):
            x_BD, own = layer.step(x_BD, before)
            after.append(own)
        return self.decoder_end(x_BD), (position + 1, after)

    @torch.no_grad()
    def attention_maps(self, batch: Batch) -> dict[str, Tensor]:
        """Return what each head reads of the source, as ``layer 1 head 1`` and so on."""
        maps: dict[str, Tensor] = {}
        if not (self.has_encoder and self.has_decoder):
            return maps
        with evaluating(self):
            memory = self.encode_source(batch.source, batch.source_mask)
            x_BTD = self._enter(self.target_embedding(self.shift_right(batch.target)))
            for number, layer in enumerate(self._decoder_layers(), start=1):
                weights_BHTS = layer.source_weights(x_BTD, memory)
                for head, weights_BTS in enumerate(weights_BHTS.unbind(dim=1), start=1):
                    maps[f"layer {number} head {head}"] = weights_BTS
                x_BTD = layer(x_BTD, memory)
        return maps

    def _decoder_layers(self) -> Iterable[DecoderLayer]:
        return cast(Iterable[DecoderLayer], self.decoder)

    def _enter(self, x_BND: Tensor, first: int = 0) -> Tensor:
        return self.dropout(x_BND if self.positions is None else self.positions(x_BND, first))

    @classmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        """Return the parameter count without embeddings (or input map) and output projection."""
        D, F = config.width, config.inner
        attention, norm = 4 * linear_parameters(D, D), 2 * D
        layer = attention + linear_parameters(D, F) + linear_parameters(F, D) + 2 * norm
        cross = problem.has_source * (attention + norm)
        encoder, decoder = config.layers * layer + norm, config.layers * (layer + cross) + norm
        return problem.has_source * encoder + problem.has_target * decoder

    @classmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory for one example; ``sequential_operations`` counts layers."""
        D, H, S, T = config.width, config.heads, source_length, target_length
        layer = 2 * linear_flops(D, config.inner, S + T)
        if S:
            layer += linear_attention_flops(D, H, S, S)
        if T:
            layer += causal_attention_flops(D, H, T)
        if S and T:
            layer += linear_attention_flops(D, H, T, S)
        sums = (1 + problem.has_source) * (D * (D // H) + D)
        halves = (S > 0) + (T > 0)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=config.layers * layer + embedding_flops(problem, D, S) + head_flops(problem, D, S, T),
            sequential_operations=halves * config.layers,
            path_length=1,
            state_size=config.layers * sums if T else 0,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return linear attention over all positions, and the causal one."""
        return {
            "linear_attention": _layer("linear self-attention", False, linear_self_flops),
            "causal": _layer("causal linear self-attention, by chunks", True, causal_attention_flops),
        }


def linear_self_flops(width: int, heads: int, positions: int) -> int:
    """FLOPs of linear self-attention over all positions."""
    return linear_attention_flops(width, heads, positions, positions)


def _layer(what: str, causal: bool, flops: Any) -> Layer:
    return Layer(
        description=f"{what}, with its four projections: 8·n·d² FLOPs, and n·d²/h of its own",
        build=lambda config: MeasuredAttention(config, causal),
        complexity="n·d²",
        sequential="1",
        path="1",
        flop_exponents=(1.0, 2.0),
        memory_exponent=1.0,
        parameters=lambda config: 4 * linear_parameters(config.width, config.width),
        flops=lambda config, n: flops(config.width, config.heads, n),
        sequential_operations=lambda n: 1,
        path_length=lambda k: 1,
    )
