"""Encoder-decoder of recurrent layers with a fixed context vector; the kind of cell is left open.

B batch, S source positions, T target positions, N positions, D width.

The encoder reads the source into its last state; the decoder starts from that state, layer by layer,
and has no other view of the source (Sutskever et al. 2014; Cho et al. 2014). Without a source it starts
from zeros and is a recurrent language model (Mikolov et al. 2010).
"""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.base import Memory, Seq2Seq
from models.bidirectional import BidirectionalStack, bidirectional_flops, bidirectional_parameters
from models.config import ModelConfig
from models.cost import Cost, linear_flops, recurrent_flops, recurrent_parameters
from models.layer import Layer
from models.problem import Problem
from models.recurrence import Kernel, Recurrence, State
from models.recurrent_stack import RecurrentStack, stack_flops, stack_parameters
from models.search import Range, Space


class RecurrentConfig(ModelConfig):
    """Options that all recurrent architectures share."""

    layers: int = Field(1, gt=0, description="recurrent layers in the encoder, and in the decoder")
    kernel: Kernel = Field("fused", description="torch's kernel, or a Python loop over the cell")
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


class RecurrentSeq2Seq(Seq2Seq):
    """Base of the architectures whose decoder sees the source through one fixed vector."""

    Config = RecurrentConfig
    config: RecurrentConfig
    decoder_only = True
    shares_source = True
    cell_name: ClassVar[str]  # in words
    gates: ClassVar[int]  # of the cell
    state_tensors: ClassVar[int]  # of the cell: 1 for h, 2 for h and c

    @classmethod
    @abstractmethod
    def recurrence(cls, config: Any, inputs: int) -> Recurrence:
        """Return one recurrent layer for this number of input features."""

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned for every recurrent architecture: gradients explode through time."""
        clip = Range(0.1, 10.0, log=True, why="Pascanu et al. 2013, section 3.2")
        return {"recipe.gradient_clip": clip}

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

    @classmethod
    def encoder_stack(cls, config: Any) -> nn.Module:
        """Return the layers of the encoder, in one direction or in two."""
        if not config.bidirectional:
            return cls.stack(config, config.width)
        half = config.resized(width=config.width // 2, bidirectional=False)
        return BidirectionalStack(lambda: cls.stack(half, config.width))

    @classmethod
    def encoder_parameters(cls, config: Any) -> int:
        """Return the parameters of ``encoder_stack``."""
        count = bidirectional_parameters if config.bidirectional else stack_parameters
        return count(config.width, config.width, config.layers, cls.gates)

    @classmethod
    def encoder_flops(cls, config: Any, positions: int) -> int:
        """Return the FLOPs of ``encoder_stack``."""
        count = bidirectional_flops if config.bidirectional else stack_flops
        return count(config.width, config.width, config.layers, cls.gates, positions)

    def build(self, config: Any) -> None:
        """Create the encoder if there is a source, and the decoder if there is a target."""
        if self.has_encoder:
            self.encoder = self.encoder_stack(config)
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
        decoder = stack_parameters(config.width, config.width, config.layers, cls.gates)
        encoder = cls.encoder_parameters(config)
        return problem.has_source * encoder + problem.has_target * decoder

    @classmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory: every position is a step, and the last answer sees the first input."""
        width, positions = config.width, source_length + target_length
        chain = positions + config.layers - 1
        flops = cls.encoder_flops(config, source_length)
        flops += stack_flops(width, width, config.layers, cls.gates, target_length)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops
            + embedding_flops(problem, width, source_length)
            + head_flops(problem, width, source_length, target_length),
            sequential_operations=chain,
            path_length=chain,
            state_size=cls.state_tensors * config.layers * width,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return one recurrent layer."""
        return {"recurrent": cls.recurrent_layer()}

    @classmethod
    def recurrent_layer(cls) -> Layer:
        """Return the row "Recurrent" of Table 1 (Vaswani et al. 2017) for this cell."""
        return Layer(
            description=f"one {cls.cell_name} layer",
            build=lambda config: RecurrentLayer(cls.recurrence(config, config.width)),
            complexity="n·d²",
            sequential="n",
            path="n",
            flop_exponents=(1.0, 2.0),
            memory_exponent=1.0,
            parameters=lambda config: recurrent_parameters(config.width, config.width, cls.gates),
            flops=lambda config, n: recurrent_flops(config.width, config.width, cls.gates, n),
            sequential_operations=lambda n: n,
            path_length=lambda k: k + 1,
        )


class RecurrentLayer(nn.Module):
    """A recurrence as a measured layer (see models.layer)."""

    def __init__(self, recurrence: Recurrence) -> None:
        super().__init__()
        self.recurrence = recurrence

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return h at every position, (B, N, D)."""
        return self.recurrence(x_BND)[0]

    def update(self, x_BND: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Apply the cell at every position at once, each to its left neighbour's previous iterate.

        This is Jacobi iteration (Song et al. 2021): the input k positions back needs k + 1 updates
        to arrive, and after N updates the output is that of ``forward``.
        """
        given = self.recurrence.start(x_BND) if state is None else state
        before = tuple(nn.functional.pad(tensor_BND[:, :-1], (0, 0, 1, 0)) for tensor_BND in given)
        new = self.recurrence.step(x_BND, before)
        return new[0], new


def embedding_flops(problem: Problem, width: int, source_length: int) -> int:
    """FLOPs of the source embedding: a look-up costs none, a linear map of features does."""
    return (
        linear_flops(problem.source_size, width, source_length)
        if problem.source_kind == "floats"
        else 0
    )


def head_flops(problem: Problem, width: int, source_length: int, target_length: int) -> int:
    """FLOPs of the output projection over the positions that the readout answers for."""
    positions = {"decoder": target_length, "position": source_length, "last": 1}[problem.readout]
    return linear_flops(width, problem.target_size, positions)
