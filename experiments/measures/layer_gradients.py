"""Measure ``layer_gradients``: how much of the loss's gradient reaches each layer of a stack.

Norms of ∂loss/∂(weights of a layer) at initialisation, on one batch, in float64, since gradients of a
deep stack leave the range in which float32 tells them from rounding. Whether they fade towards the
bottom is what residual connections are about (He et al. 2016, "Deep Residual Learning for Image
Recognition", section 1).
"""

import re
from dataclasses import replace

from pydantic import Field
from torch import Tensor

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.fit import scoped_seed
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.train import prepare
from models.base import Seq2Seq
from models.batch import Batch
from models.errors import BadInput

_LAYER = re.compile(r"(?P<half>\w+)\.(?:\w+\.)*?(?P<place>\d+)\.")
"""Name of a parameter in a list of layers: ``encoder.3.attention.out.weight``."""


class LayerGradients(Measure):
    """Norm of the loss's gradient in each layer's weights at initialisation, from the bottom up."""

    needs_task = True

    class Options(base.Options):
        """What the loss is averaged over."""

        examples: int = Field(64, gt=0)

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return a curve for each stack, ``encoder`` and ``decoder``: [layer, norm], 1 at the bottom.

        ``bottom`` and ``top`` are the norms at the ends of the first stack, which reads the source
        where there is one.

        Raises:
            BadInput: the architecture has no stack of layers.
        """
        options = self.Options.model_validate(cell.options)
        subject = prepare(cell)
        seed = scoped_seed(cell.seed, "gradient") % 2**31
        batch = in_double(to_batch(subject.task.train_batch(seed, 0, options.examples)))
        curves = layer_norms(subject.build(cell.seed).double().eval(), batch)
        if not curves:
            raise BadInput(f"architecture = '{cell.architecture}': it has no stack of layers.")
        first = next(iter(curves.values()))
        return Outcome(curves=curves, metrics={"bottom": first[0][1], "top": first[-1][1]})


def layer_norms(model: Seq2Seq, batch: Batch) -> dict[str, list[list[float]]]:
    """Return for each half of the model ``[[layer, norm], ...]``, layers counted from 1 at the input.

    The norm is that of the gradient of the mean loss in all weights of the layer together.
    """
    model.zero_grad(set_to_none=True)
    model.loss(model(batch), batch).backward()
    squares: dict[str, dict[int, float]] = {}
    for name, parameter in model.named_parameters():
        if found := _LAYER.match(name):
            half = squares.setdefault(found["half"], {})
            place = int(found["place"])
            half[place] = half.get(place, 0.0) + _square(parameter.grad)
    return {
        half: [[place + 1, norms[place] ** 0.5] for place in sorted(norms)]
        for half, norms in squares.items()
    }


def in_double(batch: Batch) -> Batch:
    """Return the batch with float64 in place of float32; tokens and classes stay as they are."""

    def double(tensor: Tensor) -> Tensor:
        return tensor.double() if tensor.is_floating_point() else tensor

    return replace(batch, source=double(batch.source), target=double(batch.target))


def _square(gradient: Tensor | None) -> float:
    return 0.0 if gradient is None else float(gradient.square().sum())
