"""Copying memory: the published form, and what remembering nothing scores."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from experiments.data import to_batch
from experiments.tasks.base import Examples
from experiments.tasks.copy_memory import CopyMemory
from experiments.tasks.find import task_for
from models.base import Seq2Seq
from models.errors import BadInput
from models.scoring import score_logits
from tests.experiments.tasks import linter


def memoryless_logits(batch: Examples) -> torch.Tensor:
    """Blank until the last ten positions, then all symbols alike: (B, S, 9)."""
    logits = torch.full((*batch.source.shape, 9), -1e4)
    logits[..., 8] = 0
    for row, length in enumerate(batch.source_lengths):
        logits[row, length - 10 : length, :8] = 1e4
    return logits


@pytest.mark.parametrize("scored", ["symbols", "all"])
@pytest.mark.parametrize("distances", [(50,), (1000,), (10, 40)])
def test_the_memoryless_loss_is_that_of_remembering_nothing(scored, distances):
    # as the training loop computes the loss: the same unit as ``test_loss``
    task = CopyMemory(distances=distances, scored=scored, test_per_value=16)
    judge = SimpleNamespace(problem=task.problem(), training=False)
    total, counted = 0.0, 0
    for examples in task.evaluation("test", 8):
        batch, logits = to_batch(examples), memoryless_logits(examples)
        answers = batch.target.numel() if batch.target_mask is None else int(batch.target_mask.sum())
        total += float(Seq2Seq.loss(judge, logits, batch)) * answers  # type: ignore[arg-type]
        counted += answers
    assert total / counted == pytest.approx(task.facts()["memoryless_loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("time", "published"), [(50, 0.2971), (100, 0.1733), (500, 0.0400), (1000, 0.0204), (2000, 0.0103)]
)
def test_the_memoryless_loss_is_the_published_one(time, published):
    loss = CopyMemory(distances=(time,), scored="all").facts()["memoryless_loss"]
    assert loss == pytest.approx(10 * math.log(8) / (time + 20))
    assert round(loss, 4) == published


def test_scoring_all_positions_flatters_a_model_without_memory():
    # chance has to say so: nearly all answers are right with nothing remembered
    for scored, chance in (("all", 1 - 8.75 / 120), ("symbols", 1 / 8)):
        task = CopyMemory(distances=(100,), scored=scored, test_per_value=256)
        right, counted = 0.0, 0
        for examples in task.evaluation("test", 64):
            logits = memoryless_logits(examples)
            logits[..., 3] += 1  # one of the symbols, always
            scores = score_logits(logits, to_batch(examples), task.problem())
            right += float(scores.total_B.sum())
            counted += int(scores.count_B.sum())
        assert task.chance() == pytest.approx(chance)
        assert right / counted == pytest.approx(chance, abs=4 * math.sqrt(0.11 / 2560))


def test_the_source_is_the_published_one():
    batch = CopyMemory(distances=(7,)).train_batch(0, 0, 32)
    assert batch.source.shape == (32, 27)
    assert set(batch.source[:, :10].ravel().tolist()) == set(range(3, 11))
    assert (batch.source[:, 10:16] == 11).all()
    assert (batch.source[:, 16] == 12).all()
    assert (batch.source[:, 17:] == 11).all()
    np.testing.assert_array_equal(batch.target[:, 17:], batch.source[:, :10] - 3)
    assert batch.target_mask.sum(axis=1).tolist() == [10] * 32


@pytest.mark.parametrize("distances", [(6,), (4, 12)])
@pytest.mark.parametrize(
    "check",
    [*linter.STRUCTURE, linter.lint_floor],
    ids=lambda check: check.__name__,
)
def test_lint_with_all_positions(check, distances):
    check(CopyMemory(distances=distances, scored="all"))


def test_all_positions_of_one_length_need_no_mask():
    task = CopyMemory(distances=(6,), scored="all")
    assert task.train_batch(0, 0, 8).target_mask is None
    assert (task.train_batch(0, 0, 8).target[:, :16] == 8).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distances": [0]}, "distances.0 = 0: Input should be greater than 0"),
        ({"scored": "some"}, "scored = 'some': Input should be 'symbols' or 'all'"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("copy_memory", options)
