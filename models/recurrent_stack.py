"""Recurrent layers on top of each other.

B batch, N positions, F input features, D width.
"""

from collections.abc import Callable, Iterable

from torch import Tensor, nn

from models.cost import recurrent_flops, recurrent_parameters
from models.dropout import Dropout
from models.recurrence import Recurrence, State


class RecurrentStack(nn.Module):
    """The first layer maps F to D; every further one is x + Recurrence(LayerNorm(x)).

    Residual connections (Wu et al. 2016, section 3.1) and layer normalisation of each further layer's
    input (Ba et al. 2016) keep deep stacks trainable; one layer alone has neither. Dropout is on the
    connections between layers, on the input and on the output, never on the recurrence (Zaremba et
    al. 2014).
    """

    def __init__(
        self, make: Callable[[int], Recurrence], inputs: int, width: int, layers: int, dropout: float
    ) -> None:
        """Build the stack; ``make`` returns a recurrence for a number of input features."""
        super().__init__()
        self.recurrences = nn.ModuleList(make(width if i else inputs) for i in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers - 1))
        self.dropout = Dropout(dropout)

    def forward(
        self, x_BNF: Tensor, states: Iterable[State] | None = None, mask_BN: Tensor | None = None
    ) -> tuple[Tensor, list[State]]:
        """Run over whole sequences.

        Args:
            x_BNF: (B, N, F) float inputs, padded on the right.
            states: state before the first position, one a layer; zeros if None.
            mask_BN: (B, N) bool, True where real; None: every position is real.

        Returns:
            The last layer's output (B, N, D), and each layer's state after the last real position.
        """
        given = [None] * len(self.recurrences) if states is None else list(states)
        return self._through(
            x_BNF, lambda i, inputs_BNF: self.recurrences[i](inputs_BNF, given[i], mask_BN)
        )

    def start(self, like_BX: Tensor) -> list[State]:
        """Return each layer's zero state, of the batch size, device and type of ``like_BX``."""
        return [recurrence.start(like_BX) for recurrence in self.recurrences]  # type: ignore[operator]

    def step(self, x_BF: Tensor, states: list[State]) -> tuple[Tensor, list[State]]:
        """Advance every layer by one position (B, F)."""

        def advance(i: int, inputs_BF: Tensor) -> tuple[Tensor, State]:
            state = self.recurrences[i].step(inputs_BF, states[i])  # type: ignore[operator]
            return state[0], state

        return self._through(x_BF, advance)

    def _through(
        self, x: Tensor, run: Callable[[int, Tensor], tuple[Tensor, State]]
    ) -> tuple[Tensor, list[State]]:
        x, state = run(0, self.dropout(x))
        states = [state]
        for i, norm in enumerate(self.norms, start=1):
            change, state = run(i, self.dropout(norm(x)))
            x = x + change
            states.append(state)
        return self.dropout(x), states


def stack_parameters(inputs: int, width: int, layers: int, gates: int) -> int:
    """Parameters of a ``RecurrentStack``, layer norms included."""
    further = recurrent_parameters(width, width, gates) + 2 * width
    return recurrent_parameters(inputs, width, gates) + (layers - 1) * further


def stack_flops(inputs: int, width: int, layers: int, gates: int, positions: int) -> int:
    """FLOPs of a ``RecurrentStack`` over ``positions`` positions."""
    first = recurrent_flops(inputs, width, gates, positions)
    return first + (layers - 1) * recurrent_flops(width, width, gates, positions)
