"""The test split, once: per-example scores added up by slice, free-running and teacher-forced."""

import math
from typing import Any

import torch

from experiments.data import to_batch
from experiments.fit import Subject
from experiments.tasks.base import Examples
from models.base import Seq2Seq
from models.batch import Batch
from models.decoding import greedy
from models.scoring import Scores, score_logits, score_tokens

FORCED = "test_teacher_forced"
"""Split name of the test examples answered with the true prefix given."""


@torch.inference_mode()
def test(
    model: Seq2Seq, subject: Subject, *, free_running: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Evaluate on the test split: metrics and per-slice sums.

    The score of a generating task is that of free running; the teacher-forced one stands beside it.
    A language model, which has no source to answer, is scored by the true prefix alone.
    """
    problem = model.problem
    decodes = free_running and problem.has_target and problem.has_source
    sums, forced, losses = Sums(), Sums(), []
    for examples in subject.task.evaluation("test", 4 * subject.recipe.batch_size):
        batch = to_batch(examples).to(model.device)
        logits = model(batch)
        counted = batch.target.numel() if batch.target_mask is None else int(batch.target_mask.sum())
        losses.append((float(model.loss(logits, batch)), counted))
        scores = score_logits(logits, batch, problem)
        forced.add(examples, scores)
        sums.add(examples, free_running_scores(model, batch) if decodes else scores)
    regression = problem.objective == "mean_squared_error"
    loss = sum(loss * count for loss, count in losses) / sum(count for _, count in losses)
    metrics = {
        "test": sums.score(),
        "test_teacher_forced": forced.score() if decodes else None,
        "test_loss": loss,
    }
    if not problem.has_source:
        metrics["bits_per_token"] = loss / math.log(2)
    slices = sums.rows("test", regression=regression)
    return metrics, slices + (forced.rows(FORCED, regression=regression) if decodes else [])


def free_running_scores(model: Seq2Seq, batch: Batch) -> Scores:
    """Score greedy decoding from the source alone, to the length of the target."""
    answer_BT = greedy(model, batch.source, batch.source_mask, max_length=batch.target.shape[1])
    return score_tokens(answer_BT, batch, model.problem)


class Sums:
    """Counts added up by slice value."""

    def __init__(self) -> None:
        self.examples = 0
        self.total, self.count = 0.0, 0
        self.by_slice: dict[tuple[str, int], list[float]] = {}

    def add(self, examples: Examples, scores: Scores) -> None:
        """Add a batch's scores."""
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
        """Return the mean over all counted positions."""
        return self.total / max(1, self.count)

    def rows(self, split: str, *, regression: bool) -> list[dict[str, Any]]:
        """Return one row a slice value, as records have them."""
        key = "total" if regression else "correct"
        return [
            {"split": split, "slice": name, "value": value, key: total, "count": int(count)}
            for (name, value), (total, count) in sorted(self.by_slice.items())
        ]
