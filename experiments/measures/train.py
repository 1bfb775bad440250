"""Measure ``train``: fit, select on validation, test once."""

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import load_file, save_file

from experiments.cell import Cell
from experiments.convergence import thinned
from experiments.data import to_batch
from experiments.fit import Subject, Trial, fit
from experiments.measures import base
from experiments.measures.base import Context, Diverged, Measure, Outcome
from experiments.tasks.base import Examples
from experiments.tasks.find import task_for
from models import speed
from models.base import Seq2Seq
from models.batch import Batch
from models.decoding import greedy
from models.recipe import Recipe
from models.registry import architecture, config_for
from models.scoring import Scores, score_logits, score_tokens


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
        subject = prepare(cell)
        trials, best, model = train_best(subject, cell, context.progress)
        artifact = context.store.artifacts / f"{cell.key}.safetensors"
        artifact.parent.mkdir(parents=True, exist_ok=True)
        # clones: safetensors refuses tensors that share memory, as tied embeddings do
        save_file({name: value.clone() for name, value in model.state_dict().items()}, artifact)
        free_running = self.Options.model_validate(cell.options).free_running
        metrics, slices = test(model, subject, cell, free_running=free_running)
        curves = {}
        for trial in trials:
            curves[f"training_loss@{trial.learning_rate:g}"] = thinned(trial.losses)
            curves[f"validation@{trial.learning_rate:g}"] = trial.validations
        for name in ("training_loss", "validation"):
            curves[name] = curves[f"{name}@{best.learning_rate:g}"]
        metrics |= {
            "validation": best.validation,
            "learning_rate": best.learning_rate,
            "best_step": best.best_step,
            "converged": best.converged,
            "chance": subject.task.chance(),
            "target_only_floor": subject.task.target_only_floor(),
            "parameters": model.counted_core_parameters(),
            "parameters_total": sum(p.numel() for p in model.parameters()),
            "steps": subject.recipe.steps,
            "training_flops": training_flops(subject, cell.seed),
            "seconds": best.seconds,
            "seconds_per_step": best.seconds / max(1, len(best.losses)),
        }
        return Outcome(metrics=metrics, slices=slices, curves=curves, trials=[row(t) for t in trials])


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
    subject: Subject, cell: Cell, progress: Callable[[str], None]
) -> tuple[list[Trial], Trial, Seq2Seq]:
    """Fit every learning rate; return the trials, the best on validation, and its model.

    Raises:
        Diverged: no trial has a finite validation score.
    """
    trials = [
        fit(subject, cell, rate, _named(progress, rate)) for rate in subject.recipe.learning_rates
    ]
    finished = [trial for trial in trials if trial.validation is not None]
    if not finished:
        raise Diverged(
            f"loss not finite at learning rates {', '.join(f'{t.learning_rate:g}' for t in trials)}"
        )
    smaller_is_better = subject.task.problem().objective == "mean_squared_error"
    best = (min if smaller_is_better else max)(finished, key=lambda trial: trial.validation or 0.0)
    return trials, best, with_weights(subject, cell, best.weights)


def _named(progress: Callable[[str], None], rate: float) -> Callable[[str], None]:
    return lambda message: progress(f"learning rate {rate:g}, {message}")


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


@torch.inference_mode()
def test(
    model: Seq2Seq, subject: Subject, cell: Cell, *, free_running: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Evaluate on the test split: metrics and per-slice sums.

    The score of a generating task is that of free running; the teacher-forced one stands beside it.
    """
    decodes = free_running and subject.task.problem().readout == "decoder"
    sums = _Sums()
    forced = torch.zeros(2, dtype=torch.float64)
    losses = []
    for examples in subject.task.evaluation("test", 4 * subject.recipe.batch_size):
        batch = to_batch(examples).to(model.device)
        logits = model(batch)
        scores = score_logits(logits, batch, model.problem)
        losses.append(float(model.loss(logits, batch)) * len(examples))
        forced += torch.tensor(
            [float(scores.total_B.sum()), float(scores.count_B.sum())], dtype=torch.float64
        )
        if decodes:
            scores = free_running_scores(model, batch)
        sums.add(examples, scores)
    metrics = {
        "test": sums.score(),
        "test_teacher_forced": float(forced[0] / forced[1]) if decodes else None,
        "test_loss": sum(losses) / sums.examples,
    }
    return metrics, sums.rows(regression=model.problem.objective == "mean_squared_error")


def free_running_scores(model: Seq2Seq, batch: Batch) -> Scores:
    """Score greedy decoding from the source alone, to the length of the target."""
    answer_BT = greedy(model, batch.source, batch.source_mask, max_length=batch.target.shape[1])
    return score_tokens(answer_BT, batch, model.problem)


def training_flops(subject: Subject, seed: int) -> int:
    """Return the FLOPs of one run by the formula: three forward passes a step (backward costs two).

    The lengths are those of the first batch.
    """
    examples = subject.task.train_batch(seed, 0, subject.recipe.batch_size)
    problem = subject.task.problem()
    target_length = examples.target.shape[1] if problem.readout == "decoder" else 0
    cost = subject.architecture.cost(subject.config, problem, examples.source.shape[1], target_length)
    return 3 * cost.flops * subject.recipe.batch_size * subject.recipe.steps


def row(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain data for the record."""
    return {
        "learning_rate": trial.learning_rate,
        "status": trial.status,
        "validation": trial.validation,
        "best_step": trial.best_step,
        "converged": trial.converged,
        "steps": len(trial.losses),
        "seconds": trial.seconds,
    }


class _Sums:
    """Counts added up by slice value."""

    def __init__(self) -> None:
        self.examples = 0
        self.total, self.count = 0.0, 0
        self.by_slice: dict[tuple[str, int], list[float]] = {}

    def add(self, examples: Examples, scores: Scores) -> None:
        total, count = scores.total_B.cpu().numpy(), scores.count_B.cpu().numpy()
        self.examples += len(examples)
        self.total += float(total.sum())
        self.count += int(count.sum())
        for name, values in examples.slices.items():
            for value in sorted(set(values.tolist())):
                sums = self.by_slice.setdefault((name, value), [0.0, 0.0])
                sums[0] += float(total[values == value].sum())
                sums[1] += float(count[values == value].sum())

    def score(self) -> float:
        return self.total / max(1, self.count)

    def rows(self, *, regression: bool) -> list[dict[str, Any]]:
        key = "total" if regression else "correct"
        return [
            {"split": "test", "slice": name, "value": value, key: total, "count": int(count)}
            for (name, value), (total, count) in sorted(self.by_slice.items())
        ]
