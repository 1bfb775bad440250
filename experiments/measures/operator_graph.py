"""The longest path through the operators that torch runs."""

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class OperatorGraph(TorchDispatchMode):
    """Record the depth of every tensor while active: one more than its deepest input.

    A view costs nothing and has its base's depth; an in-place operator deepens its whole storage.
    ``longest`` is the depth of the deepest tensor so far: with unlimited hardware, the number of
    operators that must still run one after the other.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0
        self._depths: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no storage is freed and its identity used again

    def depth(self, tensor: Tensor) -> int:
        """Return the depth of a tensor: 0 for one that no recorded operator made."""
        return self._depths.get(_identity(tensor), 0)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        inputs = _tensors((args, kwargs))
        deepest = max((self.depth(tensor) for tensor in inputs), default=0)
        result = function(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            self._kept.append(tensor.untyped_storage())
            if any(_identity(tensor) == _identity(given) for given in inputs) and not _writes(function):
                continue  # a view
            self._depths[_identity(tensor)] = deepest + 1
            self.longest = max(self.longest, deepest + 1)
        return result


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def _identity(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _writes(function: Any) -> bool:
    arguments = function._schema.arguments
    return any(a.alias_info is not None and a.alias_info.is_write for a in arguments)
