"""Fit one model with one learning rate: the only place that builds a Lightning Trainer."""

import hashlib
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.profilers import PassThroughProfiler
from torch import Tensor

from experiments.cell import Cell
from experiments.convergence import converged
from experiments.data import SequenceData
from experiments.tasks.base import Task
from models.base import Seq2Seq
from models.batch import Batch
from models.config import ModelConfig
from models.recipe import Recipe

_NOTHING = nullcontext()


@dataclass(kw_only=True)
class Trial:
    """What fitting with one learning rate gave."""

    learning_rate: float
    status: str = "ok"  # or "diverged"
    validation: float | None = None  # the best score: accuracy, or mean squared error
    best_step: int = 0
    losses: list[float] = field(default_factory=list)  # of every step
    validations: list[list[float]] = field(default_factory=list)  # [step, score]
    converged: bool = False
    seconds: float = 0.0  # training alone
    weights: dict[str, Tensor] = field(default_factory=dict)  # at the best validation


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is trained: architecture, its configuration, task and recipe."""

    architecture: type[Seq2Seq]
    config: ModelConfig
    task: Task
    recipe: Recipe

    def build(self, seed: int, learning_rate: float | None = None) -> Seq2Seq:
        """Return a fresh model: its weights are a function of the seed and of nothing else."""
        torch.manual_seed(scoped_seed(seed, "initialisation"))
        model = self.architecture(self.config, self.task.problem(), self.recipe)
        model.learning_rate = learning_rate or self.recipe.learning_rates[0]
        return model


def scoped_seed(seed: int, scope: str, step: int = 0) -> int:
    """Return the seed of one use (initialisation, dropout ...), independent of all other uses."""
    text = f"{scope}/{seed}/{step}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "little")


def fit(
    subject: Subject,
    cell: Cell,
    learning_rate: float,
    progress: Callable[[str], None] = lambda message: None,
) -> Trial:
    """Train with one learning rate and keep the weights of the best validation score.

    The test split is not touched. A loss that is not finite ends the run with status "diverged".
    """
    model = subject.build(cell.seed, learning_rate)
    watch = _Watch(subject, cell.seed, learning_rate, progress)
    data = SequenceData(subject.task, subject.recipe, seed=cell.seed)
    trainer = build_trainer(subject.recipe, cell, [watch])
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loader workers; data are made in place
        trainer.fit(model, datamodule=data)
    return watch.finish(time.perf_counter() - begun)


def build_trainer(
    recipe: Recipe, cell: Cell, callbacks: list[pl.Callback], *, validate: bool = True
) -> pl.Trainer:
    """Return a Trainer without what costs time at every step: no logger, no bar, no checkpoints."""
    return pl.Trainer(
        accelerator="gpu" if cell.device == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if cell.precision == "bfloat16" else "32-true",
        max_steps=recipe.steps,
        limit_val_batches=1.0 if validate else 0,
        val_check_interval=min(recipe.validate_every, recipe.steps),
        check_val_every_n_epoch=None,
        gradient_clip_val=recipe.gradient_clip,
        profiler=_Unprofiled(),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=recipe.steps + 1,
        use_distributed_sampler=False,
        callbacks=callbacks,
    )


class _Unprofiled(PassThroughProfiler):
    """Lightning names some 25 actions a step to its profiler; entering nothing is cheaper still."""

    def profile(self, action_name: str) -> Any:
        return _NOTHING


class _Watch(pl.Callback):
    """Collect losses and validation scores; keep the best weights; stop at the first NaN."""

    def __init__(
        self, subject: Subject, seed: int, learning_rate: float, progress: Callable[[str], None]
    ) -> None:
        self.subject, self.seed, self.progress = subject, seed, progress
        self.trial = Trial(learning_rate=learning_rate)
        self.losses: list[Tensor] = []
        self.outputs: list[dict[str, Tensor]] = []
        self.larger_is_better = subject.task.problem().objective == "cross_entropy"
        self.validation_seconds = 0.0
        self.validation_begun = 0.0

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        # dropout is a function of (seed, step), so that a resumed run equals an uninterrupted one
        if self.subject.config.dropout > 0:
            torch.manual_seed(scoped_seed(self.seed, "dropout", trainer.global_step))

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        self.losses.append(outputs["loss"].detach())

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.validation_begun = time.perf_counter()
        self.outputs = []

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.outputs.append(outputs)

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        total = sum(float(output["total"]) for output in self.outputs)
        score = total / max(1, sum(int(output["count"]) for output in self.outputs))
        step, trial = trainer.global_step, self.trial
        if self.losses and not torch.isfinite(torch.stack(self.losses[-1:])).all():
            trial.status = "diverged"
            trainer.should_stop = True
            return
        trial.validations.append([step, score])
        best = trial.validation
        if best is None or (score > best if self.larger_is_better else score < best):
            trial.validation, trial.best_step = score, step
            trial.weights = {k: v.detach().cpu().clone() for k, v in module.state_dict().items()}
        self.progress(f"step {step}/{self.subject.recipe.steps}, validation {score:.3f}")
        self.validation_seconds += time.perf_counter() - self.validation_begun

    def finish(self, seconds: float) -> Trial:
        """Close the trial's books."""
        trial = self.trial
        losses = torch.stack(self.losses).float().cpu() if self.losses else torch.zeros(0)
        trial.losses = losses.tolist()
        trial.seconds = seconds - self.validation_seconds
        if not torch.isfinite(losses).all():
            trial.status = "diverged"
        scores = [score for _, score in trial.validations]
        trial.converged = trial.status == "ok" and converged(
            trial.losses, scores, larger_is_better=self.larger_is_better
        )
        return trial
