"""First-order linear recurrences h_t = a_t ⊙ h_{t-1} + b_t of whole sequences, in chunks.

B batch, N positions, X features (any number of dimensions), C chunks, L positions of a chunk.

Every chunk runs at the same time, twice: first only its total decay and the state at its end are kept,
then, once the same scan over those C has told each chunk its start, all its states (Blelloch 1990,
"Prefix sums and their applications", section 1.2.2). The decays are only ever multiplied, so with
0 <= a <= 1 nothing overflows, whatever N: there is no logarithm, no division and no subtraction.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_SMALL = 256  # numbers a position, below which calling an operator costs more than what it computes


def linear_scan(a_BNX: Tensor, b_BNX: Tensor, start_BX: Tensor | None = None) -> Tensor:
    """Return h_t = a_t ⊙ h_{t-1} + b_t at every position, (B, N, X), differentiable once.

    Args:
        a_BNX: decays, floating point. Where their products could overflow, so could the result.
        b_BNX: inputs, of the same shape and type.
        start_BX: h before the first position; None: zeros.
    """
    start_BX = torch.zeros_like(b_BNX[:, 0]) if start_BX is None else start_BX.to(b_BNX.dtype)
    return _LinearScan.apply(a_BNX, b_BNX, start_BX)


def scan_into(
    out_BNX: Tensor, a_BNX: Tensor, b_BNX: Tensor, start_BX: Tensor, *, reverse: bool = False
) -> None:
    """Write the scan into ``out_BNX``, without gradients; ``reverse``: from the last position on."""
    N = b_BNX.shape[1]
    L = chunk_length(start_BX)
    if N < 2 * L:
        _loop(out_BNX, a_BNX, b_BNX, start_BX, range(N)[::-1] if reverse else range(N))
        return
    whole = N - N % L
    chunked, rest = (
        (slice(N - whole, N), slice(N - whole)) if reverse else (slice(whole), slice(whole, N))
    )
    a_BCLX, b_BCLX, out_BCLX = (
        tensor_BNX[:, chunked].unflatten(1, (-1, L)) for tensor_BNX in (a_BNX, b_BNX, out_BNX)
    )
    order = range(L)[::-1] if reverse else range(L)
    first, *others = order
    decay_BCX, end_BCX = a_BCLX[:, :, first].clone(), b_BCLX[:, :, first].clone()
    for i in others:
        torch.addcmul(b_BCLX[:, :, i], a_BCLX[:, :, i], end_BCX, out=end_BCX)
        decay_BCX.mul_(a_BCLX[:, :, i])
    ends_BCX = torch.empty_like(end_BCX)
    scan_into(ends_BCX, decay_BCX, end_BCX, start_BX, reverse=reverse)
    if reverse:
        starts_BCX = torch.cat([ends_BCX[:, 1:], start_BX[:, None]], dim=1)
    else:
        starts_BCX = torch.cat([start_BX[:, None], ends_BCX[:, :-1]], dim=1)
    state_BCX = starts_BCX
    for i in order:
        state_BCX = torch.addcmul(b_BCLX[:, :, i], a_BCLX[:, :, i], state_BCX, out=out_BCLX[:, :, i])
    if whole < N:
        last_BX = ends_BCX[:, 0 if reverse else -1]
        scan_into(out_BNX[:, rest], a_BNX[:, rest], b_BNX[:, rest], last_BX, reverse=reverse)


def chunk_length(start_BX: Tensor) -> int:
    """Return L: the fewer numbers a position has, the more chunks share one call of an operator.

    3·L·log n / log L calls follow each other, and L = 8 needs almost the fewest: on a GPU calls are
    what short scans wait for. On a CPU longer chunks, which store less between passes, win as soon as
    a position is more work than a call.
    """
    return 8 if start_BX.device.type == "cuda" or start_BX.numel() <= _SMALL else 32


def _loop(
    out_BNX: Tensor, a_BNX: Tensor, b_BNX: Tensor, start_BX: Tensor, order: Sequence[int]
) -> None:
    out, a, b = out_BNX.unbind(1), a_BNX.unbind(1), b_BNX.unbind(1)
    state_BX = start_BX
    for t in order:
        state_BX = torch.addcmul(b[t], a[t], state_BX, out=out[t])


def previous(states_BNX: Tensor, start_BX: Tensor) -> Tensor:
    """Return the state before each position."""
    return torch.cat([start_BX[:, None], states_BNX[:, :-1]], dim=1)


class _LinearScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a_BNX: Tensor, b_BNX: Tensor, start_BX: Tensor) -> Tensor:
        h_BNX = torch.empty_like(b_BNX, memory_format=torch.contiguous_format)
        scan_into(h_BNX, a_BNX, b_BNX, start_BX)
        ctx.save_for_backward(a_BNX, h_BNX, start_BX)
        return h_BNX

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given_BNX: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """With g_t the gradient of h_t: g_t = given_t + a_{t+1} ⊙ g_{t+1}, a scan from the end."""
        a_BNX, h_BNX, start_BX = ctx.saved_tensors
        g_BNX = torch.empty_like(h_BNX)
        g_BNX[:, -1] = given_BNX[:, -1]
        scan_into(g_BNX[:, :-1], a_BNX[:, 1:], given_BNX[:, :-1], given_BNX[:, -1], reverse=True)
        return g_BNX * previous(h_BNX, start_BX), g_BNX, a_BNX[:, 0] * g_BNX[:, 0]
