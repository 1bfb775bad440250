"""The selective scan of Mamba (S6) without ever keeping the states of all positions.

B batch, N positions, I inner width, M state size of a channel, L positions of a segment.

Gu & Dao 2023, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", algorithm 2 and
section 3.3.2. The states are M times as large as the inputs; here, too, they exist for one segment at
a time only, and the backward pass computes them again from the state at the segment's begin.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.cost import linear_flops
from models.scan import previous, scan_into

#: Numbers of a segment's states, by device: what stays in a CPU's cache, and what fills a GPU. The meta
#: device, where depth is counted, stands for parallel hardware.
_NUMBERS = dict.fromkeys(("cuda", "meta"), 1 << 26)
_NUMBERS_ELSEWHERE = 1 << 18


def selective_scan(
    delta_BNI: Tensor, x_BNI: Tensor, A_IM: Tensor, B_BNM: Tensor, C_BNM: Tensor
) -> Tensor:
    """Return y (B, N, I) from zero states, differentiable once.

    h_t = exp(Δ_t A) ⊙ h_{t-1} + (Δ_t x_t) B_tᵀ, an I x M matrix, and y_t = h_t C_t (equation 2a, with
    A discretised by zero-order hold and B by Euler's rule, as the authors' code does).

    Args:
        delta_BNI: step sizes, positive.
        x_BNI: inputs.
        A_IM: negative, so that states decay.
        B_BNM: what of the input enters each state.
        C_BNM: how much of each state is read.

    All are of one floating-point type, float32 at least.
    """
    with _full_precision(x_BNI):
        return _SelectiveScan.apply(delta_BNI, x_BNI, A_IM, B_BNM, C_BNM)


def selective_step(
    h_BIM: Tensor, delta_BI: Tensor, x_BI: Tensor, A_IM: Tensor, B_BM: Tensor, C_BM: Tensor
) -> tuple[Tensor, Tensor]:
    """Return y (B, I) and the state after one more position."""
    h_BIM = torch.exp(delta_BI[..., None] * A_IM) * h_BIM
    h_BIM = h_BIM + (delta_BI * x_BI)[..., None] * B_BM[:, None]
    with _full_precision(x_BI):
        return (h_BIM @ C_BM[..., None])[..., 0], h_BIM


def _full_precision(like: Tensor) -> AbstractContextManager[Any]:
    """Products here are not for autocast: of 8 bits, those of a state that lasts would be lost."""
    kind = like.device.type
    autocasts = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.autocast(kind, enabled=False) if autocasts else nullcontext()


def selective_scan_flops(inner: int, states: int, positions: int) -> int:
    """FLOPs of the one matrix product, y = h C."""
    return linear_flops(states, inner, positions)


class _Segment(NamedTuple):
    """A part of the sequence; ``decay`` and ``h`` are (B, L, I, M)."""

    delta: Tensor
    x: Tensor
    B: Tensor
    C: Tensor
    decay: Tensor
    h: Tensor


def _compute(part: slice, tensors: tuple[Tensor, ...], A_IM: Tensor, start_BIM: Tensor) -> _Segment:
    delta, x, B, C = (tensor[:, part] for tensor in tensors)
    decay = torch.mul(delta[..., None], A_IM).exp_()
    h = (delta * x)[..., None] * B[:, :, None]
    scan_into(h, decay, h, start_BIM)  # reads each position before it writes it
    return _Segment(delta, x, B, C, decay, h)


def _segments(x_BNI: Tensor, M: int) -> list[slice]:
    B, N, inner = x_BNI.shape
    numbers = _NUMBERS.get(x_BNI.device.type, _NUMBERS_ELSEWHERE)
    L = max(16, numbers // (B * inner * M))
    return [slice(first, min(first + L, N)) for first in range(0, N, L)]


class _SelectiveScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, delta_BNI: Tensor, x_BNI: Tensor, A_IM: Tensor, B_BNM: Tensor, C_BNM: Tensor
    ) -> Tensor:
        y_BNI, starts = torch.empty_like(x_BNI), []
        state_BIM = x_BNI.new_zeros(len(x_BNI), *A_IM.shape)
        for part in _segments(x_BNI, A_IM.shape[1]):
            starts.append(state_BIM)
            segment = _compute(part, (delta_BNI, x_BNI, B_BNM, C_BNM), A_IM, state_BIM)
            y_BNI[:, part] = (segment.h @ segment.C[..., None])[..., 0]
            state_BIM = segment.h[:, -1].clone()
        ctx.save_for_backward(delta_BNI, x_BNI, A_IM, B_BNM, C_BNM, *starts)
        return y_BNI

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given_BNI: Tensor) -> tuple[Tensor, ...]:
        with _full_precision(given_BNI):
            return _backward(ctx.saved_tensors, given_BNI)


def _backward(saved: tuple[Tensor, ...], given_BNI: Tensor) -> tuple[Tensor, ...]:
    """With g_t the gradient of h_t: g_t = given_t C_tᵀ + exp(Δ_{t+1} A) ⊙ g_{t+1}."""
    delta_BNI, x_BNI, A_IM, B_BNM, C_BNM, *starts = saved
    inputs = delta_BNI, x_BNI, B_BNM, C_BNM
    gradients = tuple(torch.empty_like(tensor) for tensor in inputs)
    A_gradient_IM = torch.zeros_like(A_IM)
    later_BIM = torch.zeros_like(starts[0])  # what the positions after a segment say of its last h
    parts = _segments(x_BNI, A_IM.shape[1])
    for part, start_BIM in zip(reversed(parts), reversed(starts), strict=True):
        segment = _compute(part, inputs, A_IM, start_BIM)
        delta, x, B, C, decay, h = segment
        given = given_BNI[:, part]
        g = given[..., None] * C[:, :, None]
        g[:, -1] += later_BIM
        scan_into(g[:, :-1], decay[:, 1:], g[:, :-1], g[:, -1], reverse=True)
        later_BIM = decay[:, 0] * g[:, 0]
        entered = (g @ B[..., None])[..., 0]  # the gradient of Δ x
        exponent = previous(h, start_BIM).mul_(decay).mul_(g)  # that of Δ A
        A_gradient_IM += torch.einsum("blim,bli->im", exponent, delta)
        found = (
            entered * x + (exponent * A_IM).sum(dim=-1),
            entered * delta,
            (g.transpose(2, 3) @ (delta * x)[..., None])[..., 0],
            (h.transpose(2, 3) @ given[..., None])[..., 0],
        )
        for whole, own in zip(gradients, found, strict=True):
            whole[:, part] = own
    delta_gradient, x_gradient, B_gradient, C_gradient = gradients
    return delta_gradient, x_gradient, A_gradient_IM, B_gradient, C_gradient
