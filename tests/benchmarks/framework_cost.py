"""What the framework costs a step: our training loop (Lightning) against a bare PyTorch loop.

Same model, batches, optimiser, schedule and clipping; the two take turns in one process, the median
over the rounds is printed. Run: python tests/benchmarks/framework_cost.py [--json]
"""

import json
import statistics
import time
from collections.abc import Iterator

import pytorch_lightning as pl
import torch
from interleaved import flags

from experiments.cell import Cell
from experiments.data import SequenceData
from experiments.fit import Subject, build_trainer
from experiments.tasks.recall import Recall
from models import speed
from models.base import Seq2Seq
from models.batch import Batch
from models.recipe import Recipe
from models.registry import architecture, config_for

STEPS, WARM = 220, 20


class Clock(pl.Callback):
    """Wall time between step WARM and the last one."""

    def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
        if batch_idx == WARM:
            self.begun = time.perf_counter()

    def on_train_end(self, trainer, module) -> None:
        self.seconds = (time.perf_counter() - self.begun) / (STEPS - WARM)


def subject(name: str, width: int, batch_size: int, length: int) -> Subject:
    cls = architecture(name)
    recipe = Recipe(steps=STEPS, batch_size=batch_size, validate_every=10**6)
    task = Recall(symbols=2, length=length, distances=(1, 2, 4, 8, 16))
    return Subject(architecture=cls, config=config_for(cls, {"width": width}), task=task, recipe=recipe)


def lightning(given: Subject) -> float:
    clock = Clock()
    cell = Cell(measure="train", architecture="any")
    trainer = build_trainer(given.recipe, cell, [clock], validate=False)
    trainer.fit(given.build(0), datamodule=SequenceData(given.task, given.recipe, seed=0))
    return clock.seconds


def bare(given: Subject) -> float:
    model: Seq2Seq = given.build(0).train()
    settings = model.configure_optimizers()
    optimizer, schedule = settings["optimizer"], settings["lr_scheduler"]["scheduler"]
    parameters = list(model.parameters())
    batches: Iterator[Batch] = iter(SequenceData(given.task, given.recipe, seed=0).train_dataloader())
    begun = 0.0
    for step in range(STEPS):
        if step == WARM:
            begun = time.perf_counter()
        batch = next(batches)
        optimizer.zero_grad()
        loss = model.training_step(batch, step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, given.recipe.gradient_clip)
        optimizer.step()
        schedule.step()
    return (time.perf_counter() - begun) / (STEPS - WARM)


def main() -> None:
    found = flags(__doc__ or "", rounds=7)
    speed.apply(speed.choose("cpu"))
    results = {}
    for label, given in {
        "lstm d=32, batch 16 x 24": subject("lstm", 32, 16, 24),
        "lstm d=128, batch 32 x 66": subject("lstm", 128, 32, 66),
        "transformer d=64, batch 32 x 66": subject("transformer", 64, 32, 66),
    }.items():
        rounds = [(lightning(given), bare(given)) for _ in range(found.rounds)]
        ours, loop = (statistics.median(column) for column in zip(*rounds, strict=True))
        extra = statistics.median(a - b for a, b in rounds)
        results[label] = {"lightning_ms": 1e3 * ours, "bare_ms": 1e3 * loop, "extra_ms": 1e3 * extra}
        if not found.json:
            share = extra / loop
            print(f"{label}: bare {1e3 * loop:.2f} ms, framework +{1e3 * extra:.2f} ms ({share:.1%})")
    if found.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
