"""Encoder-decoder of minimal recurrent layers with a fixed context vector.

B batch, S source positions, T target positions, D width.

Around the layers everything is as in models.recurrent: the encoder reads the source into its last
state, the decoder starts from that state, layer by layer, and has no other view of the source; without
a source it starts from zeros. Training runs one parallel scan a layer, decoding the cell.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.base import Memory, Seq2Seq
from models.bidirectional import BidirectionalStack
from models.config import ModelConfig
from models.cost import Cost, linear_flops, linear_parameters
from models.layer import Layer
from models.minimal_recurrence import Candidate, scan_depth, scanned_layer
from models.problem import Problem
from models.recurrent import embedding_flops, head_flops
from models.recurrent_stack import RecurrentStack
from models.search import Choice, Range, Space


class MinimalConfig(ModelConfig):
    """Options that the minimal recurrent architectures share."""

    layers: int = Field(1, gt=0, description="recurrent layers in the encoder, and in the decoder")
    candidate: Candidate = Field(
        "positive",
        description="positive: through g (Feng et al. 2024, appendix B); linear: as it is; tanh",
    )
    forget_bias: float = Field(
        0.0, description="initial bias of the gates towards keeping the state (0: the paper's)"
    )
    bidirectional: bool = Field(
        False, description="encoder: half of the width reads from the end (Schuster and Paliwal 1997)"
    )

    @model_validator(mode="after")
    def _halves(self) -> Self:
        if self.bidirectional and self.width % 2:
            raise ValueError(
                f"width = {self.width} has no half for each direction; the nearest valid width is "
                f"{self.width + 1}"
            )
        return self

    def width_multiple(self) -> int:
        """Return 2 where each direction has half of the width."""
        return 2 if self.bidirectional else 1


class MinimalSeq2Seq(Seq2Seq):
    """Base of minGRU, minLSTM and their like: the decoder sees the source through one fixed vector."""

    Config = MinimalConfig
    config: MinimalConfig
    decoder_only = True
    shares_source = True
    cell_name: ClassVar[str]  # in words
    gates: ClassVar[int]  # of the cell

    @classmethod
    @abstractmethod
    def recurrence(cls, config: Any, inputs: int) -> Any:
        """Return one MinimalRecurrence for this number of input features."""

    @classmethod
    def seen(cls, config: Any) -> int:
        """Return how many inputs the gates of one position see."""
        return 1

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned: clipping, as for every recurrence, and how long states last."""
        return {
            "recipe.gradient_clip": Range(0.1, 10.0, log=True, why="Pascanu et al. 2013, section 3.2"),
            "model.forget_bias": Choice(
                (0.0, 1.0, 3.0), why="Gers et al. 2000; Jozefowicz et al. 2015"
            ),
        }

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return further options that the conformance suite covers."""
        return [
            {"layers": 3, "forget_bias": 1.0},
            {"bidirectional": True, "layers": 2},
            {"candidate": "linear"},
            {"candidate": "tanh"},
        ]

    @classmethod
    def stack(cls, config: Any, inputs: int) -> RecurrentStack:
        """Return the layers of an encoder or a decoder."""
        return RecurrentStack(
            lambda features: cls.recurrence(config, features),
            inputs,
            config.width,
            config.layers,
            config.dropout,
        )

    def build(self, config: MinimalConfig) -> None:
        """Create the encoder if there is a source, and the decoder if there is a target."""
        if self.has_encoder and config.bidirectional:
            half = config.resized(width=config.width // 2, bidirectional=False)
            self.encoder: nn.Module = BidirectionalStack(lambda: self.stack(half, config.width))
        elif self.has_encoder:
            self.encoder = self.stack(config, config.width)
        if self.has_decoder:
            self.decoder = self.stack(config, config.width)

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Run the encoder; ``final`` holds each layer's state after the last real position."""
        # read onwards and without a decoder, nobody sees what follows padding
        needed_BS = mask_BS if self.has_decoder or self.config.bidirectional else None
        states_BSD, final = self.encoder(source_BSD, None, needed_BS)
        return Memory(states_BSD, mask_BS, final)

    def summarise(self, memory: Memory) -> Tensor:
        """Return (B, D): the state at the last position; of a backward half, at the first."""
        last_BD = super().summarise(memory)
        if not self.config.bidirectional:
            return last_BD
        half = self.config.width // 2
        return torch.cat([last_BD[:, :half], memory.states[:, 0, half:]], dim=-1)

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Run the decoder over all target positions, from the encoder's last state, or from zeros."""
        return self.decoder(target_BTD, memory.final)[0]

    def start(self, memory: Memory) -> Any:
        """Return the encoder's last state, or zeros, one a layer."""
        if memory.final is None:
            return self.decoder.start(memory.states.flatten(1))
        return list(memory.final)

    def step(self, target_BD: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
        """Run the cell of each layer once."""
        return self.decoder.step(target_BD, state)

    @classmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        """Return the parameters of the encoder and of the decoder, where there are such."""
        D, layers = config.width, config.layers
        seen = cls.seen(config)
        decoder = encoder = _stack_parameters(D, D, layers, cls.gates, seen)
        if config.bidirectional:
            encoder = 2 * _stack_parameters(D, D // 2, layers, cls.gates, seen)
        return problem.has_source * encoder + problem.has_target * decoder

    @classmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory for one example; a scan over n positions is a chain of about log2 n."""
        D, layers, S, T = config.width, config.layers, source_length, target_length
        seen = cls.seen(config)
        if config.bidirectional:
            flops = 2 * _stack_flops(D, D // 2, layers, cls.gates, S, seen)
        else:
            flops = _stack_flops(D, D, layers, cls.gates, S, seen)
        flops += _stack_flops(D, D, layers, cls.gates, T, seen)
        chain = scan_depth(S) + scan_depth(T)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops + embedding_flops(problem, D, S) + head_flops(problem, D, S, T),
            sequential_operations=layers * chain,
            path_length=chain + layers - 1,
            state_size=layers * D,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return one layer, as the scan runs it."""
        return {
            "scan": scanned_layer(
                cls.cell_name,
                lambda config: cls.recurrence(config, config.width),
                cls.gates,
                cls.seen,
            )
        }


def _stack_parameters(inputs: int, width: int, layers: int, gates: int, seen: int) -> int:
    further = gates * linear_parameters(seen * width, width) + 2 * width  # with its layer norm
    return gates * linear_parameters(seen * inputs, width) + (layers - 1) * further


def _stack_flops(inputs: int, width: int, layers: int, gates: int, positions: int, seen: int) -> int:
    further = (layers - 1) * linear_flops(seen * width, width, positions)
    return gates * (linear_flops(seen * inputs, width, positions) + further)
