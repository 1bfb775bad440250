"""The graph of operators that a computation runs, recorded as it runs: its size and longest path."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class OperatorGraph(TorchDispatchMode):
    """Record the depth of every result: 1 + the greatest depth among an operator's inputs.

    What exists before has depth 0. A view is no operation: it has the depth of what it shows, which
    in-place operators deepen where they write. An operator that reads no tensor (zeros, random
    numbers) waits for nothing: depth 0. Meant for the meta device, where kernels that a device
    fuses, such as a whole LSTM, run as the operators they consist of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operators = 0
        self.depth = 0  # longest path so far, in operators
        self._contents: dict[int, _Content] = {}  # by the address of a storage

    def depth_of(self, tensor: Tensor) -> int:
        """Return the length of the longest path to a tensor."""
        content = self._contents.get(_address(tensor))
        return 0 if content is None else content.depth_at(Region.of(tensor))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator and note the depth of what it gives."""
        kwargs = kwargs or {}
        read = _tensors((args, kwargs))
        written = _tensors(list(_written(func, args, kwargs)))
        depth = 1 + max(map(self.depth_of, read), default=-1)
        result = func(*args, **kwargs)
        existing = {_address(tensor) for tensor in read}
        made = [tensor for tensor in _tensors(result) if _address(tensor) not in existing]
        if made or written:  # else views alone
            self.operators += 1
            self.depth = max(self.depth, depth)
        for tensor in (*made, *written):
            content = self._contents.setdefault(_address(tensor), _Content(tensor))
            content.depths[Region.of(tensor)] = depth
        return result


class Region(NamedTuple):
    """Which elements of its storage a tensor shows."""

    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> "Region":
        """Return the region of a tensor."""
        return cls(int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride())

    @property
    def last(self) -> int:
        """Return the position of the last element."""
        return self.offset + _extent(self.size, self.stride)

    def meets(self, other: "Region") -> bool:
        """Whether the regions share an element; True in doubt, where their shapes differ."""
        if self.last < other.offset or other.last < self.offset:
            return False
        if (self.size, self.stride) != (other.size, other.stride):
            return True
        axes = sorted(zip(self.stride, self.size, strict=True), reverse=True)
        return _reachable(other.offset - self.offset, axes)


class _Content:
    """Depths of a storage's regions. Keeps the storage alive, so that no address is used twice."""

    def __init__(self, tensor: Tensor) -> None:
        self.storage: torch.UntypedStorage = tensor.untyped_storage()
        self.depths: dict[Region, int] = {}

    def depth_at(self, region: Region) -> int:
        return max((depth for part, depth in self.depths.items() if part.meets(region)), default=0)


def _extent(size: Sequence[int], stride: Sequence[int]) -> int:
    return sum((length - 1) * step for length, step in zip(size, stride, strict=True))


def _reachable(distance: int, axes: Sequence[tuple[int, int]]) -> bool:
    """Whether moves of less than its size along each axis (stride, size) add up to ``distance``."""
    if not axes:
        return distance == 0
    (stride, size), *rest = axes
    if stride == 0:
        return _reachable(distance, rest)
    reach = sum((length - 1) * step for step, length in rest)
    low = max(1 - size, -((reach - distance) // stride))
    high = min(size - 1, (distance + reach) // stride)
    return any(_reachable(distance - moves * stride, rest) for moves in range(low, high + 1))


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _written(func: Any, args: Any, kwargs: Any) -> Iterator[Any]:
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield args[i] if i < len(args) else kwargs.get(argument.name)
