"""How the positions of one sequence meet in the Transformer's self-attention, by its options.

B batch, N positions, D width, H heads, E width of a head.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.attention import Kernel, Masking, choose_kernel, masking
from models.positions import SinusoidalPositions, alibi_slopes

if TYPE_CHECKING:
    from models.transformer_config import TransformerConfig


def slopes(config: "TransformerConfig", like: Tensor) -> Tensor | None:
    """Return each head's slope (H,) of the linear biases, if that is how positions are given."""
    if config.positions != "alibi":
        return None
    return torch.tensor(alibi_slopes(config.heads), dtype=like.dtype, device=like.device)


def linear_biases(slopes_H: Tensor, positions: int) -> Tensor:
    """Return (H, N, N): minus the slope times the distance, to either side (Press et al. 2021)."""
    place_N = torch.arange(positions, dtype=slopes_H.dtype, device=slopes_H.device)
    return -slopes_H[:, None, None] * (place_N[:, None] - place_N).abs()


def ahead(
    found: Masking,
    config: "TransformerConfig",
    rotary: SinusoidalPositions,
    first: int,
    x_BND: Tensor,
    positions: int = 1,
) -> Masking:
    """Return ``found`` with the scale and the rotation of ``positions`` from ``first`` on."""
    if not config.scale:
        found = found._replace(scale=1.0)
    if config.positions == "rotary":
        found = found._replace(rotation_NE=rotary.rows(first, first + positions, x_BND))
    return found


def meeting(
    config: "TransformerConfig",
    rotary: SinusoidalPositions,
    x_BND: Tensor,
    padding_BN: Tensor | None = None,
    causal: bool = False,
    kernel: Kernel | None = None,
) -> Masking:
    """Return how all positions of one sequence meet each other.

    Args:
        config: the architecture's options.
        rotary: gives the angles of rotary positions.
        x_BND: what attends to itself.
        padding_BN: (B, N) bool, True where real; None: everything is.
        causal: no position sees a later one.
        kernel: None: by the options, the length and the device.
    """
    N, slopes_H = x_BND.shape[1], slopes(config, x_BND)
    kernel = kernel or choose_kernel(config.attention, N, N, x_BND.device)
    bias_HNN = None if slopes_H is None else linear_biases(slopes_H, N)
    found = masking(kernel, config.heads, N, N, x_BND, padding_BN, causal, bias_HNN)
    return ahead(found, config, rotary, 0, x_BND, N)
