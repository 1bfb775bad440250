"""What happens beside the training loop: scores, the best weights, budgets, checkpoints.

One callback, whose whole state is in every checkpoint: a resumed run goes on as if never interrupted.
"""

import functools
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from experiments.convergence import converged
from experiments.measures.base import Point, Prune, never, no_point
from models.base import Seq2Seq
from models.batch import Batch

Scores = dict[str, float]
Judge = Callable[[Seq2Seq], Scores]
"""Scores the model on validation, beyond the teacher-forced score; the first one selects."""

ASKED_EVERY = 20
"""Batches between two questions whether a checkpoint is due, where replicas must agree."""

JUDGED_TOP = 100.0
"""The best score that a judge can give (BLEU, chrF); a teacher-forced accuracy is at most 1."""

BACKWARD = 3
"""Forward and backward together cost so many forward passes."""


@dataclass(kw_only=True)
class Trial:
    """What fitting with one learning rate gave."""

    learning_rate: float
    status: str = "ok"  # or "diverged", "pruned"
    validation: float | None = None  # the best of the score that selects
    best_step: int = 0
    losses: list[float] = field(default_factory=list)  # of every step
    accumulate: int = 1  # batches a step
    validations: list[list[float]] = field(default_factory=list)  # [step, the score that selects]
    curves: dict[str, list[list[float]]] = field(default_factory=dict)  # further scores by step, cost
    converged: bool = False
    seconds: float = 0.0  # training alone, wall clock
    cpu_seconds: float = 0.0  # of the process: training and validation
    flops: int = 0  # of training, by formula over the real batches
    tokens: int = 0  # target positions trained on, without padding
    source_tokens: int = 0
    positions: int = 0  # source and target positions computed, padding included
    weights: dict[str, Tensor] = field(default_factory=dict)  # at the best validation

    @property
    def steps(self) -> int:
        """Return the optimiser steps taken."""
        return len(self.losses)

    @property
    def padding_share(self) -> float:
        """Return the share of computed positions that were padding."""
        return 1 - (self.tokens + self.source_tokens) / max(1, self.positions)


_SAVED = (
    *("status", "validation", "best_step", "validations", "curves", "weights"),
    *("seconds", "cpu_seconds", "flops", "tokens", "source_tokens", "positions"),
)
"""A trial's fields that a checkpoint keeps as they are."""


