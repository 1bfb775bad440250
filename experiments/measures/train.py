"""Measure ``train``: fit, select on validation, test once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import load_file, save_file

from experiments.cell import Cell
from experiments.convergence import thinned
from experiments.fit import Subject, fit
from experiments.measures import base
from experiments.measures.base import Context, Diverged, Measure, Outcome, Point, no_point
from experiments.measures.tested import test
from experiments.replicas import devices, train_replicas
from experiments.tasks.find import task_for
from experiments.watch import Judge, Trial
from models import speed
from models.base import Seq2Seq
from models.recipe import Recipe
from models.registry import architecture, config_for


class Train(Measure):
    """Train with every learning rate, select one on validation, test it once."""

    needs_task = True
    trains = True

    class Options(base.Options):
        """How the selected model is tested."""

        free_running: bool = Field(True, description="also decode greedily, without the true prefix")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Train and test one cell.

        Raises:
            Diverged: every learning rate gave a loss that is not finite.
        """
        subject = self.subject(cell, context)
        trials, best, model = train_best(
            subject,
            cell,
            context.progress,
            judge=self.judge(subject, cell),
            folder=checkpoints(context),
            point=lambda name, x, y: context.point(cell, name, x, y),
        )
        save_weights(model, context.store.artifacts / f"{cell.key}.safetensors")
        found = self.tested(model, subject, cell, context)
        curves = {}
        for trial in trials:
            curves[f"training_loss@{trial.learning_rate:g}"] = thinned(trial.losses)
            curves[f"validation@{trial.learning_rate:g}"] = trial.validations
        for name in ("training_loss", "validation"):
            curves[name] = curves[f"{name}@{best.learning_rate:g}"]
        return Outcome(
            metrics=found.metrics | training_metrics(subject, best, model),
            slices=found.slices,
            curves=curves | self.further_curves(best),
            sentences=found.sentences,
            samples=found.samples,
            environment=found.environment,
            trials=[row(t) for t in trials],
        )

    def subject(self, cell: Cell, context: Context) -> Subject:
        """Return what is trained."""
        return prepare(cell)

    def recorded(self, cell: Cell, context: Context) -> None:
        """Remove the checkpoints, which are large: the record is on disk now."""
        for rate in cell.recipe["learning_rates"]:
            kept = checkpoint(checkpoints(context), cell, rate)
            for path in (kept, *(kept.with_suffix(end) for end in (".part", ".damaged"))):
                path.unlink(missing_ok=True)

    def judge(self, subject: Subject, cell: Cell) -> Judge | None:
        """Return what scores the model on validation; None: the teacher-forced score selects."""
        return None

    def tested(self, model: Seq2Seq, subject: Subject, cell: Cell, context: Context) -> Outcome:
        """Return metrics and statistics of the selected model on the test split."""
        free_running = self.Options.model_validate(cell.options).free_running
        metrics, slices = test(model, subject, free_running=free_running)
        return Outcome(metrics=metrics, slices=slices)

    def further_curves(self, best: Trial) -> dict[str, list[Any]]:
        """Return curves of the selected trial beside loss and validation."""
        return {}


def training_metrics(subject: Subject, best: Trial, model: Seq2Seq) -> dict[str, Any]:
    """Return what selecting, training and its cost gave, for the record."""
    return {
        "validation": best.validation,
        "learning_rate": best.learning_rate,
        "best_step": best.best_step,
        "converged": best.converged,
        "chance": subject.task.chance(),
        "target_only_floor": subject.task.target_only_floor(),
        "parameters": model.counted_core_parameters(),
        "parameters_total": sum(p.numel() for p in model.parameters()),
        "steps": best.steps,
        "training_flops": best.flops,
        "tokens": best.tokens,
        "padding_share": best.padding_share,
        "seconds": best.seconds,
        "cpu_seconds": best.cpu_seconds,
        "seconds_per_step": best.seconds / max(1, best.steps),
    } | subject.task.facts()


def prepare(cell: Cell) -> Subject:
    """Apply the cell's settings to this process and return what is to be trained."""
    torch.set_num_threads(cell.threads)
    speed.apply(speed.choose(cell.device, cell.speed))
    model_class = architecture(cell.architecture)
    return Subject(
        architecture=model_class,
        config=config_for(model_class, cell.model),
        task=task_for(cell.task or "", cell.data),
        recipe=Recipe.model_validate(cell.recipe),
    )


def train_best(
    subject: Subject,
    cell: Cell,
    progress: Callable[[str], None],
    *,
    judge: Judge | None = None,
    folder: Path | None = None,
    point: Point = no_point,
) -> tuple[list[Trial], Trial, Seq2Seq]:
    """Fit every learning rate; return the trials, the best on validation, and its model.

    ``folder`` keeps the state of long training; a trial that is found there goes on. ``point`` is told
    of every validation.

    Raises:
        Diverged: no trial came to its end with finite losses.
    """
    trials = []
    for rate in subject.recipe.learning_rates:
        saved = folder and checkpoint(folder, cell, rate)
        if saved and devices() > 1:
            progress(f"learning rate {rate:g} on {devices()} devices")
            train_replicas(cell, rate, saved, devices(), pretrained=subject.pretrained)
        told = _named(progress, rate)
        trials.append(fit(subject, cell, rate, told, judge=judge, checkpoint=saved, point=point))
    finished = [t for t in trials if t.status == "ok" and t.validation is not None]
    if not finished:
        raise Diverged(
            f"loss not finite at learning rates {', '.join(f'{t.learning_rate:g}' for t in trials)}"
        )
    smaller_is_better = subject.task.problem().objective == "mean_squared_error"
    best = (min if smaller_is_better else max)(finished, key=lambda trial: trial.validation or 0.0)
    return trials, best, with_weights(subject, cell, best.weights)


def _named(progress: Callable[[str], None], rate: float) -> Callable[[str], None]:
    return lambda message: progress(f"learning rate {rate:g}, {message}")


def checkpoints(context: Context) -> Path:
    """Return the folder that long training keeps its state in."""
    return context.store.artifacts / "checkpoints"


def checkpoint(folder: Path, cell: Cell, rate: float) -> Path:
    """Return the file of one trial's state."""
    return folder / f"{cell.key}@{rate:g}.ckpt"


def save_weights(model: Seq2Seq, artifact: Path) -> None:
    """Write a model's weights, whole or not at all."""
    artifact.parent.mkdir(parents=True, exist_ok=True)
    part = artifact.with_suffix(".part")
    # clones: safetensors refuses tensors that share memory, as tied embeddings do
    save_file({name: value.clone() for name, value in model.state_dict().items()}, part)
    part.replace(artifact)


def trained_model(subject: Subject, cell: Cell, trained: str, context: Context) -> Seq2Seq:
    """Return the model of the training cell with key ``trained``; train again if its file is gone."""
    artifact = context.store.artifacts / f"{trained}.safetensors"
    if artifact.exists():
        return with_weights(subject, cell, load_file(artifact))
    return train_best(subject, cell, context.progress)[2]


def with_weights(subject: Subject, cell: Cell, weights: dict[str, torch.Tensor]) -> Seq2Seq:
    """Return the model, in evaluation mode, with these weights, on the cell's device."""
    model = subject.build(cell.seed)
    model.load_state_dict(weights)
    return model.to(cell.device).eval()


def row(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain data for the record."""
    return {
        "learning_rate": trial.learning_rate,
        "status": trial.status,
        "validation": trial.validation,
        "best_step": trial.best_step,
        "converged": trial.converged,
        "steps": trial.steps,
        "seconds": trial.seconds,
    }
