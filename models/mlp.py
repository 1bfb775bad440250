"""A fully connected network over all positions at once: parameters grow with the length it is for.

B batch, S source positions, N positions that there are weights for, D width, H hidden units.

Rumelhart et al. 1986, "Learning representations by back-propagating errors". Embedded positions are
laid side by side; what a shorter sequence lacks is zero, as padding is. There is one answer a sequence,
and no decoder.
"""

from typing import Any, ClassVar, NoReturn

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from models.base import Memory, Seq2Seq
from models.config import LONGEST_CHECKED, ModelConfig
from models.cost import Cost, linear_flops, linear_parameters
from models.dropout import Dropout
from models.errors import BadInput
from models.layer import Layer
from models.problem import Problem
from models.recurrent import embedding_flops, head_flops
from models.search import Choice, Space


class MLPConfig(ModelConfig):
    """Options of the fully connected network."""

    fine_dial: ClassVar[str | None] = "hidden"
    fixed_length: ClassVar[str | None] = "positions"

    positions: int = Field(64, gt=0, description="N: the longest sequence that there are weights for")
    hidden: int | None = Field(None, gt=0, description="H: units of a hidden layer; None: width")
    layers: int = Field(1, gt=0, description="hidden layers; the first one reads all positions")

    @property
    def units(self) -> int:
        """Return H."""
        return self.hidden or self.width

    def exemptions(self) -> dict[str, str]:
        """There are no weights for a longer sequence than was asked for."""
        if self.positions >= LONGEST_CHECKED:
            return {}
        return {"any_length": f"positions = {self.positions}: a longer sequence finds no weights"}


class FullyConnected(nn.Linear):
    """One layer over all positions, (B, S, D) to (B, H): H rows of N·D weights."""

    def __init__(self, width: int, positions: int, units: int) -> None:
        super().__init__(positions * width, units)
        self.positions = positions

    def forward(self, x_BSD: Tensor) -> Tensor:
        """Return W·x + b of the positions side by side; those that are missing are zero.

        Raises:
            BadInput: there are more than there are weights for.
        """
        S = x_BSD.shape[1]
        if self.positions < S:
            raise BadInput(
                f"a sequence of {S} positions: the mlp's weights are for {self.positions} "
                f"(positions = {self.positions})."
            )
        x_BX = x_BSD.flatten(1)  # X = S·D
        return functional.linear(x_BX, self.weight[:, : x_BX.shape[1]], self.bias)


class MLP(Seq2Seq):
    """Fully connected network over a sequence of fixed length: parameters grow with the length."""

    Config = MLPConfig
    config: MLPConfig
    citation = "Rumelhart et al. 1986, Learning representations by back-propagating errors"

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned: how deep it is."""
        return {"model.layers": Choice((1, 2, 3), why="Rumelhart et al. 1986: hidden layers")}

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        """Return further options that the conformance suite covers."""
        return [{"positions": LONGEST_CHECKED, "hidden": 9}]

    @classmethod
    def accept(cls, problem: Problem) -> None:
        """Refuse what asks for more than one answer a sequence.

        Raises:
            BadInput: the readout is not ``last``.
        """
        if problem.readout != "last":
            raise BadInput(
                f"MLP gives one answer a sequence: readout '{problem.readout}' needs another "
                "architecture, such as lstm or transformer; 'last' does not."
            )

    def build(self, config: MLPConfig) -> None:
        """Create the hidden layers and the map to the state that is read."""
        H = config.units
        self.dropout = Dropout(config.dropout)
        self.first = FullyConnected(config.width, config.positions, H)
        self.further = nn.ModuleList(nn.Linear(H, H) for _ in range(config.layers - 1))
        self.out = nn.Linear(H, config.width)

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Read all positions at once; ``final`` is the one state, which every position is given."""
        if mask_BS is not None:
            source_BSD = source_BSD * mask_BS[..., None]
        h_BH = functional.relu(self.first(self.dropout(source_BSD)))
        for layer in self.further:
            h_BH = functional.relu(layer(self.dropout(h_BH)))
        state_BD = self.out(self.dropout(h_BH))
        return Memory(state_BD[:, None].expand_as(source_BSD), mask_BS, state_BD)

    def summarise(self, memory: Memory) -> Tensor:
        """Return (B, D): the one state."""
        return memory.final

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Refuse: there is no decoder."""
        self._refuse()

    def start(self, memory: Memory) -> Any:
        """Refuse: there is no decoder."""
        self._refuse()

    def step(self, target_BD: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
        """Refuse: there is no decoder."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise BadInput("MLP has no decoder: it gives one answer a sequence (readout 'last').")

    @classmethod
    def core_parameters(cls, config: MLPConfig, problem: Problem) -> int:
        """Return N·D·H weights of the first layer, and those of the further ones."""
        D, H = config.width, config.units
        further = (config.layers - 1) * linear_parameters(H, H)
        return linear_parameters(config.positions * D, H) + further + linear_parameters(H, D)

    @classmethod
    def cost(cls, config: MLPConfig, problem: Problem, source_length: int, target_length: int) -> Cost:
        """Return the theory for one example; ``sequential_operations`` counts layers."""
        D, H, S = config.width, config.units, source_length
        flops = linear_flops(S * D, H) + (config.layers - 1) * linear_flops(H, H) + linear_flops(H, D)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops + embedding_flops(problem, D, S) + head_flops(problem, D, S, 0),
            sequential_operations=config.layers + 1,
            path_length=1,
            state_size=0,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return one layer over all positions, whose parameters are n·d² + d for n = ``positions``."""
        return {
            "fully_connected": Layer(
                description="fully connected over n = positions, d units: 2·n·d² FLOPs; its n·d² + d "
                "parameters grow with n",
                build=MeasuredLayer,
                complexity="n·d²",
                sequential="1",
                path="1",
                flop_exponents=(1.0, 2.0),
                memory_exponent=1.0,
                parameters=lambda config: linear_parameters(
                    config.positions * config.width, config.width
                ),
                flops=lambda config, n: linear_flops(n * config.width, config.width),
                sequential_operations=lambda n: 1,
                path_length=lambda k: 1,
            )
        }


class MeasuredLayer(nn.Module):
    """D fully connected units over all positions, given to every position (see models.layer)."""

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.inner = FullyConnected(config.width, config.positions, config.width)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D), the same at every position."""
        return torch.tanh(self.inner(x_BND))[:, None].expand_as(x_BND)

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply the layer to the previous iterate, or to the input at first."""
        output_BND = self(x_BND if state is None else state)
        return output_BND, output_BND