class Watch(pl.Callback):
    """Collect losses and scores; keep the best weights; stop when it is time; save checkpoints."""

    def __init__(
        self,
        trial: Trial,
        *,
        dropout_seed: Callable[[int], int] | None = None,
        progress: Callable[[str], None] = lambda message: None,
        point: Point = no_point,
        prune: Prune = never,
        judge: Judge | None = None,
        checkpoint: Path | None = None,
        checkpoint_seconds: float = 60.0,
        keep_result: bool = False,
    ) -> None:
        self.trial, self.dropout_seed, self.progress = trial, dropout_seed, progress
        self.judge, self.checkpoint, self.checkpoint_seconds = judge, checkpoint, checkpoint_seconds
        self.point, self.prune = point, prune
        self.keep_result = keep_result  # in the checkpoint, however short the trial was
        self.losses: list[Tensor] = []
        self.outputs: list[dict[str, Tensor]] = []
        self.recent: deque[dict[str, Tensor]] = deque()
        self.larger_is_better = True
        self.since_best = 0
        self.finished = False
        self.saved_at = time.monotonic()
        self.wall = self.cpu = 0.0  # clocks when the present stretch of training began
        self.validating = 0.0  # seconds, wall clock
        self.validation_begun = self.last_validation = 0.0  # of what counts against a budget
        self.own: dict[str, Tensor] = {}  # the model's weights while their mean is validated

    def readable(self) -> bool:
        """Return whether there is a checkpoint to go on from; a damaged one is set aside."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return False
        try:
            self._saved()
        except Exception as error:  # of many kinds, by where the file is damaged
            self.progress(f"checkpoint set aside: {type(error).__name__}")
            self.checkpoint.replace(self.checkpoint.with_suffix(".damaged"))
            return False
        return True

    def _saved(self) -> dict[str, Any]:
        assert self.checkpoint is not None
        saved = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        return dict(saved["callbacks"][self.state_key])

    def finished_before(self) -> bool:
        """Take over the trial of the checkpoint, if it had come to its end."""
        state = self._saved()
        if state["finished"]:
            self.load_state_dict(state)
            self.larger_is_better = state["larger_is_better"]
            self.wall, self.cpu = time.perf_counter(), time.process_time()
        return bool(state["finished"])

    # Clocks ---------------------------------------------------------------------------------------

    def on_fit_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Lightning hook: learn the recipe and start the clocks."""
        assert isinstance(module, Seq2Seq)
        self.recipe = module.recipe
        self.trial.accumulate = self.recipe.accumulate
        self.larger_is_better = module.problem.objective == "cross_entropy"
        self.recent = deque(self.recent, maxlen=self.recipe.average_last)
        self.cost = functools.lru_cache(maxsize=4096)(
            lambda source, target: module.cost(module.config, module.problem, source, target).flops
        )
        if self.recipe.seconds is not None:
            module.share_spent = self.share_spent
        self.on_cpu = trainer.strategy.root_device.type == "cpu"
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def spend(self) -> None:
        """Book the time since the last booking."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.trial.seconds += wall - self.wall
        self.trial.cpu_seconds += cpu - self.cpu
        self.wall, self.cpu = wall, cpu

    def spent(self) -> float:
        """Return what counts against a budget in seconds."""
        if self.on_cpu:
            return self.trial.cpu_seconds + time.process_time() - self.cpu
        return self.trial.seconds + self.validating + time.perf_counter() - self.wall

    def share_spent(self) -> float:
        """Return the spent share of the budget in seconds."""
        return self.spent() / (self.recipe.seconds or float("inf"))

    # Training -------------------------------------------------------------------------------------

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Lightning hook: save a checkpoint if one is due; seed the dropout of this batch."""
        place = len(self.losses)
        begins_step = place % self.recipe.accumulate == 0
        if self.checkpoint and begins_step and place and self._due(trainer, place):
            self.spend()
            self._save(trainer)
            self.saved_at = time.monotonic()
        # dropout is a function of (seed, batch), so that a resumed run equals an uninterrupted one
        if self.dropout_seed is not None:
            torch.manual_seed(self.dropout_seed(place) + trainer.global_rank)

    def _due(self, trainer: pl.Trainer, place: int) -> bool:
        due = time.monotonic() - self.saved_at >= self.checkpoint_seconds
        if trainer.world_size == 1:
            return due
        # saving waits for all replicas, whose clocks differ: the first one decides, now and then
        return place % ASKED_EVERY == 0 and bool(trainer.strategy.broadcast(due))

    def _save(self, trainer: pl.Trainer) -> None:
        """Write beside the last checkpoint, then take its place: a kill leaves one of the two."""
        assert self.checkpoint is not None
        part = self.checkpoint.with_suffix(".part")
        trainer.save_checkpoint(part)
        if trainer.is_global_zero:
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(self.checkpoint)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Lightning hook: keep the loss, count the cost, and stop at the end of the budget."""
        self.losses.append(outputs["loss"].detach())
        self._count(batch)
        # the last validation has its place in the budget, too
        if self.recipe.seconds is not None and (
            self.spent() + self.last_validation >= self.recipe.seconds
        ):
            trainer.should_stop = True

    def _count(self, batch: Batch) -> None:
        trial, (rows, source) = self.trial, batch.source.shape[:2]
        rows = batch.rows or rows
        target = batch.target.shape[1] if batch.target.dim() == 2 else 1
        real = batch.real or (rows * source, rows * target)
        trial.source_tokens += real[0]
        trial.tokens += real[1]
        trial.positions += rows * (source + target)
        trial.flops += BACKWARD * rows * self.cost(source, target)

    # Validation -----------------------------------------------------------------------------------

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Lightning hook: put the mean of the last weights in, where they are averaged."""
        self.spend()
        self.validation_begun = self.spent()
        self.outputs = []
        if self.recipe.average_last > 1:
            self.recent.append(_copy(module))
            self.own = _copy(module)
            module.load_state_dict(_mean(self.recent))

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Lightning hook: keep the batch's sums."""
        self.outputs.append(outputs)

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Lightning hook: score, keep the best weights, and go on from the model's own."""
        lost = bool(self.losses) and not bool(torch.isfinite(self.losses[-1]).all())
        if trainer.strategy.reduce_boolean_decision(lost, all=False):
            self.trial.status = "diverged"
            trainer.should_stop = True
            return
        self._judge(trainer.global_step, module)
        if self.own:
            module.load_state_dict(self.own)
            self.own = {}
        if self.recipe.patience is not None and self.since_best >= self.recipe.patience:
            trainer.should_stop = True
        # a validation costs CPU seconds of the budget, but is no training time
        self.validating += time.perf_counter() - self.wall
        self.trial.cpu_seconds += time.process_time() - self.cpu
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        self.last_validation = self.spent() - self.validation_begun
        if self.recipe.seconds is not None and self.share_spent() >= 1:
            trainer.should_stop = True
        ends = trainer.should_stop or trainer.global_step >= self.recipe.steps
        best = self.trial.validation
        if not ends and best is not None and self.prune(len(self.trial.validations), best):
            self.trial.status = "pruned"
            trainer.should_stop = True

    def _judge(self, step: int, module: pl.LightningModule) -> None:
        total = sum(float(output["total"]) for output in self.outputs)
        count = sum(int(output["count"]) for output in self.outputs)
        scores: Scores = {"teacher_forced": total / max(1, count)}
        assert isinstance(module, Seq2Seq)
        if self.judge is not None:
            scores = {**self.judge(module), **scores}
        trial, score = self.trial, next(iter(scores.values()))
        trial.validations.append([step, score])
        self.point(f"validation@{trial.learning_rate:g}", step, score)
        for name, value in scores.items():
            trial.curves.setdefault(name, []).append([step, value])
        cost = {"flops": float(trial.flops), "seconds": trial.seconds, "cpu_seconds": trial.cpu_seconds}
        for name, value in cost.items():
            trial.curves.setdefault(f"by_{name}", []).append([value, score])
        best = trial.validation
        self.since_best += 1
        if best is None or (score > best if self.larger_is_better else score < best):
            trial.validation, trial.best_step, self.since_best = score, step, 0
            trial.weights = _copy(module)
        named = next(iter(scores)).replace("teacher_forced", "validation")
        self.progress(f"step {step}{self._whole()}, {named} {score:.3f}")

    def _whole(self) -> str:
        if self.recipe.seconds is None:
            return f"/{self.recipe.steps}"
        return f", {min(1.0, self.share_spent()):.0%} of {self.recipe.seconds:g} s"

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Lightning hook: keep a long trial's result, until its cell has a record."""
        self.spend()
        self.finished = True
        long = self.trial.seconds >= self.checkpoint_seconds
        if self.checkpoint and (long or self.keep_result):
            self._save(trainer)

    # The end, and the state in checkpoints --------------------------------------------------------

    def finish(self) -> Trial:
        """Close the trial's books."""
        self.spend()
        trial = self.trial
        losses = self._kept_losses()
        # Lightning divides the loss of a batch by the number of batches of its step
        whole = losses[: len(losses) // trial.accumulate * trial.accumulate]
        trial.losses = whole.view(-1, trial.accumulate).sum(dim=1).tolist()
        if not torch.isfinite(losses).all():
            trial.status = "diverged"
        top = JUDGED_TOP if self.judge is not None else 1.0
        scores = [score / top for _, score in trial.validations]
        trial.converged = trial.status == "ok" and converged(
            trial.losses, scores, larger_is_better=self.larger_is_better
        )
        return trial

    def _kept_losses(self) -> Tensor:
        """Return the loss of every batch so far, float32 on the CPU."""
        if not self.losses:
            return torch.zeros(0)
        fresh = [loss for loss in self.losses if loss.device.type != "cpu"]
        known = len(self.losses) - len(fresh)  # those before the last checkpoint are here already
        moved = torch.stack(fresh).float().cpu().unbind() if fresh else ()
        self.losses = [*self.losses[:known], *moved]
        return torch.stack(self.losses).float()

    def state_dict(self) -> dict[str, Any]:
        """Return plain data and tensors."""
        return {
            **{name: getattr(self.trial, name) for name in _SAVED},
            "losses": self._kept_losses(),
            "recent": list(self.recent),
            "since_best": self.since_best,
            "validating": self.validating,
            "last_validation": self.last_validation,
            "finished": self.finished,
            "larger_is_better": self.larger_is_better,
            "accumulate": self.trial.accumulate,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        for name in _SAVED:
            setattr(self.trial, name, state[name])
        self.losses = list(state["losses"].unbind())
        self.recent = deque(state["recent"])
        self.since_best, self.validating = state["since_best"], state["validating"]
        self.trial.accumulate = state["accumulate"]
        self.last_validation = state["last_validation"]


def _copy(module: pl.LightningModule) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def _mean(states: deque[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of some weights (checkpoint averaging: Vaswani et al. 2017, section 6.1)."""
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in states[-1].items()
    }
