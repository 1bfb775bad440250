"""Two recurrent stacks over the source, one in each direction (Schuster and Paliwal 1997).

B batch, S source positions, F input features, D width; each direction has D/2 units.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.cost import recurrent_flops
from models.recurrence import State
from models.recurrent_stack import RecurrentStack, stack_parameters


class BidirectionalStack(nn.Module):
    """Concatenate, at every position, what a forward and a backward stack have read so far.

    The last state of each layer is that of both directions side by side: the forward one has read the
    whole source at its end, the backward one at its begin (Bahdanau et al. 2015, section 3.2).
    """

    def __init__(self, make: Callable[[], RecurrentStack]) -> None:
        """Build both directions; ``make`` returns a stack from F to D/2."""
        super().__init__()
        self.onward, self.backward_ = make(), make()

    def forward(
        self, x_BSF: Tensor, states: None = None, mask_BS: Tensor | None = None
    ) -> tuple[Tensor, list[State]]:
        """Run over whole sequences, padded on the right; see ``RecurrentStack.forward``."""
        onward_BSE, last = self.onward(x_BSF, None, mask_BS)
        order_BS = reversal(x_BSF, mask_BS)
        backward_BSE, first = self.backward_(_reordered(x_BSF, order_BS), None, mask_BS)
        states_BSD = torch.cat([onward_BSE, _reordered(backward_BSE, order_BS)], dim=-1)
        return states_BSD, [
            tuple(torch.cat(pair, dim=-1) for pair in zip(one, other, strict=True))
            for one, other in zip(last, first, strict=True)
        ]


def reversal(x_BSF: Tensor, mask_BS: Tensor | None) -> Tensor:
    """Return (B, S) int64: the position that each one changes places with; padding stays."""
    B, S = x_BSF.shape[:2]
    place_S = torch.arange(S, device=x_BSF.device)
    if mask_BS is None:
        return place_S.flip(0).expand(B, S)
    length_B1 = mask_BS.sum(dim=1, keepdim=True)
    return torch.where(place_S < length_B1, length_B1 - 1 - place_S, place_S)


def _reordered(x_BSF: Tensor, order_BS: Tensor) -> Tensor:
    return x_BSF.gather(1, order_BS[..., None].expand_as(x_BSF))


def bidirectional_parameters(inputs: int, width: int, layers: int, gates: int) -> int:
    """Parameters of a ``BidirectionalStack``."""
    return 2 * stack_parameters(inputs, width // 2, layers, gates)


def bidirectional_flops(inputs: int, width: int, layers: int, gates: int, positions: int) -> int:
    """FLOPs of a ``BidirectionalStack``."""
    half = width // 2
    first = recurrent_flops(inputs, half, gates, positions)
    return 2 * (first + (layers - 1) * recurrent_flops(half, half, gates, positions))
