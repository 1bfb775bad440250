"""A small correct architecture, and the same with one fault each, for the tests of the suite.

B batch, S source, T target, N positions, D width.
"""

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from models.base import Memory, Seq2Seq
from models.config import ModelConfig
from models.cost import Cost, linear_flops, recurrent_flops, recurrent_parameters
from models.layer import Layer
from models.problem import Problem


class ToyLayer(nn.Module):
    """One GRU layer."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.gru = nn.GRU(config.width, config.width, batch_first=True)
        self.cell = nn.GRUCell(config.width, config.width)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(self.cell, name, getattr(self.gru, f"{name}_l0"))

    def forward(self, x_BND: Tensor) -> Tensor:
        return self.gru(x_BND)[0]

    def update(self, x_BND: Tensor, state: Any) -> tuple[Tensor, Any]:
        before_BND = torch.zeros_like(x_BND) if state is None else state.roll(1, dims=1)
        before_BND[:, 0] = 0
        new_BND = self.cell(x_BND.flatten(0, 1), before_BND.flatten(0, 1)).view_as(x_BND)
        return new_BND, new_BND


class Toy(Seq2Seq):
    """A GRU encoder whose last state starts a GRU decoder."""

    class Config(ModelConfig):
        layers: int = Field(1, gt=0)

    citation: ClassVar[str] = "Cho et al. 2014"

    def build(self, config: Any) -> None:
        D = config.width
        self.encoder = nn.GRU(D, D, config.layers, batch_first=True)
        if self.has_decoder:
            self.decoder = nn.GRU(D, D, config.layers, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        # layer by layer, to have every layer's state at the last real position
        states_BSD, final = self.dropout(source_BSD), []
        for number in range(self.encoder.num_layers):
            states_BSD = self._run(self.encoder, number, states_BSD)
            final.append(self.summarise(Memory(states_BSD, mask_BS)))
        return Memory(self.dropout(states_BSD), mask_BS, torch.stack(final, dim=1))

    @staticmethod
    def _run(gru: nn.GRU, number: int, x_BND: Tensor) -> Tensor:
        weights = [
            getattr(gru, f"{name}_l{number}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        start_1BD = x_BND.new_zeros(1, len(x_BND), x_BND.shape[-1])
        return torch.gru(x_BND, start_1BD, weights, True, 1, 0.0, False, False, True)[0]

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        return self.decoder(self.dropout(target_BTD), memory.final.transpose(0, 1).contiguous())[0]

    def start(self, memory: Memory) -> Any:
        return memory.final

    def step(self, target_BD: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
        output_B1D, state_LBD = self.decoder(
            self.dropout(target_BD)[:, None], state.transpose(0, 1).contiguous()
        )
        return output_B1D[:, 0], state_LBD.transpose(0, 1)

    @classmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        halves = 2 if problem.readout == "decoder" else 1
        return halves * config.layers * recurrent_parameters(config.width, config.width, 3)

    @classmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        D, S, T = config.width, source_length, target_length
        flops = config.layers * recurrent_flops(D, D, 3, S + T)
        if problem.source_kind == "floats":
            flops += linear_flops(problem.source_size, D, S)
        answers = {"decoder": T, "position": S, "last": 1}[problem.readout]
        flops += linear_flops(D, problem.target_size, answers)
        return Cost(
            parameters=cls.core_parameters(config, problem),
            flops=flops,
            sequential_operations=config.layers + S + T - 1,
            path_length=config.layers + S + T - 1,
            state_size=config.layers * D,
        )

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        return {
            "recurrence": Layer(
                description="one GRU layer",
                build=ToyLayer,
                complexity="n·d²",
                sequential="n",
                path="n",
                flop_exponents=(1, 2),
                memory_exponent=1,
                parameters=lambda config: recurrent_parameters(config.width, config.width, 3),
                flops=lambda config, n: recurrent_flops(config.width, config.width, 3, n),
                sequential_operations=lambda n: n,
                path_length=lambda k: k + 1,
            )
        }


class FutureLeak(Toy):
    """The decoder adds the mean of the whole target."""

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        return super().decode(target_BTD, memory) + target_BTD.mean(dim=1, keepdim=True)


class Bidirectional(Toy):
    """The decoder also reads the target from its end."""

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        backward_BTD = super().decode(target_BTD.flip(1), memory).flip(1)
        return super().decode(target_BTD, memory) + backward_BTD


class GradientLeak(Toy):
    """The decoder lets a gradient flow back from the future, though no value."""

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        mean_B1D = target_BTD.mean(dim=1, keepdim=True)
        return super().decode(target_BTD, memory) + (mean_B1D - mean_B1D.detach())


class LastStateLeak(Toy):
    """The encoder's last state is taken at the end of the padding."""

    def summarise(self, memory: Memory) -> Tensor:
        return memory.states[:, -1]


