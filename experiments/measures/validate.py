"""Measure ``validate``: fit with one learning rate and score on validation: a trial of tuning."""

from pydantic import Field

from experiments.cell import Cell
from experiments.convergence import thinned
from experiments.fit import fit
from experiments.measures import base
from experiments.measures.base import Context, Diverged, Measure, Outcome
from experiments.measures.train import Train, checkpoint, checkpoints, prepare
from experiments.run import find_measure
from models.errors import BadInput


class Validate(Measure):
    """Fit with one learning rate, score on validation alone; the test split is not touched."""

    needs_task = True
    trains = True

    class Options(base.Options):
        """What selects."""

        of: str = Field("train", description="the training measure whose validation score selects")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Fit and validate one cell.

        Raises:
            BadInput: there are several learning rates, or ``of`` does not train.
            Diverged: the loss is not finite.
        """
        subject, rates = prepare(cell), cell.recipe["learning_rates"]
        if len(rates) > 1:
            raise BadInput(f"learning_rates = {rates}: measure 'validate' fits with one.")
        kind = find_measure(self.Options.model_validate(cell.options).of)
        if not issubclass(kind, Train):
            raise BadInput(f"of = '{cell.options['of']}': that measure selects nothing.")
        rate = float(rates[0])
        trial = fit(
            subject,
            cell,
            rate,
            context.progress,
            judge=kind().judge(subject, cell),
            checkpoint=checkpoint(checkpoints(context), cell, rate),
            point=lambda name, x, y: context.point(cell, name, x, y),
            prune=context.prune,
        )
        if trial.status == "diverged" or trial.validation is None:
            raise Diverged(f"loss not finite at step {trial.steps}")
        return Outcome(
            status="pruned" if trial.status == "pruned" else "ok",
            reason=f"given up at step {trial.steps}" if trial.status == "pruned" else "",
            metrics={
                "validation": trial.validation,
                "learning_rate": rate,
                "best_step": trial.best_step,
                "converged": trial.converged,
                "steps": trial.steps,
                "training_flops": trial.flops,
                "tokens": trial.tokens,
                "seconds": trial.seconds,
                "cpu_seconds": trial.cpu_seconds,
            },
            curves={"training_loss": thinned(trial.losses), "validation": trial.validations},
        )

    def recorded(self, cell: Cell, context: Context) -> None:
        """Remove the checkpoint: the record is on disk now."""
        Train().recorded(cell, context)
