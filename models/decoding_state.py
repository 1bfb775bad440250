"""The rows of what decoding keeps: of states, and of the memory.

A state is a tree: tensors with the batch first, in tuples, named tuples, lists and dictionaries, beside
plain numbers, strings and None, which all rows share. N rows.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

_PLAIN = (int, float, str, type(None))


def map_tensors(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Return the same tree with every tensor changed.

    Raises:
        TypeError: something in the tree is none of the kinds above; its tensors would be missed.
    """
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {key: map_tensors(change, value) for key, value in state.items()}
    if isinstance(state, tuple | list):
        items = [map_tensors(change, item) for item in state]
        return type(state)(*items) if hasattr(state, "_fields") else type(state)(items)
    if isinstance(state, _PLAIN):
        return state
    raise TypeError(
        f"a decoding state holds a {type(state).__name__}, whose rows cannot be selected: use tensors "
        "in tuples, lists and dictionaries, or override Seq2Seq.select"
    )


def select_rows(state: Any, rows_N: Tensor) -> Any:
    """Return the tree whose row i is row ``rows_N[i]`` (int64) of this one, in every tensor."""
    return map_tensors(lambda tensor: tensor.index_select(0, rows_N), state)


def tensors(state: Any) -> Iterator[Tensor]:
    """Yield every tensor of the tree."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(note, state)
    yield from found
