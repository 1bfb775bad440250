"""Tagging to the right: what the left context says of a tag (nothing) and the right one (all)."""

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.base import Examples
from experiments.tasks.find import task_for
from experiments.tasks.right_context import RightContext
from models.errors import BadInput


def at_offset(offset: int) -> Examples:
    task = RightContext(offsets=(0, 1, 2, 4, 8), test_per_value=256)
    batches = [b for b in task.evaluation("test", 256) if b.slices["offset"][0] == offset]
    return Examples.join(batches)


@pytest.mark.parametrize("offset", [0, 1, 2, 4, 8])
def test_every_offset_asks_for_as_many_tags(offset):
    batch = at_offset(offset)
    assert batch.source.shape == (256, 1 + 32 + offset)
    np.testing.assert_array_equal(batch.target_mask.sum(axis=1), 32)
    assert not batch.target_mask[:, 0].any()
    np.testing.assert_array_equal(batch.target[:, 1:33], batch.source[:, 1 + offset :] - 3)
    assert (batch.source[:, 0] == 7 + (0, 1, 2, 4, 8).index(offset)).all()


@pytest.mark.parametrize("offset", [1, 4])
@pytest.mark.parametrize("back", [0, 1, 2, 8])
def test_the_left_context_says_nothing_of_a_tag(offset, back):
    batch = at_offset(offset)
    seen, tag = batch.source[:, 9 - back : 33 - back], batch.target[:, 9:33]
    table = np.bincount(((seen - 3) * 4 + tag).ravel(), minlength=16).reshape(4, 4)
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_training_mixes_the_offsets_evenly():
    batches = [RightContext().train_batch(0, step, 64) for step in range(20)]
    offsets = np.concatenate([batch.slices["offset"] for batch in batches])
    values, counts = np.unique(offsets, return_counts=True)
    assert values.tolist() == [0, 1, 2, 4, 8]
    assert stats.chisquare(counts).pvalue > 1e-4
    for batch in batches:
        np.testing.assert_array_equal(batch.source_lengths, 33 + batch.slices["offset"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"offsets": [-1]}, "offsets.0 = -1: Input should be greater than or equal to 0"),
        ({"offsets": [1, 1]}, "every value may be named once only"),
        ({"length": 2, "offsets": [1]}, "only 64 different sources with 3 of 4 symbols"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("right_context", options)


def test_named_everywhere_every_token_tells_offset_and_symbol() -> None:
    options = {"offsets": (1, 4), "length": 12, "test_per_value": 64}
    first = RightContext(**options)
    everywhere = RightContext(**options, named="everywhere")
    assert everywhere.problem().source_size == 3 + 2 * 4 + 2
    for place, batch in enumerate(everywhere.evaluation("test", 64)):
        token = batch.source[:, 1:] - 3
        assert (token // 4 == place).all(), "of the offset"
        np.testing.assert_array_equal(batch.source[:, 0], 3 + 2 * 4 + place)
        offset = (1, 4)[place]
        np.testing.assert_array_equal(batch.target[:, 1:13], token[:, offset : 12 + offset] % 4)
        row, length = batch.source[0], int(batch.source_lengths[0])
        np.testing.assert_array_equal(everywhere.solve(row, length), batch.target[0, 1:13])
    assert first.problem().source_size == 3 + 4 + 2
