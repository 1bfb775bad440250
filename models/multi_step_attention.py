"""Attention of a decoder layer to the source in convolutional seq2seq: one in every layer.

B batch, T target positions, S source positions, D width.

Gehring et al. 2017, "Convolutional sequence to sequence learning", section 3.3: a query is compared
with the encoder's outputs z, and reads the sum of z and the encoder's inputs e.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.attention import Kernel, Masking, attend, attention_weights, masking
from models.cost import attention_core_flops, linear_flops
from models.gated_convolution import HALF


class Source(NamedTuple):
    """What all layers attend to, made once."""

    keys_B1SD: Tensor  # z
    values_B1SD: Tensor  # (z + e)·√½
    masking: Masking
    root_B11: Tensor | float  # √ of the number of real source positions


def attended(
    keys_BSD: Tensor, values_BSD: Tensor, mask_BS: Tensor | None, kernel: Kernel, queries: int
) -> Source:
    """Return the source as ``queries`` target positions meet it."""
    S = keys_BSD.shape[1]
    how = masking(kernel, 1, queries, S, keys_BSD, mask_BS)._replace(scale=1.0)
    root: Tensor | float = math.sqrt(S)
    if mask_BS is not None:
        root = mask_BS.sum(dim=1).to(keys_BSD.dtype).sqrt()[:, None, None]
    return Source(keys_BSD[:, None], values_BSD[:, None], how, root)


class MultiStepAttention(nn.Module):
    """One attention: the query is a linear map of the layer's state plus its input embedding.

    Scores are not divided by √D. The result is multiplied by √S, as a mean over S has 1/S of the
    variance (section 3.4).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        nn.init.normal_(self.query.weight, std=math.sqrt(1 / width))
        nn.init.zeros_(self.query.bias)

    def forward(self, h_BTD: Tensor, embedded_BTD: Tensor, source: Source) -> Tensor:
        """Return the layer's states with what they read from the source, (B, T, D)."""
        keys, values, how, root = source
        read_B1TD = attend(self._queries(h_BTD, embedded_BTD), keys, values, how)
        return (h_BTD + read_B1TD[:, 0] * root) * HALF

    def weights(self, h_BTD: Tensor, embedded_BTD: Tensor, source: Source) -> Tensor:
        """Return how much each target position attends to each of the source, (B, T, S)."""
        queries_B1TD = self._queries(h_BTD, embedded_BTD)
        return attention_weights(queries_B1TD, source.keys_B1SD, source.masking)[:, 0]

    def _queries(self, h_BTD: Tensor, embedded_BTD: Tensor) -> Tensor:
        return torch.mul(self.query(h_BTD) + embedded_BTD, HALF)[:, None]


def multi_step_flops(width: int, queries: int, keys: int) -> int:
    """FLOPs of one ``MultiStepAttention``."""
    return linear_flops(width, width, queries) + attention_core_flops(width, queries, keys)
