"""Dropout (Srivastava et al. 2014) with masks that are cheap to draw on a CPU.

torch draws one Bernoulli number an element, on one thread: on a CPU that is a quarter of a training
step. One random byte an element is an order of magnitude cheaper.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models import speed

LEVELS = 256


def dropped_levels(p: float) -> int:
    """Return how many of a byte's 256 values drop an element: nearest to p, neither none nor all."""
    return min(LEVELS - 1, max(1, round(p * LEVELS)))


def byte_dropout(x: Tensor, p: float) -> Tensor:
    """Zero elements at random and scale up the rest, so that the expectation is ``x``.

    The probability is a multiple of 1/256: p = 0.1 drops 26/256 = 0.1016. The scale is that of the
    probability which is used, so the result is unbiased. Draws come from torch's global generator of
    the CPU: ``torch.manual_seed`` determines them.

    Args:
        x: a floating-point tensor of any shape, on the CPU.
        p: probability to drop an element, in (0, 1).
    """
    dropped = dropped_levels(p)
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
    words.random_(-(2**63), None)  # every int64 is equally likely: 8 random bytes a draw
    drawn = words.view(torch.uint8)[: x.numel()].view(x.shape)
    return x * (drawn >= dropped).to(x.dtype).mul_(LEVELS / (LEVELS - dropped))


class Dropout(nn.Module):
    """Dropout by the current speed settings: from random bytes or by torch's own kernel."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (any shape), with elements dropped in training."""
        if not self.training or self.p == 0:
            return x
        if speed.current().byte_dropout and x.device.type == "cpu":
            return byte_dropout(x, self.p)
        return functional.dropout(x, self.p)

    def extra_repr(self) -> str:
        """Name the probability in the module's printout."""
        return f"p={self.p}"
