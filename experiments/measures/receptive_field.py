"""Measure ``receptive_field``: which inputs the encoder's last state depends on.

A whole encoder is asked, at a ``position`` readout, where nothing else leads from the source to the
answer: a decoder's attention would see all of it.

B batch, N positions, D width.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from experiments.cell import Cell
from experiments.fit import scoped_seed
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.path import DRAWS, narrowed
from models.base import Seq2Seq
from models.errors import BadInput
from models.problem import Problem
from models.registry import architecture, config_for

TAGGING = Problem(source_size=11, target_size=11, readout="position")


class ReceptiveField(Measure):
    """Positions that the encoder's last state depends on: the support of its Jacobian."""

    class Options(base.Options):
        """How long the source is."""

        n: int = Field(gt=0, description="source positions")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return ``positions`` (how many are seen), ``reach`` (the farthest, in positions back), and
        ``contiguous`` (whether all up to it are seen).

        ``reach`` is None where no input is seen. ``formula`` is how many theory says; None where the
        source is shorter than that: near its begin, convolutions with gaps miss some. The status is
        ``failed`` where the two differ. The support does not depend on the width, so the model is built
        as narrow as its configuration allows.
        """
        kind, n = architecture(cell.architecture), self.Options.model_validate(cell.options).n
        config = narrowed(config_for(kind, cell.model))
        try:
            kind.accept(TAGGING)
        except BadInput as refusal:
            return Outcome(status="skipped", reason=str(refusal))
        torch.set_num_threads(cell.threads)
        torch.manual_seed(scoped_seed(cell.seed, "initialisation"))
        model = kind(config, TAGGING).double().eval()
        context.progress(f"the Jacobian of the last of {n} states")
        seen_N = seen_from(model, n, n - 1)
        back = [n - 1 - place for place in seen_N.nonzero().flatten().tolist()]
        field = kind.receptive_field(config)
        expected = n if field is None else field if field <= n else None
        reach = max(back, default=None)
        metrics = {
            "positions": len(back),
            "reach": reach,
            "contiguous": reach is None or len(back) == reach + 1,
            "formula": expected,
            "agrees": None if expected is None else len(back) == expected,
        }
        if expected in (None, len(back)):
            return Outcome(metrics=metrics)
        reason = f"the last of {n} states depends on {len(back)} inputs; the formula gives {expected}"
        return Outcome(status="failed", reason=reason, metrics=metrics)


def seen_from(model: Seq2Seq, n: int, t: int) -> Tensor:
    """Return (n,) bool: the embedded inputs that the encoder's state at ``t`` depends on.

    Several random inputs are tried, each with its own random sum of the state's features: in all of
    them a derivative would have to be zero by accident.

    Args:
        model: in float64 and in evaluation mode, with an encoder.
        n: source positions.
        t: from 0 to n - 1.
    """
    x_BND = torch.randn(DRAWS, n, model.config.width, dtype=torch.float64, requires_grad=True)
    with sdpa_kernel(SDPBackend.MATH):
        state_BD = model.encode(x_BND, None).states[:, t]
        (gradient_BND,) = torch.autograd.grad(
            (state_BD * torch.randn_like(state_BD)).sum(), x_BND, allow_unused=True
        )
    if gradient_BND is None:
        return torch.zeros(n, dtype=torch.bool)
    return gradient_BND.count_nonzero(dim=(0, 2)) > 0
