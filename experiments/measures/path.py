"""Measure ``path``: how many updates it takes until an output depends on an input k positions away.

The support of the Jacobian is found with dual numbers (forward-mode automatic differentiation): a
tangent starts at one input position and is followed, update by update, until it arrives.

B batch, N positions, D width.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map

from experiments.cell import Cell
from experiments.fit import scoped_seed
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.sizes import SizeOptions
from experiments.measures.subject import layer_of
from models.config import ModelConfig
from models.errors import BadInput

DRAWS = 4
"""Random inputs, each with its own random tangent: all of them would have to cancel by accident."""
LEAST_WIDTH = 8


class Path(Measure):
    """Updates until an output depends on an input k positions back: the maximum path length."""

    Options = SizeOptions

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Count the updates of one layer, for distance k = n.

        The support does not depend on the numbers in the weights, nor on the width, so the layer is
        built as narrow as its configuration allows.
        """
        options = self.Options.model_validate(cell.options)
        if options.scope == "model":
            return Outcome(status="skipped", reason="path is measured of one layer: scope = layer")
        layer, config = layer_of(cell)
        k, formula = options.n, layer.path_over(config, options.n)
        if formula is None:
            return Outcome(status="skipped", reason="this layer never joins two positions")
        torch.set_num_threads(cell.threads)
        torch.manual_seed(scoped_seed(cell.seed, "initialisation"))
        narrow = narrowed(config)
        module = layer.build(narrow).double().eval()
        context.progress(f"following a tangent over {k} positions")
        updates = updates_until(module, narrow.width, k, limit=max(formula, k + 1) + 1)
        return Outcome(metrics={"updates": updates, "formula": formula})


def updates_until(module: nn.Module, width: int, k: int, limit: int) -> int | None:
    """Return the number of updates until the output at t depends on the input at t - k.

    Args:
        module: a layer in float64 (models.layer.LayerModule).
        width: D.
        k: distance; the sequence has k + 1 positions, and t is the last.
        limit: the most updates that are tried; None is returned if they do not do.
    """
    x_BND = torch.randn(DRAWS, k + 1, width, dtype=torch.float64)
    tangent_BND = torch.zeros_like(x_BND)
    tangent_BND[:, 0] = torch.randn(DRAWS, width, dtype=torch.float64)
    state: Any = None
    # fused attention has no forward-mode derivative; torch's own explicit form does
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        for updates in range(1, limit + 1):
            with forward_ad.dual_level():
                dual_BND = forward_ad.make_dual(x_BND, tangent_BND)
                output_BND, new = module.update(dual_BND, tree_map(_dual, state))  # type: ignore[operator]
                arrived_BND = forward_ad.unpack_dual(output_BND).tangent
                state = tree_map(_split, new)
            if arrived_BND is not None and bool(arrived_BND[:, -1].count_nonzero()):
                return updates
    return None


def narrowed(config: ModelConfig) -> ModelConfig:
    """Return the configuration with the smallest width that is allowed, from ``LEAST_WIDTH`` on."""
    multiple = config.width_multiple()
    width = -(-LEAST_WIDTH // multiple) * multiple
    if width >= config.width:
        return config
    try:
        return config.resized(width=width)
    except (BadInput, ValueError):  # a configuration with a condition of its own
        return config


class _Pair(tuple[Tensor, Tensor | None]):
    """A value and its tangent, kept between two levels of differentiation; a leaf to pytrees."""


def _split(leaf: Any) -> Any:
    """Take a dual tensor apart and bring each position's tangent to size 1.

    A tangent may shrink with every step, below what a float can hold after some hundred of them.
    Only whether it is zero matters, so each position's is scaled up again.
    """
    if not isinstance(leaf, Tensor):
        return leaf
    value, tangent = forward_ad.unpack_dual(leaf)
    if tangent is not None and tangent.dim() > 2:
        size = tangent.abs().amax(dim=tuple(range(2, tangent.dim())), keepdim=True)
        tangent = tangent / torch.where(size > 0, size, torch.ones_like(size))
    return _Pair((value.detach(), tangent))


def _dual(leaf: Any) -> Any:
    if not isinstance(leaf, _Pair):
        return leaf
    value, tangent = leaf
    return value if tangent is None else forward_ad.make_dual(value, tangent)
