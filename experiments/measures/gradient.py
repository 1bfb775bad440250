"""Measure ``gradient``: how much of the gradient arrives k positions back, J(k).

J(k) = E ‖∂y / ∂e_{T-k}‖, with e the source embedding and y either a unit-norm random projection of
the last encoder state or the logit of the correct symbol (Pascanu et al. 2013, section 2; of the
logit or state, not of the loss, whose own size changes with training).

B batch, S source positions, D width.
"""

import torch
from pydantic import Field
from torch import Tensor

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.fit import scoped_seed
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.train import prepare, trained_model
from models.base import Memory, Seq2Seq
from models.batch import Batch


class Gradient(Measure):
    """Norm of the gradient k positions back, J(k), at initialisation and after training."""

    needs_task = True
    trains = True

    class Options(base.Options):
        """What the profile is averaged over, and which training cell it follows."""

        examples: int = Field(64, gt=0)
        trained: str = Field(description="key of the training cell whose weights are used")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return curves ``state_init``, ``logit_init``, ``state_trained``, ``logit_trained``."""
        options = self.Options.model_validate(cell.options)
        subject = prepare(cell)
        examples = subject.task.train_batch(
            scoped_seed(cell.seed, "gradient") % 2**31, 0, options.examples
        )
        batch = to_batch(examples).to(cell.device)
        generator = torch.Generator().manual_seed(scoped_seed(cell.seed, "projection"))
        projection_D = torch.randn(subject.config.width, generator=generator)
        projection_D = (projection_D / projection_D.norm()).to(cell.device)
        curves = {}
        models = {
            "init": subject.build(cell.seed).to(cell.device).eval(),
            "trained": trained_model(subject, cell, options.trained, context),
        }
        for moment, model in models.items():
            curves[f"state_{moment}"] = profile(state_gradient(model, batch, projection_D), batch)
            curves[f"logit_{moment}"] = profile(logit_gradient(model, batch), batch)
        return Outcome(curves=curves)


def state_gradient(model: Seq2Seq, batch: Batch, projection_D: Tensor) -> Tensor:
    """Return (B, S), the norms of the gradient of the projected last encoder state."""
    embedded_BSD, memory = _encoded(model, batch)
    last_BD = Seq2Seq.summarise(model, memory)
    return _norms((last_BD @ projection_D).sum(), embedded_BSD)


def logit_gradient(model: Seq2Seq, batch: Batch) -> Tensor:
    """Return (B, S), the norms of the gradient of the first answer's correct logit (or output)."""
    embedded_BSD, memory = _encoded(model, batch)
    logits = model.logits(memory, batch.target)
    if model.problem.readout != "last":
        position = 0 if model.problem.readout == "decoder" else -1
        logits, target_B = logits[:, position], batch.target[:, position]
    else:
        target_B = batch.target
    if model.problem.objective == "mean_squared_error":
        return _norms(logits.sum(), embedded_BSD)
    return _norms(logits.gather(1, target_B[:, None]).sum(), embedded_BSD)


def profile(norms_BS: Tensor, batch: Batch) -> list[list[float]]:
    """Return ``[[k, J(k)], ...]``: means over the examples, k counted back from each one's end."""
    size = norms_BS.shape[1]
    lengths_B = torch.full((len(norms_BS),), size)
    if batch.source_mask is not None:
        lengths_B = batch.source_mask.sum(dim=1).cpu()
    values = norms_BS.double().cpu()
    curve = []
    for k in range(size):
        reach_B = lengths_B > k
        at_B = values[reach_B, (lengths_B - 1 - k)[reach_B]]
        if len(at_B):
            curve.append([k, float(at_B.mean())])
    return curve


def _encoded(model: Seq2Seq, batch: Batch) -> tuple[Tensor, Memory]:
    embedded_BSD = model.source_embedding(batch.source).detach().requires_grad_()
    return embedded_BSD, model.encode(embedded_BSD, batch.source_mask)


def _norms(scalar: Tensor, embedded_BSD: Tensor) -> Tensor:
    (gradient_BSD,) = torch.autograd.grad(scalar, embedded_BSD)
    return gradient_BSD.norm(dim=-1)
