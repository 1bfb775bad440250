"""A convolution over positions with a gated linear unit, the layer of convolutional seq2seq.

B batch, N positions, M positions kept, D width, C channels (of the gated output), k kernel size,
m taps of the kernel that are used.

Dauphin et al. 2017, "Language modeling with gated convolutional networks"; Gehring et al. 2017,
"Convolutional sequence to sequence learning", section 3.2.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.cost import linear_flops, linear_parameters

HALF = math.sqrt(0.5)
"""Factor on a sum of two that keeps its variance (Gehring et al. 2017, section 3.4)."""


def taps(kernel_size: int, dilation: int, positions: int, *, causal: bool) -> int:
    """Return how many of a kernel's taps can meet a position of so short a sequence: at most k.

    The others would meet nothing but the zeros around it, so they are left out.
    """
    if causal:
        return min(kernel_size, 1 + (positions - 1) // dilation)
    return 1 + 2 * min(kernel_size // 2, (positions - 1) // dilation)


class GatedConvolution(nn.Module):
    """Map (B, N, D) to (B, N, D): a convolution to 2·C channels, a gated linear unit, C of them left.

    ``causal``: a position sees itself and what lies ``dilation``, 2·``dilation`` ... before it;
    otherwise the kernel is centred. There are zeros around the sequence. With ``channels`` a linear map
    leads back from C to D; without, C is D.

    Weights are drawn from N(0, √(4p/(k·D))), p the share of inputs that dropout keeps, since the gate
    leaves a quarter of the variance (Gehring et al. 2017, section 3.5).
    """

    def __init__(
        self,
        width: int,
        kernel_size: int,
        dilation: int = 1,
        *,
        causal: bool,
        channels: int | None = None,
        keep: float = 1.0,
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.causal = kernel_size, dilation, causal
        C = channels or width
        self.weight_XDk = nn.Parameter(torch.empty(2 * C, width, kernel_size))  # X = 2·C
        nn.init.normal_(self.weight_XDk, std=math.sqrt(4 * keep / (kernel_size * width)))
        self.bias_X = nn.Parameter(torch.zeros(2 * C))
        self.narrow: nn.Module = nn.Identity() if channels is None else nn.Linear(C, width)
        if channels is not None:
            nn.init.normal_(self.narrow.weight, std=math.sqrt(1 / C))  # type: ignore[arg-type]
            nn.init.zeros_(self.narrow.bias)  # type: ignore[arg-type]

    def forward(self, x_BND: Tensor, dilation: int | None = None) -> Tensor:
        """Return the gated outputs of all positions; ``dilation`` other than its own, if given."""
        dilation, N, k = dilation or self.dilation, x_BND.shape[1], self.kernel_size
        m = taps(k, dilation, N, causal=self.causal)
        x_BDN = x_BND.transpose(1, 2)
        if self.causal:
            weight_XDm, padding = self.weight_XDk[:, :, k - m :], 0
            x_BDN = functional.pad(x_BDN, ((m - 1) * dilation, 0))
        else:
            weight_XDm, padding = self.weight_XDk[:, :, (k - m) // 2 : (k + m) // 2], m // 2 * dilation
        both_BXN = functional.conv1d(
            x_BDN, weight_XDm, self.bias_X, padding=padding, dilation=dilation if m > 1 else 1
        )
        return self.narrow(functional.glu(both_BXN, dim=1).transpose(1, 2))

    @property
    def kept(self) -> int:
        """Return how many positions before the present one the causal kernel reaches."""
        return (self.kernel_size - 1) * self.dilation

    def step(self, x_BD: Tensor, past_BMD: Tensor) -> tuple[Tensor, Tensor]:
        """Return the causal output at the next position, and the inputs that later ones need.

        Args:
            x_BD: the input at this position.
            past_BMD: those before, at most ``kept`` of them.
        """
        inputs_BMD = torch.cat([past_BMD, x_BD[:, None]], dim=1)
        M = inputs_BMD.shape[1]
        met_BmD = inputs_BMD[:, (M - 1) % self.dilation :: self.dilation][:, -self.kernel_size :]
        weight_XDm = self.weight_XDk[:, :, self.kernel_size - met_BmD.shape[1] :]
        both_BX = functional.linear(
            met_BmD.transpose(1, 2).flatten(1), weight_XDm.flatten(1), self.bias_X
        )
        past_BMD = inputs_BMD[:, max(0, M - self.kept) :]
        return self.narrow(functional.glu(both_BX, dim=-1)), past_BMD


def convolution_parameters(width: int, kernel_size: int, channels: int | None = None) -> int:
    """Parameters of a ``GatedConvolution``."""
    count = linear_parameters(kernel_size * width, 2 * (channels or width))
    return count + (linear_parameters(channels, width) if channels else 0)


def convolution_flops(
    width: int,
    kernel_size: int,
    dilation: int,
    positions: int,
    *,
    causal: bool,
    channels: int | None = None,
) -> int:
    """FLOPs of a ``GatedConvolution``: 4·k·n·d², as the gate takes as many outputs as the values."""
    m = taps(kernel_size, dilation, positions, causal=causal)
    flops = linear_flops(m * width, 2 * (channels or width), positions)
    return flops + (linear_flops(channels, width, positions) if channels else 0)
