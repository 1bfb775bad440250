"""Measure ``effective_receptive_field``: how much a state depends on what stands how far away.

Luo, Li, Urtasun and Zemel 2016, "Understanding the Effective Receptive Field in Deep Convolutional
Neural Networks", section 2: the gradient of one output unit with respect to every input, averaged over
inputs. A receptive field says what may matter; this says what does, at first and after training.

B batch, S source positions, D width.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.fit import scoped_seed
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.train import prepare, trained_model
from models.base import Seq2Seq
from models.batch import Batch
from models.errors import BadInput

if TYPE_CHECKING:
    from experiments.tasks.base import Task

NOTICEABLE = 1 - 0.9545
"""Share of the largest gradient from which a position counts as seen (Luo et al. 2016, section 3.1)."""


class EffectiveReceptiveField(Measure):
    """Gradient of the encoder's middle state by distance, at initialisation and after training."""

    needs_task = True
    trains = True

    class Options(base.Options):
        """What the gradient is averaged over, and which training cell it follows."""

        examples: int = Field(64, gt=0)
        trained: str = Field(description="key of the training cell whose weights are used")

    @classmethod
    def accept(cls, task: "Task") -> None:
        """Refuse a task without a source.

        Raises:
            BadInput: there is no encoder to ask.
        """
        if not task.problem().has_source:
            raise BadInput(f"task = '{task.name}': no source, so no encoder has a receptive field.")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return curves ``init`` and ``trained``: ``[[distance, gradient], ...]``, right positive.

        Metrics ``size_init`` and ``size_trained`` count the positions whose gradient is above 4.55 % of
        the largest, as the paper counts pixels (where the largest is the centre's own).
        """
        options = self.Options.model_validate(cell.options)
        subject = prepare(cell)
        seed = scoped_seed(cell.seed, "effective receptive field") % 2**31
        batch = to_batch(subject.task.train_batch(seed, 0, options.examples)).to(cell.device)
        generator = torch.Generator().manual_seed(seed)
        direction_BD = torch.randn(options.examples, subject.config.width, generator=generator)
        direction_BD = (direction_BD / direction_BD.norm(dim=1, keepdim=True)).to(cell.device)
        curves = {}
        models = {
            "init": subject.build(cell.seed).to(cell.device).eval(),
            "trained": trained_model(subject, cell, options.trained, context),
        }
        for moment, model in models.items():
            found = gradient_by_distance(model, batch, direction_BD)
            if found is None:
                reason = f"the encoder of {cell.architecture} has no state for each position"
                return Outcome(status="skipped", reason=reason)
            curves[moment] = found
        sizes = {f"size_{moment}": noticeable(curve) for moment, curve in curves.items()}
        return Outcome(metrics=sizes, curves=curves)


def gradient_by_distance(
    model: Seq2Seq, batch: Batch, direction_BD: Tensor
) -> list[list[float]] | None:
    """Return ``[[distance, gradient], ...]``: the mean norm of ∂(direction · state) / ∂embedding.

    The state is that in the middle of each source; distances count from it, to the right positive.
    None where the encoder does not keep a state for each position.

    Args:
        model: in evaluation mode.
        batch: its sources (B, S) and their mask.
        direction_BD: a unit vector for each example.
    """
    embedded_BSD = model.source_embedding(batch.source).detach().requires_grad_()
    states_BSD = model.encode(embedded_BSD, batch.source_mask).states
    B, S = embedded_BSD.shape[:2]
    if states_BSD.shape[1] != S:
        return None
    real_BS = torch.ones(B, S, dtype=torch.bool)
    if batch.source_mask is not None:
        real_BS = batch.source_mask.cpu()
    middle_B = real_BS.sum(dim=1) // 2
    state_BD = states_BSD[torch.arange(B), middle_B]
    (gradient_BSD,) = torch.autograd.grad(
        (state_BD * direction_BD).sum(), embedded_BSD, allow_unused=True, materialize_grads=True
    )
    norm_BS = gradient_BSD.norm(dim=-1).double().cpu()
    distance_BS = torch.arange(S) - middle_B[:, None]
    return [
        [distance, float(norm_BS[here_BS].mean())]
        for distance in range(-int(middle_B.max()), S)
        if (here_BS := real_BS & (distance_BS == distance)).any()
    ]


def noticeable(curve: Sequence[Sequence[float]]) -> int:
    """Return how many positions of a curve have more than NOTICEABLE of its largest gradient."""
    largest = max(value for _, value in curve)
    return sum(value > NOTICEABLE * largest for _, value in curve)
