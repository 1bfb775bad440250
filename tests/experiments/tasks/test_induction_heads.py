"""Induction heads: the published protocol, and cheating predictors that must not pay."""

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.base import Examples
from experiments.tasks.find import task_for
from experiments.tasks.induction_heads import InductionHeads
from models.errors import BadInput


def test_the_vocabulary_and_lengths_are_the_published_ones():
    task = InductionHeads()
    assert task.problem().source_size - 3 == 16
    assert task.train_batch(0, 0, 8).source.shape == (8, 256)
    assert task.slice_values("validation") == {"length": (256,)}
    assert task.slice_values("test") == {"length": (64, 128, 256, 512, 1024)}


def test_the_trigger_occurs_twice_and_its_answer_anywhere_but_before_the_second():
    task = InductionHeads(train_length=12, test_lengths=(12,), test_per_value=2000)
    batch = Examples.join(list(task.evaluation("test", 500)))
    trigger = batch.source == 18
    assert (trigger.sum(axis=1) == 2).all()
    assert trigger[:, -1].all()
    first = trigger.argmax(axis=1)
    assert stats.chisquare(np.bincount(first, minlength=9)).pvalue > 1e-4
    assert first.max() == 8  # its answer at 9, one other symbol, the question


@pytest.mark.parametrize("place", range(12))
def test_no_constant_place_gives_the_answer(place):
    task = InductionHeads(train_length=12, test_lengths=(12,), test_per_value=2000)
    batch = Examples.join(list(task.evaluation("test", 500)))
    hits = (batch.source[:, place] == batch.target[:, 0]).mean()
    # a place that may hold the answer does so in one of nine sources, and by chance in others
    share = 0 if place in (0, 10, 11) else 1 / 9
    most = share + (1 - share) / 15
    assert hits < most + 4 * np.sqrt(most * (1 - most) / 2000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_length": 4}, "train_length = 4: Input should be greater than or equal to 5"),
        ({"alphabet": 2, "train_length": 6}, "only 48 different sources with 4 of 2 symbols"),
        ({"test_lengths": [64, 64]}, "every value may be named once only"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("induction_heads", options)
