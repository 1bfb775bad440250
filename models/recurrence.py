"""One recurrent layer: torch's kernel for whole sequences, or a Python loop over the same cell.

B batch, N positions, F input features, D width, G pre-activations (gates x D).

A new kind of cell is a subclass: its gates, its torch module (which owns the weights), its cell and
its whole-sequence kernel.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Kernel = Literal["fused", "loop"]
ForgetBias = Literal["zero", "one", "chrono"]
State = tuple[Tensor, ...]
"""What a cell hands to the next position, each (B, D): (h,) or (h, c)."""

CLOSED, OPEN = -1e4, 1e4
"""Pre-activations at which a sigmoid is exactly 0 and 1, in float16 and bfloat16 too."""


class Recurrence(nn.Module):
    """One layer of a recurrent network over right-padded sequences.

    Initialisation, the same for every kind and for each gate's block: input weights Xavier uniform
    (Glorot & Bengio 2010, eq. 16), recurrent weights orthogonal (Saxe et al. 2014), biases zero.

    ``kernel``: ``fused`` runs torch's operator for whole sequences (cuDNN on a GPU; on a CPU oneDNN
    for LSTM, a C++ loop for the vanilla RNN), ``loop`` a Python loop over ``cell``, with the same
    result: it compares kinds of cells in one class of kernels.
    """

    gates: ClassVar[int]
    tensors: ClassVar[int] = 1  # in the state

    def __init__(self, inputs: int, width: int, kernel: Kernel = "fused") -> None:
        super().__init__()
        self.width, self.kernel = width, kernel
        self.weights: Any = self.make_weights(inputs, width)
        with torch.no_grad():
            inputs_GF, recurrent_GD, *biases = self.weight_list()
            for gate in inputs_GF.chunk(self.gates):
                nn.init.xavier_uniform_(gate)
            for gate in recurrent_GD.chunk(self.gates):
                nn.init.orthogonal_(gate)
            for bias_G in biases:
                nn.init.zeros_(bias_G)

    @abstractmethod
    def make_weights(self, inputs: int, width: int) -> nn.RNNBase:
        """Return the one-layer torch module that owns the weights."""

    @abstractmethod
    def cell(self, inputs_BG: Tensor, state: State) -> State:
        """Advance by one position, given W_ih x + b_ih; any leading dimensions in place of B."""

    @abstractmethod
    def whole(self, x_BND: Tensor, state: State, mask_BN: Tensor | None) -> tuple[Tensor, State]:
        """Run torch's kernel; return every h, and the state after each row's last real position."""

    def start(self, x_BD: Tensor) -> State:
        """Return the zero state for inputs with these leading dimensions."""
        zero_BD = x_BD.new_zeros(*x_BD.shape[:-1], self.width)
        return (zero_BD,) * self.tensors

    def forward(
        self, x_BNF: Tensor, state: State | None = None, mask_BN: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run over whole sequences.

        Args:
            x_BNF: (B, N, F) float inputs, padded on the right.
            state: state before the first position; zeros if None.
            mask_BN: (B, N) bool, True where real; None: every position is real.

        Returns:
            h at every position (B, N, D), in the padding too, where it means nothing; and the state
            after the last *real* position of each row.
        """
        state = self.start(x_BNF[:, 0]) if state is None else state
        if self.kernel == "fused":
            return self.whole(x_BNF, state, mask_BN)
        visited = []
        for inputs_BG in self.project(x_BNF).unbind(dim=1):
            state = self.cell(inputs_BG, state)
            visited.append(state)
        stacks = [torch.stack(tensors, dim=1) for tensors in zip(*visited, strict=True)]
        return stacks[0], tuple(at_last(stack_BND, mask_BN) for stack_BND in stacks)

    def step(self, x_BF: Tensor, state: State) -> State:
        """Advance by one position (B, F); any leading dimensions in place of B."""
        return self.cell(self.project(x_BF), state)

    def project(self, x_BF: Tensor) -> Tensor:
        """Return the inputs' share of the pre-activations, W_ih x + b_ih."""
        return functional.linear(x_BF, self.weights.weight_ih_l0, self.weights.bias_ih_l0)

    def recur(self, h_BD: Tensor) -> Tensor:
        """Return the state's share of the pre-activations, W_hh h + b_hh."""
        return functional.linear(h_BD, self.weights.weight_hh_l0, self.weights.bias_hh_l0)

    def weight_list(self) -> list[Tensor]:
        """Return W_ih, W_hh, b_ih, b_hh: the order of torch's operators."""
        own = self.weights
        return [own.weight_ih_l0, own.weight_hh_l0, own.bias_ih_l0, own.bias_hh_l0]

    def _call(
        self, function: Any, x_BNF: Tensor, hidden: Any, weights: list[Tensor]
    ) -> tuple[Tensor, ...]:
        # one layer, one direction, with biases. "train" only says whether to keep what a backward
        # pass needs (there is no dropout inside): gradients are wanted of models in evaluation mode too
        train = torch.is_grad_enabled()
        return function(x_BNF, hidden, weights, True, 1, 0.0, train, False, True)


