"""Selective copying: places vary freely, and no fixed filter finds the symbols."""

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.base import Examples
from experiments.tasks.find import task_for
from experiments.tasks.selective_copying import SelectiveCopying
from models.errors import BadInput


def test_a_source_holds_the_symbols_and_blanks_alone():
    batch = SelectiveCopying(lengths=(20, 40)).train_batch(0, 0, 64)
    for row, length, target in zip(batch.source, batch.source_lengths, batch.target, strict=True):
        assert (row[:length] >= 3).all()
        assert (row[length:] == 0).all()
        assert row[row > 0][row[row > 0] != 17].tolist() == target.tolist()
    assert set(batch.slices["length"].tolist()) == {20, 40}


def test_every_place_is_equally_likely():
    task = SelectiveCopying(symbols=4, lengths=(16,), test_per_value=2000)
    source = Examples.join(list(task.evaluation("test", 500))).source
    counts = (source != 17).sum(axis=0)
    assert counts.sum() == 4 * 2000
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("rank", [0, 7, 15])
def test_no_fixed_place_gives_a_symbol(rank):
    # the best constant place, as a time-invariant filter would read it
    task = SelectiveCopying(lengths=(64,), test_per_value=1024)
    batch = Examples.join(list(task.evaluation("test", 256)))
    hits = (batch.source == batch.target[:, rank : rank + 1]).mean(axis=0)
    assert hits.max() < 0.35
    order = np.sort(np.argsort(batch.source == 17, axis=1, kind="stable")[:, :16], axis=1)
    np.testing.assert_array_equal(np.take_along_axis(batch.source, order, axis=1), batch.target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lengths": [8]}, "lengths = 8 is too short for 16 symbols"),
        ({"symbols": 2}, "only 196 different sources with 2 of 14 symbols"),
        ({"lengths": [64, 64]}, "every value may be named once only"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("selective_copying", options)
