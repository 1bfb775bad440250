"""A whole architecture in one file, outside the package: gated averaging, an encoder-decoder.

B batch, S source positions, T target positions, N either, D width.

    f_t = σ(W_f x_t), h_t = f_t ⊙ h_{t-1} + (1 - f_t) ⊙ tanh(W_v x_t)

(the pooling of Bradbury et al. 2017, Quasi-recurrent neural networks, eq. 3, with a window of one).
Copy it into any folder and try, there:

    seqyard check my_module:MyModel
    seqyard run table1 --profile smoke --architecture my_module:MyModel
"""

from typing import Any

import torch
from torch import Tensor, nn

from models.base import Memory, Seq2Seq
from models.config import ModelConfig
from models.cost import Cost, linear_flops, linear_parameters
from models.dropout import Dropout
from models.layer import Layer
from models.problem import Problem


class GatedAverage(nn.Module):
    """One layer: a gate and a value for each position, averaged along the sequence."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate, self.value = nn.Linear(width, width), nn.Linear(width, width)

    def forward(
        self, x_BND: Tensor, h_BD: Tensor | None = None, mask_BN: Tensor | None = None
    ) -> Tensor:
        """Return h at every position; padding passes the state on unchanged."""
        f_BND, v_BND = torch.sigmoid(self.gate(x_BND)), torch.tanh(self.value(x_BND))
        if mask_BN is not None:
            f_BND = f_BND.masked_fill(~mask_BN[..., None], 1.0)
        h_BD = torch.zeros_like(x_BND[:, 0]) if h_BD is None else h_BD
        states = []
        for f_BD, v_BD in zip(f_BND.unbind(1), v_BND.unbind(1), strict=True):
            h_BD = f_BD * h_BD + (1 - f_BD) * v_BD
            states.append(h_BD)
        return torch.stack(states, dim=1)

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Apply one step at every position, from the previous iterate's left neighbour."""
        before_BND = torch.zeros_like(x_BND)
        if state is not None:
            before_BND = torch.cat([before_BND[:, :1], state[:, :-1]], dim=1)
        f_BND = torch.sigmoid(self.gate(x_BND))
        h_BND = f_BND * before_BND + (1 - f_BND) * torch.tanh(self.value(x_BND))
        return h_BND, h_BND


class MyModel(Seq2Seq):
    """Gated averaging (Bradbury et al. 2017) in encoder and decoder, fixed context vector."""

    Config = ModelConfig
    citation = "Bradbury et al. 2017, Quasi-recurrent neural networks"

    def build(self, config: ModelConfig) -> None:
        """Create the encoder and, if there is a target, the decoder."""
        self.encoder = GatedAverage(config.width)
        if self.has_decoder:
            self.decoder = GatedAverage(config.width)
        self.dropout = Dropout(config.dropout)

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        """Average along the source."""
        states_BSD = self.encoder(self.dropout(source_BSD), None, mask_BS)
        return Memory(states_BSD, mask_BS, states_BSD[:, -1])

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        """Average along the target, from the encoder's last state."""
        return self.decoder(self.dropout(target_BTD), memory.final)

    def start(self, memory: Memory) -> Tensor:
        """Return the encoder's last state."""
        return memory.final

    def step(self, target_BD: Tensor, state: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Decode one position."""
        h_BD = self.decoder(self.dropout(target_BD)[:, None], state)[:, -1]
        return h_BD, h_BD

    @classmethod
    def core_parameters(cls, config: ModelConfig, problem: Problem) -> int:
        """Return two linear maps for the encoder, two for the decoder."""
        halves = 2 if problem.readout == "decoder" else 1
        return halves * 2 * linear_parameters(config.width, config.width)

    @classmethod
    def cost(
        cls, config: ModelConfig, problem: Problem, source_length: int, target_length: int
    ) -> Cost:
        """Return the theory for one example."""
        width, positions = config.width, source_length + target_length
        answers = {"decoder": target_length, "position": source_length, "last": 1}[problem.readout]
        flops = 2 * linear_flops(width, width, positions)
        flops += linear_flops(width, problem.target_size, answers)
        if problem.source_kind == "floats":
            flops += linear_flops(problem.source_size, width, source_length)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops,
            sequential_operations=positions,
            path_length=positions,
            state_size=width,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        """Return the one layer."""
        return {
            "gated_average": Layer(
                description="one gated average",
                build=lambda config: GatedAverage(config.width),
                complexity="n·d²",
                sequential="n",
                path="n",
                flop_exponents=(1.0, 2.0),
                memory_exponent=1.0,
                parameters=lambda config: 2 * linear_parameters(config.width, config.width),
                flops=lambda config, n: 2 * linear_flops(config.width, config.width, n),
                sequential_operations=lambda n: n,
                path_length=lambda k: k + 1,
            )
        }
