"""The flip-flop language: its probabilities, its distances, and nothing that gives a bit away."""

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.base import Examples
from experiments.tasks.find import task_for
from experiments.tasks.flip_flop import HIDDEN, IGNORE, READ, WRITE, FlipFlop
from models.errors import BadInput


def train_sample(task: FlipFlop, batches: int = 20) -> Examples:
    return Examples.join([task.train_batch(0, step, 64) for step in range(batches)])


@pytest.mark.parametrize("ignore", [0.8, 0.98, 0.1])
def test_training_is_the_language(ignore):
    batch = train_sample(FlipFlop(ignore=ignore))
    instructions, bits = batch.source[:, ::2], batch.source[:, 1::2]
    assert (instructions[:, 0] == WRITE).all()
    assert (instructions[:, -1] == READ).all()
    np.testing.assert_array_equal(bits == HIDDEN, instructions == READ)
    inner = instructions[:, 1:-1]
    counts = [(inner == kind).sum() for kind in (WRITE, READ, IGNORE)]
    shares = np.array([(1 - ignore) / 2, (1 - ignore) / 2, ignore])
    assert stats.chisquare(counts, shares * inner.size).pvalue > 1e-4
    assert stats.chisquare(np.bincount(bits[bits != HIDDEN] - 6)).pvalue > 1e-4


def test_distance_is_from_the_last_write_to_the_last_read():
    task = FlipFlop()
    for batch in (train_sample(task, 4), *task.evaluation("test", 256)):
        for row, distance, bit in zip(
            batch.source, batch.slices["distance"], batch.target, strict=True
        ):
            at = len(row) - 2 - distance
            assert (row[at], row[at + 1] - 6) == (WRITE, bit)
            assert WRITE not in row[at + 2 :: 2]


def test_a_test_distance_is_the_language_given_its_last_write():
    # between the last write and the last read stand reads and ignores in their proportion
    task = FlipFlop(distances=(64,), test_per_value=1024)
    batch = Examples.join(list(task.evaluation("test", 512)))
    between = batch.source[:, 64:126:2]
    share = 0.1 / 0.9
    reads = int((between == READ).sum())
    assert stats.binomtest(reads, between.size, share).pvalue > 1e-4
    before = batch.source[:, 2:62:2]
    assert stats.binomtest(int((before == WRITE).sum()), before.size, 0.1).pvalue > 1e-4


@pytest.mark.parametrize("back", [1, 2, 3, 8, 32])
def test_no_constant_place_and_no_majority_gives_the_bit(back):
    task = FlipFlop(distances=(126,), test_per_value=2048)
    batch = Examples.join(list(task.evaluation("test", 512)))
    place = batch.source[:, -2 * back - 1]
    shown = place != HIDDEN
    assert stats.binomtest(int((place - 6 == batch.target)[shown].sum()), shown.sum()).pvalue > 1e-4
    bits = batch.source[:, 3::2]
    majority = (bits == 7).sum(axis=1) > (bits == 6).sum(axis=1)
    assert stats.binomtest(int((majority == batch.target).sum()), len(batch)).pvalue > 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 64}, "length = 64 is too short for distance 126: at least 128"),
        ({"length": 31}, "length = 31"),
        ({"distances": [3]}, "distances.0 = 3: Input should be a multiple of 2"),
        ({"ignore": 1}, "ignore = 1: Input should be less than 1"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("flip_flop", options)
