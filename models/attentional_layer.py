"""A recurrent layer followed by global attention over its own states, as a measured layer.

B batch, N positions, D width.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from models.attention_global import (
    GlobalAttention,
    global_attention_flops,
    global_attention_parameters,
)
from models.cost import recurrent_flops, recurrent_parameters
from models.layer import Layer
from models.recurrence import Recurrence, State
from models.recurrent import RecurrentLayer


class RecurrentAttentionLayer(RecurrentLayer):
    """A recurrent layer followed by global attention of its n states over themselves, unmasked."""

    def __init__(self, recurrence: Recurrence, config: Any) -> None:
        super().__init__(recurrence)
        self.attention = GlobalAttention(config.width, config.score, config.attention)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return the attentional vectors (B, N, D)."""
        h_BND = super().forward(x_BND)
        return self.attention(h_BND, h_BND, self.attention.keys(h_BND), None)

    def update(self, x_BND: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Update the recurrence, then attend: one update connects any two positions."""
        h_BND, new = super().update(x_BND, state)
        return self.attention(h_BND, h_BND, self.attention.keys(h_BND), None), new


def attentional_layer(
    cell_name: str, gates: int, recurrence: Callable[[Any, int], Recurrence]
) -> Layer:
    """Return the theory of a layer of n·d² + n²·d whose recurrence ``recurrence(config, D)`` builds."""

    def parameters(config: Any) -> int:
        recurrent = recurrent_parameters(config.width, config.width, gates)
        return recurrent + global_attention_parameters(config.score, config.width)

    def flops(config: Any, n: int) -> int:
        recurrent = recurrent_flops(config.width, config.width, gates, n)
        return recurrent + global_attention_flops(config.score, config.width, n, n)

    return Layer(
        description=f"one {cell_name} layer, then global attention of all its n states over them",
        build=lambda config: RecurrentAttentionLayer(recurrence(config, config.width), config),
        complexity="n·d² + n²·d",
        sequential="n",
        path="1",
        flop_exponents=(2.0, 1.0),
        memory_exponent=1.0,
        explicit_memory_exponent=2.0,
        parameters=parameters,
        flops=flops,
        sequential_operations=lambda n: n + 1,
        path_length=lambda k: 1,
    )
