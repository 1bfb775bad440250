"""The graph of operators that a computation runs, recorded as it runs: its size and longest path."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class OperatorGraph(TorchDispatchMode):
    """Record the depth of every result: 1 + the greatest depth among an operator's inputs.

    What exists before has depth 0. A view is no operation: it has its storage's depth, as depth is
    kept by storage. An in-place operator deepens the storage it writes to. An operator that reads no
    tensor (zeros, random numbers) waits for nothing: depth 0. Meant for the meta device, where
    kernels that a device fuses, such as a whole LSTM, run as the operators they consist of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operators = 0
        self.depth = 0  # longest path so far, in operators
        # storages are kept alive, so that no address is used twice
        self._depths: dict[int, tuple[int, torch.UntypedStorage]] = {}

    def depth_of(self, tensor: Tensor) -> int:
        """Return the length of the longest path to a tensor."""
        return self._depths.get(tensor.untyped_storage()._cdata, (0, None))[0]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator and note the depth of what it gives."""
        kwargs = kwargs or {}
        read = _tensors((args, kwargs))
        written = _tensors(list(_written(func, args, kwargs)))
        before = {tensor.untyped_storage()._cdata for tensor in read}
        depth = 1 + max(map(self.depth_of, read), default=-1)
        result = func(*args, **kwargs)
        made = [
            tensor
            for tensor in _tensors(result)
            if tensor.untyped_storage()._cdata not in before  # else a view of an input
        ]
        if made or written:
            self.operators += 1
            self.depth = max(self.depth, depth)
        for tensor in (*made, *written):
            storage = tensor.untyped_storage()
            self._depths[storage._cdata] = (depth, storage)
        return result


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _written(func: Any, args: Any, kwargs: Any) -> Iterator[Any]:
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield args[i] if i < len(args) else kwargs.get(argument.name)