def at_last(states_BND: Tensor, mask_BN: Tensor | None) -> Tensor:
    """Return (B, D), the entry at each row's last real position."""
    if mask_BN is None:
        return states_BND[:, -1]
    last_B = mask_BN.sum(dim=1) - 1
    return states_BND[torch.arange(len(last_B), device=last_B.device), last_B]


class TanhRecurrence(Recurrence):
    """The simple recurrent network (Elman 1990): h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)."""

    gates = 1

    def make_weights(self, inputs: int, width: int) -> nn.RNNBase:
        """Return an ``nn.RNN``."""
        return nn.RNN(inputs, width, batch_first=True)

    def cell(self, inputs_BG: Tensor, state: State) -> State:
        """Advance (h,) by one position."""
        return (torch.tanh(inputs_BG + self.recur(state[0])),)

    def whole(self, x_BND: Tensor, state: State, mask_BN: Tensor | None) -> tuple[Tensor, State]:
        """Run torch's ``rnn_tanh``; the last state is an output, so padding needs no care."""
        weights = self.weight_list()
        h_BND, _ = self._call(torch.rnn_tanh, x_BND, state[0][None].contiguous(), weights)
        return h_BND, (at_last(h_BND, mask_BN),)


class LSTMRecurrence(Recurrence):
    """Long short-term memory (Hochreiter & Schmidhuber 1997) with forget gate (Gers et al. 2000).

    i, f, o = sigmoid, g = tanh of W_ih x_t + b_ih + W_hh h_{t-1} + b_hh, in torch's order i, f, g, o;
    c_t = f ⊙ c_{t-1} + i ⊙ g; h_t = o ⊙ tanh(c_t).

    ``forget_bias``: ``one`` (Jozefowicz et al. 2015), ``zero``, or ``chrono`` (Tallec & Ollivier 2018):
    b_f = log u with u ~ U(1, chrono_max - 1), and b_i = -b_f. All of it lies in b_ih; b_hh, which torch
    adds to it, stays 0.
    """

    gates = 4
    tensors = 2

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
            input_D, forget_D, _, _ = self.weights.bias_ih_l0.chunk(4)
            initialise_forget_bias(forget_D, forget_bias, chrono_max)
            if forget_bias == "chrono":
                input_D.copy_(-forget_D)

    def make_weights(self, inputs: int, width: int) -> nn.RNNBase:
        """Return an ``nn.LSTM``."""
        return nn.LSTM(inputs, width, batch_first=True)

    def cell(self, inputs_BG: Tensor, state: State) -> State:
        """Advance (h, c) by one position."""
        h_BD, c_BD = state
        i_BD, f_BD, g_BD, o_BD = (inputs_BG + self.recur(h_BD)).chunk(4, dim=-1)
        c_BD = torch.sigmoid(f_BD) * c_BD + torch.sigmoid(i_BD) * torch.tanh(g_BD)
        return torch.sigmoid(o_BD) * torch.tanh(c_BD), c_BD

    def whole(self, x_BND: Tensor, state: State, mask_BN: Tensor | None) -> tuple[Tensor, State]:
        """Run torch's ``lstm``.

        The kernel returns c after the last position only, and a packed sequence would lose the fused
        CPU kernel. So where rows are padded, the padding is flagged by one more input feature whose
        weights close the input gate and open the forget gate: c then passes the padding unchanged.
        """
        weights = self.weight_list()
        if mask_BN is not None:
            flag_BN1 = ~mask_BN[..., None]
            x_BND = torch.cat([x_BND, flag_BN1.to(x_BND.dtype)], dim=-1)
            weights = _with_flag(weights)
        hidden = [tensor_BD[None].contiguous() for tensor_BD in state]
        h_BND, h_1BD, c_1BD = self._call(torch.lstm, x_BND, hidden, weights)
        return h_BND, (h_1BD[0] if mask_BN is None else at_last(h_BND, mask_BN), c_1BD[0])


def initialise_forget_bias(bias_D: Tensor, kind: ForgetBias, chrono_max: int) -> None:
    """Fill the bias of the gate that keeps the state; zeros are left as they are."""
    if kind == "one":
        bias_D.fill_(1.0)
    elif kind == "chrono":
        bias_D.uniform_(1.0, chrono_max - 1.0).log_()


def _with_flag(weights: list[Tensor]) -> list[Tensor]:
    """Return the weights for one more input feature that, at 1, makes the cell keep its c."""
    inputs_GF, recurrent_GD, *biases = weights
    width = recurrent_GD.shape[1]
    flag_G1 = inputs_GF.new_zeros(4 * width, 1)
    flag_G1[:width], flag_G1[width : 2 * width] = CLOSED, OPEN
    inputs_GF = torch.cat([inputs_GF, flag_G1], dim=1)
    if inputs_GF.is_cuda:  # cuDNN wants its weights in one buffer
        parts = [inputs_GF, recurrent_GD, *biases]
        flat = torch.cat([part.flatten() for part in parts])
        pieces = flat.split([part.numel() for part in parts])
        return [piece.view_as(part) for piece, part in zip(pieces, parts, strict=True)]
    return [inputs_GF, recurrent_GD, *biases]
