"""The gated recurrent unit as one recurrent layer (see models.recurrence for the shapes).

B batch, N positions, F input features, D width, G pre-activations (3 x D).
"""

import torch
from torch import Tensor, nn

from models.recurrence import (
    ForgetBias,
    Kernel,
    Recurrence,
    State,
    at_last,
    initialise_forget_bias,
)


class GRURecurrence(Recurrence):
    """Gated recurrent unit (Cho et al. 2014, section 2.3), with torch's place of the reset gate.

    r, z = sigmoid of W_ih x_t + b_ih + W_hh h_{t-1} + b_hh;
    n = tanh(W_in x_t + b_in + r ⊙ (W_hn h_{t-1} + b_hn)); h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}, in torch's
    order r, z, n. The reset gate acts on the product and not on the state: what fused kernels compute.

    ``forget_bias``: of z, the share of the state that is kept, as for the LSTM: ``zero``, ``one``, or
    ``chrono`` (Tallec & Ollivier 2018, section 2): b_z = log u with u ~ U(1, chrono_max - 1).
    """

    gates = 3

    def __init__(
        self,
        inputs: int,
        width: int,
        kernel: Kernel = "fused",
        forget_bias: ForgetBias = "one",
        chrono_max: int = 128,
    ) -> None:
        super().__init__(inputs, width, kernel)
        with torch.no_grad():
            _, update_D, _ = self.weights.bias_ih_l0.chunk(3)
            initialise_forget_bias(update_D, forget_bias, chrono_max)

    def make_weights(self, inputs: int, width: int) -> nn.RNNBase:
        """Return an ``nn.GRU``."""
        return nn.GRU(inputs, width, batch_first=True)

    def cell(self, inputs_BG: Tensor, state: State) -> State:
        """Advance (h,) by one position."""
        (h_BD,) = state
        reset_BD, update_BD, new_BD = inputs_BG.chunk(3, dim=-1)
        past_reset_BD, past_update_BD, past_new_BD = self.recur(h_BD).chunk(3, dim=-1)
        candidate_BD = torch.tanh(new_BD + torch.sigmoid(reset_BD + past_reset_BD) * past_new_BD)
        return (torch.lerp(candidate_BD, h_BD, torch.sigmoid(update_BD + past_update_BD)),)

    def whole(self, x_BND: Tensor, state: State, mask_BN: Tensor | None) -> tuple[Tensor, State]:
        """Run torch's ``gru``; the last state is an output, so padding needs no care."""
        weights = self.weight_list()
        h_BND, _ = self._call(torch.gru, x_BND, state[0][None].contiguous(), weights)
        return h_BND, (at_last(h_BND, mask_BN),)
