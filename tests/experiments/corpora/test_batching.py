"""Batches by token count: every pair once an epoch, little padding, a function of the seed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from experiments.corpora.batching import epoch_batches


def lengths(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    source = generator.integers(2, 60, size=count)
    return source, np.maximum(2, source + generator.integers(-8, 9, size=count))


@given(
    seed=st.integers(0, 99),
    epoch=st.integers(0, 3),
    count=st.integers(1, 400),
    tokens=st.integers(10, 3000),
)
def test_every_pair_is_in_one_batch_of_an_epoch(seed: int, epoch: int, count: int, tokens: int) -> None:
    source, target = lengths(seed, count)
    batches = epoch_batches(source, target, tokens, seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(count))
    for rows in batches:
        longest = max(source[rows].max(), target[rows].max())
        assert len(rows) == 1 or len(rows) * longest <= tokens


def test_batches_are_a_function_of_seed_and_epoch() -> None:
    source, target = lengths(0, 2000)

    def flat(seed: int, epoch: int) -> list[int]:
        return np.concatenate(epoch_batches(source, target, 500, seed, epoch)).tolist()

    assert flat(0, 0) == flat(0, 0)
    assert flat(0, 0) != flat(0, 1)
    assert flat(0, 0) != flat(1, 0)


def test_little_is_padding_and_batches_are_full() -> None:
    source, target = lengths(0, 20_000)
    batches = epoch_batches(source, target, 2000, 0, 0)
    positions = sum(len(rows) * (source[rows].max() + target[rows].max()) for rows in batches)
    assert 1 - (source + target).sum() / positions < 0.1
    filled = [len(rows) * max(source[rows].max(), target[rows].max()) / 2000 for rows in batches]
    assert np.median(filled) > 0.9


def test_neighbours_change_from_epoch_to_epoch() -> None:
    source, target = lengths(0, 20_000)
    together = [
        next(set(rows.tolist()) for rows in epoch_batches(source, target, 2000, 0, epoch) if 7 in rows)
        for epoch in (0, 1)
    ]
    assert len(together[0] & together[1]) < 0.5 * len(together[0])
