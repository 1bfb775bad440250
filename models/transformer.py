"""The Transformer: Vaswani et al. 2017, "Attention Is All You Need".

B batch, S source positions, T target positions, D width, H heads, V target vocabulary, F inner width of
the feed-forward network.

The paper multiplies embeddings of standard deviation 1/√D by √D (section 3.4). The embeddings that all
architectures here share are drawn with standard deviation 1, which is the same input to the first
layer, so there is no further factor.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, cast

from torch import Tensor, nn

from models.attention import (
    Kernel,
    Masking,
    SelfAttention,
    ancestry_masking,
    choose_kernel,
    masking,
)
from models.base import Memory, Seq2Seq
from models.batch import Batch
from models.cache import Slots, grown, reordered, settled
from models.cost import Cost, linear_flops
from models.decoding_state import select_rows, tensors
from models.dropout import Dropout
from models.errors import BadInput
from models.layer import Layer
from models.positions import LearnedPositions, SinusoidalPositions
from models.problem import Problem
from models.search import Choice, Space
from models.transformer_blocks import DecoderLayer, EncoderLayer, LayerCache
from models.transformer_config import TransformerConfig
from models.transformer_maps import cross_maps
from models.transformer_meeting import ahead, meeting, slopes
from models.transformer_parts import (
    attention_flops,
    attention_parameters,
    encoder_layer_parameters,
    feedforward_flops,
    measured_layers,
    norm_parameters,
)


class DecoderState(NamedTuple):
    """What decoding keeps."""

    layers: tuple[LayerCache, ...]
    slots: Slots

    def written(self) -> list[Tensor]:
        """Return the tensors without the room for what is not written yet."""
        used = self.slots.used
        own = [tensor_BHXE[:, :, :used] for layer in self.layers for tensor_BHXE in layer.own]
        return [*own, *tensors([[layer.source for layer in self.layers], self.slots])]


class Transformer(Seq2Seq):
    """Encoder and decoder of self-attention and feed-forward layers, without recurrence.

    Without a source, the decoder's layers have no attention to it (Liu et al. 2018, "Generating
    Wikipedia by Summarizing Long Sequences", section 4.2.3).
    """

    Config = TransformerConfig
    decoder_only = True
    shares_source = True
    config: TransformerConfig
    dropout: Dropout
    source_positions: nn.Module | None
    target_positions: nn.Module | None
    kind: ClassVar[type[SelfAttention]] = SelfAttention
    encoder: nn.ModuleList
    encoder_end: nn.Module
    decoder: nn.ModuleList
    decoder_end: nn.Module
    citation = "Vaswani et al. 2017, Attention Is All You Need"

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned for the Transformer: where it normalises, and how finely it attends."""
        return {
            "model.norm": Choice(("pre", "post"), why="Xiong et al. 2020"),
            "model.heads": Choice((2, 4, 8), why="Vaswani et al. 2017, table 3 (A)"),
        }

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return the options that the conformance suite tries beside the default."""
        return [
            {"norm": "post", "attention": "explicit", "heads": 2},
            {"positions": "none", "attention": "fused", "heads": 1},
            {"layers": 1, "decoder_layers": 2, "feedforward": 24},
            {"positions": "learned", "norm": "none", "scale": False},
            {"positions": "rotary", "feedforward": 0},
            {"positions": "alibi", "heads": 2},
            {"residual": False, "layers": 1},
            {"key_width": 3, "heads": 2},
            {"key_width": 6, "heads": 2, "positions": "rotary", "attention": "fused"},
        ]

    def build(self, config: TransformerConfig) -> None:
        """Create the layers; a pre-norm stack ends with a normalisation (Xiong et al. 2020)."""
        if not (config.causal or self.has_decoder):
            raise BadInput("causal = False: this problem has no decoder, so there is no causal mask.")

        def end() -> nn.Module:
            return nn.LayerNorm(config.width) if config.norm == "pre" else nn.Identity()

        sinusoids = SinusoidalPositions(config.width)
        self.rotary = SinusoidalPositions(config.head_key_width)
        self.source_positions = self.target_positions = None
        if config.positions == "sinusoidal":
            self.source_positions = self.target_positions = sinusoids
        elif config.positions == "learned":
            if self.has_encoder:
                self.source_positions = LearnedPositions(config.width, config.max_positions)
            if self.has_decoder:
                self.target_positions = LearnedPositions(config.width, config.max_positions)
        self.dropout = Dropout(config.dropout)
        encoders, decoders = config.depth
        if self.has_encoder:
            self.encoder = nn.ModuleList(EncoderLayer(config, self.kind) for _ in range(encoders))
            self.encoder_end = end()
        if self.has_decoder:
            self.decoder = nn.ModuleList(
                DecoderLayer(config, self.kind, has_source=self.has_encoder) for _ in range(decoders)
            )
            self.decoder_end = end()

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Encode embedded source positions; every position sees every real one."""
        x_BSD = self.enter(source_BSD, self.source_positions)
        visible = self.own_meeting(x_BSD, mask_BS)
        for layer in self.encoder:
            x_BSD = layer(x_BSD, visible)
        return Memory(self.encoder_end(x_BSD), mask_BS)

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Return the output states (B, T, D); the causal mask hides the padding on the right, too."""
        x_BTD = self.enter(target_BTD, self.target_positions)
        own = self.own_meeting(x_BTD, causal=self.config.causal)
        source = self.source_meeting(x_BTD, memory)
        for layer in self.decoder:
            x_BTD = layer(x_BTD, memory.states, own, source)
        return self.decoder_end(x_BTD)

    def start(self, memory: Memory) -> DecoderState:
        """Return for each layer the empty cache of targets, and the source's keys and values."""
        layers = tuple(layer.start(memory.states) for layer in self.decoder_layers())
        return DecoderState(layers, Slots(written=[0]))

    def step(
        self, target_BD: Tensor, state: DecoderState, memory: Memory
    ) -> tuple[Tensor, DecoderState]:
        """Decode one position, of K rows for each of the memory: they attend to it together."""
        slots, B = state.slots, len(memory.states)
        x_BKD = self.enter(target_BD[:, None], self.target_positions, first=slots.position)
        x_BKD = x_BKD.view(B, -1, target_BD.shape[1])
        K = x_BKD.shape[1]
        longer = grown(slots, B, K, x_BKD.device)
        kernel = choose_kernel(self.config.attention, K, longer.used, x_BKD.device)
        slopes_H = slopes(self.config, x_BKD)
        own = ahead(
            ancestry_masking(kernel, self.config.heads, longer, x_BKD, slopes_H),
            self.config,
            self.rotary,
            slots.position,
            x_BKD,
        )
        source = self.source_meeting(x_BKD, memory)
        caches = []
        for layer, cache in zip(self.decoder_layers(), state.layers, strict=True):
            x_BKD, cache = layer.step(x_BKD, cache, slots, longer, own, source)
            caches.append(cache)
        state = DecoderState(tuple(caches), settled(slots, longer))
        return self.decoder_end(x_BKD).view_as(target_BD), state

    def select(self, state: DecoderState, rows_N: Tensor, sources_B: Tensor | None) -> DecoderState:
        """Select rows; keys and values are copied only where sources leave."""
        layers = state.layers if sources_B is None else select_rows(state.layers, sources_B)
        sources = len(layers[0].own.k_BHSE)
        return DecoderState(layers, reordered(state.slots, rows_N, sources))

    def attention_maps(self, batch: Batch) -> dict[str, Tensor]:
        """Return the cross-attention of each head, as ``layer 1 head 1`` and so on."""
        if not (self.has_encoder and self.has_decoder):
            return {}
        return {
            f"layer {layer} head {head}": weights_BTS
            for layer, weights_BHTS in enumerate(cross_maps(self, batch), start=1)
            for head, weights_BTS in enumerate(weights_BHTS.unbind(dim=1), start=1)
        }

    def decoder_layers(self) -> Iterable[DecoderLayer]:
        """Return the decoder's layers, from the bottom."""
        return cast(Iterable[DecoderLayer], self.decoder)

    def enter(self, x_BND: Tensor, positions: nn.Module | None, first: int = 0) -> Tensor:
        """Add positions, and drop elements of the sum (section 5.4)."""
        return self.dropout(x_BND if positions is None else positions(x_BND, first))

    def own_meeting(
        self,
        x_BND: Tensor,
        padding_BN: Tensor | None = None,
        causal: bool = False,
        kernel: Kernel | None = None,
    ) -> Masking:
        """Return how the positions of one sequence meet each other."""
        return meeting(self.config, self.rotary, x_BND, padding_BN, causal, kernel)

    def source_meeting(self, x_BTD: Tensor, memory: Memory) -> Masking:
        """Return how target positions meet those of the source: by content alone."""
        T, S = x_BTD.shape[1], memory.states.shape[1]
        kernel = choose_kernel(self.config.attention, T, S, x_BTD.device)
        found = masking(kernel, self.config.heads, T, S, x_BTD, memory.mask)
        return found if self.config.scale else found._replace(scale=1.0)

    @classmethod
    def core_parameters(cls, config: TransformerConfig, problem: Problem) -> int:
        """Return the parameter count without embeddings (or input map) and output projection."""
        D, (encoders, decoders) = config.width, config.depth
        around = D * config.max_positions if config.positions == "learned" else 0
        around += 2 * D if config.norm == "pre" else 0
        layer, count = encoder_layer_parameters(config), 0
        if problem.has_source:
            count += encoders * layer + around
        if problem.has_target:
            cross = attention_parameters(D, config.joint_key_width) + norm_parameters(config)
            count += decoders * (layer + (cross if problem.has_source else 0)) + around
        return count

    @classmethod
    def self_attention_flops(cls, config: Any, positions: int) -> int:
        """Return the FLOPs of one self-attention."""
        return attention_flops(config.width, positions, positions, config.joint_key_width)

    @classmethod
    def path_length(cls, config: Any, problem: Problem, S: int, T: int) -> int:
        """Return the longest path between an input and an output: one attention joins any two."""
        return 1

    @classmethod
    def kept_targets(cls, config: Any, T: int) -> int:
        """Return how many target positions a layer's cache keeps after T of them."""
        return T

    @classmethod
    def cost(
        cls, config: TransformerConfig, problem: Problem, source_length: int, target_length: int
    ) -> Cost:
        """Return the theory for one example.

        ``sequential_operations`` counts layers, one after the other, whatever the lengths;
        ``path_length`` is in attentions.
        """
        D, V, S, T = config.width, problem.target_size, source_length, target_length
        encoders, decoders = config.depth
        decodes = problem.has_target and T > 0
        own = cls.self_attention_flops
        flops = encoders * (own(config, S) + feedforward_flops(D, config.inner, S))
        if problem.source_kind == "floats":
            flops += linear_flops(problem.source_size, D, S)
        if decodes:
            layer = own(config, T) + feedforward_flops(D, config.inner, T)
            cross = attention_flops(D, T, S, config.joint_key_width) if problem.has_source else 0
            flops += decoders * (layer + cross)
        kept = decoders * (config.joint_key_width + D) * (cls.kept_targets(config, T) + S)
        answers = {"decoder": T, "position": S, "last": 1}[problem.readout]
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops + linear_flops(D, V, answers),
            sequential_operations=problem.has_source * encoders + decodes * decoders,
            path_length=cls.path_length(config, problem, S, T),
            state_size=kept if decodes else 0,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return attention, its scores alone, and the whole encoder layer."""
        return measured_layers()
