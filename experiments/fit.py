"""Fit one model with one learning rate: the only place that builds a Lightning Trainer."""

import hashlib
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.profilers import PassThroughProfiler
from safetensors.torch import load_file

from experiments.cell import Cell
from experiments.data import SequenceData
from experiments.measures.base import Point, Prune, never, no_point
from experiments.tasks.base import Task
from experiments.watch import Judge, Trial, Watch
from models.base import Seq2Seq
from models.config import ModelConfig
from models.errors import BadInput
from models.pretrained import start_from_vectors, start_from_weights
from models.recipe import Recipe

_NOTHING = nullcontext()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is trained: architecture, its configuration, task and recipe."""

    architecture: type[Seq2Seq]
    config: ModelConfig
    task: Task
    recipe: Recipe
    pretrained: Path | None = None  # weights (safetensors) of another model, taken where they fit

    def build(self, seed: int, learning_rate: float | None = None) -> Seq2Seq:
        """Return a fresh model: its weights are a function of the seed and of what was pretrained.

        What is not pretrained has the weights that it would have without.
        """
        torch.manual_seed(scoped_seed(seed, "initialisation"))
        model = self.architecture(self.config, self.task.problem(), self.recipe)
        if (vectors := self.task.source_vectors()) is not None:
            start_from_vectors(model, torch.from_numpy(vectors))
        if self.pretrained is not None:
            start_from_weights(model, load_file(self.pretrained))
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
    *,
    point: Point = no_point,
    prune: Prune = never,
    judge: Judge | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60.0,
    devices: int = 1,
) -> Trial:
    """Train with one learning rate and keep the weights of the best validation score.

    The test split is not touched. A loss that is not finite ends the run with status "diverged", and
    ``prune`` with status "pruned".

    Args:
        subject: what is trained.
        cell: seed, device and precision.
        learning_rate: the peak of the schedule.
        progress: told of every validation.
        point: told of every validation's score, as the record's curve will have it.
        prune: asked after every validation but the last whether to give up.
        judge: further validation scores, of which the first selects; None: the teacher-forced one.
        checkpoint: file that the state goes to every ``checkpoint_seconds``; if it is there, training
            goes on from it, and ends as if it had never stopped.
        checkpoint_seconds: least time between two checkpoints.
        devices: replicas that share every batch; the caller is one of their processes.

    Raises:
        BadInput: several devices with a budget in seconds, of which each would have its own.
    """
    if devices > 1 and subject.recipe.seconds is not None:
        raise BadInput(
            f"seconds = {subject.recipe.seconds:g}: {devices} devices need a budget in steps."
        )
    model = subject.build(cell.seed, learning_rate)
    drops = subject.config.dropout > 0
    watch = Watch(
        Trial(learning_rate=learning_rate),
        dropout_seed=(lambda step: scoped_seed(cell.seed, "dropout", step)) if drops else None,
        progress=progress,
        point=point,
        prune=prune,
        judge=judge,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
        keep_result=devices > 1,
    )
    data = SequenceData(subject.task, subject.recipe, seed=cell.seed)
    trainer = build_trainer(subject.recipe, cell, [watch], devices=devices)
    goes_on = watch.readable()
    if goes_on and watch.finished_before():
        return watch.finish()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on loader workers; data are made in place
        trainer.fit(
            model, datamodule=data, ckpt_path=checkpoint if goes_on else None, weights_only=True
        )
    return watch.finish()


def build_trainer(
    recipe: Recipe,
    cell: Cell,
    callbacks: list[pl.Callback],
    *,
    validate: bool = True,
    devices: int = 1,
) -> pl.Trainer:
    """Return a Trainer without what costs time at every step: no logger, no bar, no checkpoints."""
    return pl.Trainer(
        accelerator="gpu" if cell.device == "cuda" else "cpu",
        devices=devices,
        # within a job of SLURM too, where Lightning would wait for processes that srun starts
        plugins=[LightningEnvironment()],
        strategy="ddp" if devices > 1 else "auto",
        precision="bf16-mixed" if cell.precision == "bfloat16" else "32-true",
        max_steps=recipe.steps,
        limit_val_batches=1.0 if validate else 0,
        val_check_interval=min(recipe.validate_every, recipe.steps) * recipe.accumulate,
        accumulate_grad_batches=recipe.accumulate,
        # counted within the one epoch: the count over all epochs is one too many after a restart
        check_val_every_n_epoch=1,
        gradient_clip_val=recipe.gradient_clip,
        profiler=_Unprofiled(),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=recipe.steps * recipe.accumulate + 1,
        use_distributed_sampler=False,
        callbacks=callbacks,
    )


class _Unprofiled(PassThroughProfiler):
    """Lightning names some 25 actions a step to its profiler; entering nothing is cheaper still."""

    def profile(self, action_name: str) -> Any:
        return _NOTHING