class UnmaskedAttention(Toy):
    """The decoder adds an unmasked mean of the source, padding included."""

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        return super().decode(target_BTD, memory) + memory.states.mean(dim=1, keepdim=True)

    def step(self, target_BD: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
        output_BD, state = super().step(target_BD, state, memory)
        return output_BD + memory.states.mean(dim=1), state


class BatchNorm(Toy):
    """States are normalised over the batch."""

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        memory = super().encode(source_BSD, mask_BS)
        final = memory.final - memory.final.mean(dim=0, keepdim=True)
        states = memory.states - memory.states.mean(dim=0, keepdim=True)
        return Memory(states, mask_BS, final)


class Unused(Toy):
    """A parameter that nothing uses, counted by the formula."""

    def build(self, config: Any) -> None:
        super().build(config)
        self.spare = nn.Parameter(torch.zeros(config.width))

    @classmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        return super().core_parameters(config, problem) + config.width


class WrongCount(Toy):
    """The formula forgets the second bias vector."""

    @classmethod
    def core_parameters(cls, config: Any, problem: Problem) -> int:
        return super().core_parameters(config, problem) - 3 * config.width


class WrongFlops(Toy):
    """Counts a multiply-add as one."""

    @classmethod
    def cost(cls, config: Any, problem: Problem, source_length: int, target_length: int) -> Cost:
        right = super().cost(config, problem, source_length, target_length)
        return Cost(**{**right.as_dict(), "flops": right.flops // 2})


class WrongLayer(Toy):
    """The layer's formula forgets the recurrent product."""

    @classmethod
    def layers(cls) -> dict[str, Layer]:
        (layer,) = super().layers().values()
        fields = {**vars(layer), "flops": lambda config, n: 6 * n * config.width**2}
        return {"recurrence": Layer(**fields)}


class WrongStep(Toy):
    """``step`` forgets its state."""

    def step(self, target_BD: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
        return super().step(target_BD, state, memory)[0], state


class FixedLength(Toy):
    """Learned positions for 16 of them, and no more."""

    def build(self, config: Any) -> None:
        super().build(config)
        self.positions = nn.Parameter(torch.randn(16, config.width))

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        return super().encode(source_BSD + self.positions[: source_BSD.shape[1]], mask_BS)


class OwnLoss(Toy):
    """Brings its own loss."""

    def loss(self, logits: Tensor, batch: Any) -> Tensor:
        return super().loss(logits, batch) * 0.5


class BiggerHead(Toy):
    """Hides parameters where no budget looks."""

    def build(self, config: Any) -> None:
        super().build(config)
        D = config.width
        self.head = nn.Sequential(nn.Linear(D, D), nn.Linear(D, self.problem.target_size))


class Blind(Toy):
    """Never looks at the source."""

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        return super().encode(torch.ones_like(source_BSD), mask_BS)


class DeadDropout(Toy):
    """Ignores the dropout option."""

    def build(self, config: Any) -> None:
        super().build(config)
        self.dropout = nn.Dropout(0.0)


class DropsAlways(Toy):
    """Drops in evaluation too."""

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        dropped = nn.functional.dropout(source_BSD, self.config.dropout, training=True)
        return super().encode(dropped, mask_BS)


class Forgetful(Toy):
    """A checkpoint leaves out what the output depends on."""

    def build(self, config: Any) -> None:
        super().build(config)
        self.scale = float(torch.rand((), device="cpu"))

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        return super().encode(source_BSD * self.scale, mask_BS)


class Unseeded(Toy):
    """Its initial weights depend on more than the seed."""

    built = 0

    def build(self, config: Any) -> None:
        super().build(config)
        type(self).built += 1
        with torch.no_grad():
            self.encoder.weight_ih_l0.mul_(1 + 0.1 * (type(self).built % 7))


class Frozen(Toy):
    """Its decoder is cut off from what it should learn; only the output bias can."""

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        return super().decode(target_BTD, memory) * 1e-6

    def step(self, target_BD: Tensor, state: Any, memory: Memory) -> tuple[Tensor, Any]:
        output_BD, state = super().step(target_BD, state, memory)
        return output_BD * 1e-6, state


class Exempt(FutureLeak):
    """Declares its future leak."""

    class Config(Toy.Config):
        def exemptions(self) -> dict[str, str]:
            return {
                "no_future": "averages the target, to demonstrate a leak",
                "padding@decoder": "so it averages the target's padding too",
                "step_equals_decode": "a step cannot read what is not there yet",
            }


class NeedlesslyExempt(Toy):
    """Declares an exemption that it does not need."""

    class Config(Toy.Config):
        def exemptions(self) -> dict[str, str]:
            return {"any_length": "might be too long"}


class MisspeltExemption(Toy):
    """Declares an exemption from a check that does not exist."""

    class Config(Toy.Config):
        def exemptions(self) -> dict[str, str]:
            return {"no_futur": "looks ahead"}
