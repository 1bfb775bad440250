"""Simple recurrent networks with other activations than tanh, and their initialisations.

B batch, N positions, D width, G pre-activations (G = D). For the rest see models.recurrence.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from models.recurrence import Kernel, State, TanhRecurrence, at_last

Activation = Literal["tanh", "relu", "sigmoid"]
RecurrentInitialisation = Literal["orthogonal", "identity"]

IDENTITY_INPUT_DEVIATION = 1e-3
"""Standard deviation of the input weights beside an identity matrix (Le et al. 2015, section 4)."""


class ReLURecurrence(TanhRecurrence):
    """h_t = max(0, W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)."""

    def make_weights(self, inputs: int, width: int) -> nn.RNNBase:
        """Return an ``nn.RNN`` of the same activation."""
        return nn.RNN(inputs, width, nonlinearity="relu", batch_first=True)

    def cell(self, inputs_BG: Tensor, state: State) -> State:
        """Advance (h,) by one position."""
        return (torch.relu(inputs_BG + self.recur(state[0])),)

    def whole(self, x_BND: Tensor, state: State, mask_BN: Tensor | None) -> tuple[Tensor, State]:
        """Run torch's ``rnn_relu``; the last state is an output, so padding needs no care."""
        weights = self.weight_list()
        h_BND, _ = self._call(torch.rnn_relu, x_BND, state[0][None].contiguous(), weights)
        return h_BND, (at_last(h_BND, mask_BN),)


class SigmoidRecurrence(TanhRecurrence):
    """h_t = sigmoid(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), the textbooks' unit that saturates."""

    def cell(self, inputs_BG: Tensor, state: State) -> State:
        """Advance (h,) by one position."""
        return (torch.sigmoid(inputs_BG + self.recur(state[0])),)

    def whole(self, x_BND: Tensor, state: State, mask_BN: Tensor | None) -> tuple[Tensor, State]:
        """Run torch's ``rnn_tanh`` on equivalent weights: torch has no such kernel of its own.

        sigmoid(a) = (1 + tanh(a / 2)) / 2, so g = 2 h - 1 is a tanh network: W_ih, b_ih and b_hh are
        halved, W_hh is divided by 4, and a quarter of W_hh's row sums is added to b_hh.
        """
        inputs_GF, recurrent_GD, bias_G, recurrent_bias_G = self.weight_list()
        weights = [
            inputs_GF / 2,
            recurrent_GD / 4,
            bias_G / 2,
            recurrent_bias_G / 2 + recurrent_GD.sum(dim=1) / 4,
        ]
        start_1BD = (2 * state[0] - 1)[None].contiguous()
        g_BND, _ = self._call(torch.rnn_tanh, x_BND, start_1BD, weights)
        h_BND = (g_BND + 1) / 2
        return h_BND, (at_last(h_BND, mask_BN),)


KINDS: dict[Activation, type[TanhRecurrence]] = {
    "tanh": TanhRecurrence,
    "relu": ReLURecurrence,
    "sigmoid": SigmoidRecurrence,
}


def simple_recurrence(
    inputs: int,
    width: int,
    kernel: Kernel,
    activation: Activation,
    initialisation: RecurrentInitialisation,
    gain: float,
) -> TanhRecurrence:
    """Return one simple recurrent layer from F inputs to D.

    Args:
        inputs: F.
        width: D.
        kernel: see ``Recurrence``.
        activation: what is applied to the sum.
        initialisation: of the recurrent weights; ``identity`` also makes the input weights small, so
            that the state stays as it is at first (Le et al. 2015).
        gain: factor on the initial recurrent weights.
    """
    layer = KINDS[activation](inputs, width, kernel)
    with torch.no_grad():
        if initialisation == "identity":
            nn.init.eye_(layer.weights.weight_hh_l0)
            nn.init.normal_(layer.weights.weight_ih_l0, std=IDENTITY_INPUT_DEVIATION)
        if gain != 1:
            layer.weights.weight_hh_l0.mul_(gain)
    return layer
