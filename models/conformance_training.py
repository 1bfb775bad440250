"""Conformance: what training does with a model."""

import io
import math
from collections.abc import Iterator

import torch

from models.base import Seq2Seq
from models.batch import Batch
from models.conformance_cases import Case, as_exact, build, make_batch
from models.conformance_outputs import require
from models.decoding import greedy
from models.problem import SPECIALS
from models.recipe import Recipe

OVERFIT_STEPS = 250


def gradients(case: Case) -> None:
    """Every parameter gets a finite gradient that is not zero, also after decoding."""
    model = build(case).train()
    batch = as_exact(make_batch(case.problem, [6, 4, 5], [6, 6, 6]))
    if case.problem.readout == "decoder":
        # a table cached in inference mode would make the backward pass fail
        greedy(model, batch.source, batch.source_mask, 3)
    model.loss(model(batch), batch).backward()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        gradient = parameter.grad
        if gradient is None:
            require(False, f"{name} gets no gradient")
        elif not bool(gradient.isfinite().all()):
            require(False, f"{name} gets a gradient that is not finite")
        else:
            require(bool(gradient.any()), f"{name} gets a gradient of zero")


def overfits(case: Case) -> None:
    """One small batch is learned by heart with the shared optimiser."""
    recipe = Recipe(steps=OVERFIT_STEPS, learning_rates=(1e-2,), warmup_steps=10)
    model = build(case, exact=False, recipe=recipe)
    batch = _answerable(case)
    first = last = math.nan
    for step, loss in enumerate(_losses(model, batch, OVERFIT_STEPS)):
        first, last = (loss, loss) if step == 0 else (first, loss)
        if last < 0.1 * first:
            return
    require(False, f"loss {first:.3g} -> {last:.3g} on one batch of 4 after {OVERFIT_STEPS} steps")


def _answerable(case: Case) -> Batch:
    """A batch of 4 whose answers do not contradict each other for a reader from left to right."""
    problem = case.problem
    batch = make_batch(problem, [5, 5, 5, 5], [4, 4, 4, 4])
    if problem.readout == "position" and problem.source_kind == "tokens":
        batch.target = (batch.source - SPECIALS) % problem.target_size
    elif problem.readout == "position":
        batch.target = batch.source[..., 0] - batch.source[..., 1]
    elif not problem.has_source:
        batch.target = batch.target[:1].repeat(len(batch.target), 1)  # nothing tells rows apart
    return batch


def _losses(model: Seq2Seq, batch: Batch, steps: int) -> Iterator[float]:
    """Yield the losses of a bare training loop with the model's optimiser, schedule and clipping."""
    model.train()
    parts = model.configure_optimizers()
    optimizer, schedule = parts["optimizer"], parts["lr_scheduler"]["scheduler"]
    for step in range(steps):
        optimizer.zero_grad()
        loss = model.training_step(batch, step)
        yield float(loss.detach())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), model.recipe.gradient_clip)
        optimizer.step()
        schedule.step()


@torch.no_grad()
def state_dict(case: Case) -> None:
    """A checkpoint holds tensors alone, loads strictly into a new model, and gives the same output."""
    model, other = build(case).train(), build(case, seed=1).eval()
    batch = as_exact(make_batch(case.problem, [5, 3], [4, 4]))
    model(batch)  # what appears in the first forward pass must be in the checkpoint, or not matter
    model.eval()
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    require(
        torch.equal(model(batch), other(batch)), "a model loaded from a checkpoint answers otherwise"
    )


def same_seed(case: Case) -> None:
    """Two models built and trained with one seed have bit-identical losses, dropout included."""
    runs = []
    for _ in range(2):
        with torch.random.fork_rng(devices=[]):
            model = build(case, exact=False, dropout=0.1)
            torch.manual_seed(1)
            runs.append(list(_losses(model, make_batch(case.problem, [5, 3], [4, 4]), 3)))
    require(runs[0] == runs[1], f"the same seed gives losses {runs[0]} and {runs[1]}")
