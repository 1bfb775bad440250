"""Copying and reversal: lengths, padding, and the difference between the two."""

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.copying import Copying
from experiments.tasks.find import task_for
from experiments.tasks.reversal import Reversal
from models.errors import BadInput


def test_training_lengths_are_uniform_and_padded():
    batches = [Copying().train_batch(0, step, 64) for step in range(20)]
    lengths = np.concatenate([batch.source_lengths for batch in batches])
    values, counts = np.unique(lengths, return_counts=True)
    assert values.tolist() == list(range(4, 17))
    assert stats.chisquare(counts).pvalue > 1e-4
    batch = batches[0]
    assert batch.target_mask is not None
    assert batch.target_mask.sum(axis=1).tolist() == (batch.source_lengths + 1).tolist()


def test_the_test_goes_beyond_the_trained_lengths_and_validation_does_not():
    task = Reversal()
    assert task.slice_values("test") == {"length": (4, 8, 12, 16, 20, 24, 32)}
    assert task.slice_values("validation") == {"length": (4, 8, 12, 16)}
    assert max(batch.source.shape[1] for batch in task.evaluation("validation", 64)) == 16


def test_same_sources_opposite_answers():
    copied, reversed_ = Copying().train_batch(0, 0, 32), Reversal().train_batch(0, 0, 32)
    np.testing.assert_array_equal(copied.source, reversed_.source)
    for row, n in enumerate(copied.source_lengths):
        assert copied.target[row, :n].tolist() == copied.source[row, :n].tolist()
        assert reversed_.target[row, :n].tolist() == copied.source[row, :n][::-1].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_lengths": [-1, 4]}, "train_lengths.0 = -1: Input should be greater than 0"),
        ({"train_lengths": [9, 4]}, r"train_lengths = \(9, 4\): the shortest comes first"),
        ({"test_lengths": [64]}, "none lies within train_lengths, 4 to 16"),
        ({"test_lengths": [4, 0]}, "test_lengths.1 = 0: Input should be greater than 0"),
        ({"train_lengths": [2, 8]}, "only 64 different sources with 2 of 8 symbols"),
    ],
)
@pytest.mark.parametrize("name", ["copying", "reversal"])
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(BadInput, match=message):
        task_for(name, options)
