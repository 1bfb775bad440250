"""Splits by hash: shares, balance, padding; filling a split."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.base import Examples
from experiments.tasks.copying import Copying
from experiments.tasks.generated import SHARES, fill, in_split, split_tenths
from experiments.tasks.recall import Recall
from models.errors import BadInput

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def every_source():
    """All 16^4 strings of four symbols."""
    return np.array(list(product(range(3, 19), repeat=4)), dtype=np.int64)


def test_every_source_is_in_exactly_one_split(every_source):
    member = np.stack([in_split(every_source, split) for split in SPLITS])
    assert (member.sum(axis=0) == 1).all()


@pytest.mark.parametrize("split", SPLITS)
def test_shares(every_source, split):
    share, found = SHARES[split], in_split(every_source, split).mean()
    assert abs(found - share) < 5 * np.sqrt(share * (1 - share) / len(every_source))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("place", range(4))
def test_a_split_is_independent_of_the_symbol_at_a_position(every_source, split, place):
    symbols = every_source[in_split(every_source, split), place]
    assert stats.chisquare(np.bincount(symbols)[3:]).pvalue > 1e-4


@pytest.mark.parametrize("places", [(0, 1), (0, 3), (2, 3)])
def test_a_split_is_independent_of_pairs_of_symbols(every_source, places):
    chosen = every_source[in_split(every_source, "test")][:, list(places)]
    counts = np.bincount((chosen[:, 0] - 3) * 16 + chosen[:, 1] - 3, minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_padding_changes_no_split(every_source):
    padded = np.pad(every_source[:500], ((0, 0), (0, 70)))
    np.testing.assert_array_equal(split_tenths(padded), split_tenths(every_source[:500]))


def test_floats_are_split_by_their_bits():
    rows = np.random.default_rng(0).random((5000, 9, 2), dtype=np.float32)
    tenths = split_tenths(rows)
    assert stats.chisquare(np.bincount(tenths.astype(int), minlength=10)).pvalue > 1e-4
    nudged = np.nextafter(rows, np.float32(2))
    assert (split_tenths(nudged) != tenths).mean() > 0.8


def test_fill_gives_up_when_a_split_is_empty():
    source = np.array([[5, 6, 7]], dtype=np.int64)  # one source only, in one split only
    splits = [split for split in SPLITS if not in_split(source, split)[0]]

    def draw(count):
        return Examples(source.repeat(count, axis=0), np.full(count, 3), source.repeat(count, axis=0))

    assert len(splits) == 2
    for split in splits:
        with pytest.raises(BadInput, match=f"too few different sources for a {split} split: 0 of 4"):
            fill(split, 4, draw)


def test_fill_joins_as_many_rounds_as_it_needs():
    generator = np.random.default_rng(0)
    rounds = []

    def draw(count):
        count = min(count, 10)  # fewer than asked for
        rounds.append(count)
        source = generator.integers(3, 11, size=(count, 20))
        mask = np.ones_like(source, dtype=bool)
        return Examples(source, np.full(count, 20), source, mask, {"length": np.full(count, 20)})

    examples = fill("test", 7, draw)
    assert len(rounds) > 2
    assert len(examples) == len(examples.target_mask) == len(examples.slices["length"]) == 7
    assert in_split(examples.source, "test").all()


def test_a_points_examples_do_not_depend_on_the_other_points():
    few = Recall(distances=(4,), length=20, test_per_value=16)
    many = Recall(distances=(2, 4, 8), length=20, test_per_value=16)
    alone = next(few.evaluation("test", 16))
    among = list(many.evaluation("test", 16))[1]
    assert among.slices["distance"].tolist() == [4] * 16
    np.testing.assert_array_equal(alone.source, among.source)


def test_trimmed_drops_padding_columns_only():
    batch = Copying(train_lengths=(4, 40)).train_batch(0, 0, 2)
    longest = batch.source_lengths.max()
    assert longest < 40
    assert batch.source.shape == (2, longest)
    assert batch.target.shape == (2, longest + 1)


def test_an_aligned_target_keeps_the_sources_columns():
    source = np.array([[5, 6, 7, 0, 0], [5, 6, 0, 0, 0]], dtype=np.int64)
    mask = np.array([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=bool)
    examples = Examples(source, np.array([3, 2]), source * mask, mask)
    assert examples.trimmed(aligned=True).target.tolist() == [[5, 6, 0], [5, 0, 0]]
    assert examples.trimmed(aligned=True).source.shape == (2, 3)
    assert examples.trimmed().target.tolist() == [[5, 6], [5, 0]]


def test_long_sequences_are_drawn_in_pieces():
    task = Recall(distances=(8000,), test_per_value=64)
    batches = list(task.evaluation("test", 32))
    assert [batch.source.shape for batch in batches] == [(32, 8003)] * 2
