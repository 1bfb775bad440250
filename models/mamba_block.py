"""The block of Mamba: a short convolution, the selective scan, and a gate.

B batch, N positions, D width, I inner width, M state size, R rank of the step size, K window of the
convolution.

Gu & Dao 2023, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", section 3.4.
"""

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.cost import linear_flops, linear_parameters
from models.selective_scan import selective_scan, selective_scan_flops, selective_step

WINDOW = 4
"""K: positions that the convolution sees, as the authors' code has it."""
SHORTEST, LONGEST = 1e-3, 1e-1
"""Range of the step sizes at first (section 3.6)."""


class BlockSizes(NamedTuple):
    """The sizes of a block."""

    width: int  # D
    inner: int  # I
    states: int  # M
    rank: int  # R

    def parameters(self) -> int:
        """Return the number of parameters."""
        D, inner, M, R = self
        maps = linear_parameters(D, 2 * inner, bias=False) + linear_parameters(inner, D, bias=False)
        selection = linear_parameters(inner, R + 2 * M, bias=False) + linear_parameters(R, inner)
        return maps + selection + inner * (WINDOW + 1) + inner * M + inner

    def flops(self, n: int) -> int:
        """Return the FLOPs over n positions, of matrix products and the convolution."""
        D, inner, M, R = self
        maps = linear_flops(D, 2 * inner, n) + linear_flops(inner, D, n)
        selection = linear_flops(inner, R + 2 * M, n) + linear_flops(R, inner, n)
        return maps + selection + linear_flops(WINDOW, inner, n) + selective_scan_flops(inner, M, n)


class BlockState(NamedTuple):
    """What a block keeps while decoding."""

    window_BKI: Tensor  # the last K - 1 inputs of the convolution
    h_BIM: Tensor


class Selected(NamedTuple):
    """What the scan gets, all in float32 at least, and the gate."""

    delta_BNI: Tensor
    x_BNI: Tensor
    B_BNM: Tensor
    C_BNM: Tensor


class MambaBlock(nn.Module):
    """Map (B, N, D) to (B, N, D), causally; Δ, B and C are functions of the input (algorithm 2).

    A starts as -1, ..., -M in every channel (S4D-Real, section 3.6), D as 1, and Δ between SHORTEST and
    LONGEST, uniform in the logarithm.
    """

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        self.sizes = sizes
        D, inner, M, R = sizes
        self.enter = _without_bias(D, 2 * inner)
        self.convolution = nn.Conv1d(inner, inner, WINDOW, groups=inner)
        self.select = _without_bias(inner, R + 2 * M)
        self.step_size = nn.Linear(R, inner)
        self.log_rates = nn.Parameter(torch.arange(1.0, M + 1).log().repeat(inner, 1))  # A = -exp
        self.skip = nn.Parameter(torch.ones(inner))
        self.leave = _without_bias(inner, D)
        with torch.no_grad():
            nn.init.uniform_(self.step_size.weight, -(R**-0.5), R**-0.5)
            low, high = math.log(SHORTEST), math.log(LONGEST)
            delta_I = torch.empty(inner).uniform_(low, high).exp()
            self.step_size.bias.copy_(delta_I + torch.log(-torch.expm1(-delta_I)))  # softplus⁻¹

    def forward(self, x_BND: Tensor) -> Tensor:
        """Run over whole sequences; a position sees itself and what is before it."""
        selected, gate_BNI = self.inputs(x_BND)
        delta, x, B, C = selected
        y_BNI = selective_scan(delta, x, self.rates(), B, C)
        return self.output(y_BNI, x, gate_BNI)

    def inputs(self, x_BND: Tensor) -> tuple[Selected, Tensor]:
        """Return the inputs of the scan, and the gate (B, N, I)."""
        x_BNI, gate_BNI = self.enter(x_BND).chunk(2, dim=-1)
        x_BIN = functional.pad(x_BNI.transpose(1, 2), (WINDOW - 1, 0))
        return self._selected(self.convolution(x_BIN).transpose(1, 2)), gate_BNI

    def start(self, like_BX: Tensor) -> BlockState:
        """Return the zero state: the batch size, device and type of ``like_BX``."""
        _, inner, M, _ = self.sizes
        B = len(like_BX)
        return BlockState(like_BX.new_zeros(B, WINDOW - 1, inner), like_BX.new_zeros(B, inner, M))

    def step(self, x_BD: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Map one more position (B, D)."""
        x_BI, gate_BI = self.enter(x_BD).chunk(2, dim=-1)
        window_BKI = torch.cat([state.window_BKI, x_BI[:, None].to(state.window_BKI.dtype)], dim=1)
        weight_KI = self.convolution.weight[:, 0].T
        x_BI = (window_BKI * weight_KI).sum(dim=1) + cast(Tensor, self.convolution.bias)
        delta, x, B, C = self._selected(x_BI)
        y_BI, h_BIM = selective_step(state.h_BIM, delta, x, self.rates(), B, C)
        return self.output(y_BI, x, gate_BI), BlockState(window_BKI[:, 1:], h_BIM)

    def rates(self) -> Tensor:
        """Return A (I, M)."""
        return -self.log_rates.exp()

    def _selected(self, convolved_BNI: Tensor) -> Selected:
        x_BNI = functional.silu(convolved_BNI)
        _, _, M, R = self.sizes
        delta_BNR, B_BNM, C_BNM = self.select(x_BNI).split([R, M, M], dim=-1)
        delta_BNI = self.step_size(delta_BNR)
        wide = torch.promote_types(delta_BNI.dtype, torch.float32)
        delta_BNI = functional.softplus(delta_BNI.to(wide))
        return Selected(delta_BNI, x_BNI.to(wide), B_BNM.to(wide), C_BNM.to(wide))

    def output(self, y_BNI: Tensor, x_BNI: Tensor, gate_BNI: Tensor) -> Tensor:
        """Return (B, N, D) from what the scan gave, its inputs and the gate."""
        return self.leave((y_BNI + self.skip * x_BNI) * functional.silu(gate_BNI))


def _without_bias(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.xavier_uniform_(linear.weight)
    return linear
