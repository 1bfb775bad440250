"""Keys and values of the target positions so far, for several beams of a sentence at once.

B sentences, K beams of each, H heads, E width of a head, X slots.

Every beam writes the keys and values of every step into a slot of its own, which is never moved. What
changes when beams are reordered is their *ancestry* alone: which slots a beam descends from, and so
sees. Attention is then one product of K queries with X = K·T keys for each sentence and head: more
arithmetic than K products with T keys each, but the cache is never copied (Miao et al. 2023, SpecInfer,
section 4, verify their token trees so).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_STEP = 32  # room is a multiple of it


class Cache(NamedTuple):
    """Keys and values that decoding keeps; of a target, those of all slots, written or not."""

    k_BHSE: Tensor
    v_BHSE: Tensor


class Slots(NamedTuple):
    """Which slots of the caches are written, and who sees them: the same in all layers."""

    written: list[int]
    """One number: how many slots of the buffers any of the states that share them has written."""
    used: int = 0  # slots that this state has written
    room: int = 0  # slots of the buffers
    position: int = 0  # target positions so far
    written_at: tuple[int, ...] = ()  # how many slots each of these positions has
    ancestry_BKX: Tensor | None = None  # bool, X = used; None: every beam sees every slot


def grown(slots: Slots, B: int, K: int, device: torch.device) -> Slots:
    """Return the slots after each of K beams of B sentences has written one position."""
    ancestry_BKX, used = slots.ancestry_BKX, slots.used + K
    if K > 1:
        if ancestry_BKX is None:
            ancestry_BKX = torch.ones((), dtype=torch.bool, device=device).expand(B, K, slots.used)
        own_BKK = torch.eye(K, dtype=torch.bool, device=device).expand(B, K, K)
        ancestry_BKX = torch.cat([ancestry_BKX, own_BKK], dim=2)
    elif ancestry_BKX is not None:
        ancestry_BKX = functional.pad(ancestry_BKX, (0, 1), value=True)
    # products go over the whole room: a quarter more than needed, against a copy now and then
    room = slots.room if used <= slots.room else -(-5 * used // (4 * _STEP)) * _STEP
    if torch.is_grad_enabled():
        room = used
    written_at = (*slots.written_at, K)
    return Slots(slots.written, used, room, slots.position + 1, written_at, ancestry_BKX)


def settled(before: Slots, after: Slots) -> Slots:
    """Return the slots ``after`` a step that all layers have now taken from ``before``."""
    if before.written[0] != before.used or torch.is_grad_enabled():  # these buffers are copies
        return after._replace(written=[after.used])
    after.written[0] = after.used
    return after


def reordered(slots: Slots, rows_N: Tensor, sources: int) -> Slots:
    """Return the slots of beams that descend from the rows ``rows_N`` of B·K."""
    if slots.ancestry_BKX is None:
        return slots
    ancestry_NX = slots.ancestry_BKX.flatten(0, 1).index_select(0, rows_N)
    return slots._replace(ancestry_BKX=ancestry_NX.view(sources, -1, slots.used))


def append(cache: Cache, k_BHKE: Tensor, v_BHKE: Tensor, before: Slots, after: Slots) -> Cache:
    """Return the cache with K more keys and values.

    They are written in place only where no other state has written, so that two states which continue
    the same one do not disturb each other: the second to come gets a copy. Where gradients are wanted
    nothing is written in place, and there is no room for more.
    """
    return Cache(
        _append(cache.k_BHSE, k_BHKE, before, after), _append(cache.v_BHSE, v_BHKE, before, after)
    )


def _append(buffer_BHXE: Tensor, new_BHKE: Tensor, before: Slots, after: Slots) -> Tensor:
    used = before.used
    if torch.is_grad_enabled():
        # the first has no type yet: under autocast it is that of the new
        return torch.cat([buffer_BHXE[:, :, :used], new_BHKE], dim=2) if used else new_BHKE
    ours = before.written[0] == used and buffer_BHXE.is_inference() == torch.is_inference_mode_enabled()
    if not ours or after.room > buffer_BHXE.shape[2]:
        B, H, _, E = new_BHKE.shape
        longer_BHXE = new_BHKE.new_zeros(
            B, H, after.room, E
        )  # what is not written has weight 0, not NaN
        longer_BHXE[:, :, :used] = buffer_BHXE[:, :, :used]
        buffer_BHXE = longer_BHXE
    buffer_BHXE[:, :, used : after.used] = new_BHKE
    return buffer_BHXE
