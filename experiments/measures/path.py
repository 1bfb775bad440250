"""Measure ``path``: how many updates until an output depends on an input k positions back.

An update is a layer's smallest parallel step, applied at every position at once (models.layer): one
step of a recurrence, or one whole layer where there is none. The count is read off the support of
the Jacobian ∂y_t/∂x_{t-k}: exactly zero before, not zero from then on (maximum path length,
Vaswani et al. 2017, section 4). The support does not depend on the width, nor on what was learned.

B batch, N positions, D width.
"""

import torch
from torch import Tensor

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.subject import SizeOptions, Subject, apply_settings, subject_of

COTANGENTS = 3
"""Random projections of the output, so that an accidental zero cannot pass for independence."""


class Path(Measure):
    """Updates until the output at t depends on the input at t-k: the maximum path length."""

    Options = SizeOptions

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Measure one distance k (``options.n``) of one layer."""
        apply_settings(cell)
        options = SizeOptions.model_validate(cell.options)
        subject = subject_of(cell, options)
        if subject.layer is None:
            return Outcome(status="skipped", reason="path is defined for one layer, not for a model")
        formula = subject.layer.path_length(options.n)
        updates = updates_needed(subject, options.n, limit=options.n + 2)
        return Outcome(metrics={"updates": updates, "formula": formula})


def updates_needed(subject: Subject, k: int, limit: int) -> int | None:
    """Return the first number of updates after which y_t depends on x_{t-k}; None: not within limit."""
    assert subject.layer is not None
    generator = torch.Generator().manual_seed(k)
    torch.manual_seed(k)
    module = subject.layer.build(subject.config).double()
    shape = (1, k + 1, subject.config.width)
    x_BND = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    outputs, state = [], None
    for _ in range(limit):
        output_BND, state = module.update(x_BND, state)
        outputs.append(output_BND[0, -1])
    if not _depends(outputs[-1], x_BND, generator):
        return None
    low, high = 0, limit  # independent after low, dependent after high: the support only grows
    while high - low > 1:
        middle = (low + high) // 2
        if _depends(outputs[middle - 1], x_BND, generator):
            high = middle
        else:
            low = middle
    return high


def _depends(y_D: Tensor, x_BND: Tensor, generator: torch.Generator) -> bool:
    """Whether y depends on the first position of x, by the Jacobian's support."""
    for _ in range(COTANGENTS):
        cotangent_D = torch.randn(y_D.shape, generator=generator, dtype=y_D.dtype)
        (gradient_BND,) = torch.autograd.grad(
            y_D, x_BND, cotangent_D, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        if bool(gradient_BND[0, 0].count_nonzero()):
            return True
    return False
