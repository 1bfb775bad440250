"""Permuted digits: the digits of ``digits`` in every split, their pixels in one other order."""

import numpy as np
import pytest

from experiments.tasks.digits import Digits
from experiments.tasks.permuted_digits import PermutedDigits, permutation


def test_the_permutation_is_one_and_moves_neighbours_apart():
    order = permutation()
    assert sorted(order.tolist()) == list(range(64))
    assert np.abs(np.diff(order)).mean() > 15  # 1 in reading order, 21.7 expected at random
    np.testing.assert_array_equal(order, np.random.default_rng(1504).permutation(64))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_held_out_images_are_those_of_digits(split):
    pairs = zip(Digits().evaluation(split, 100), PermutedDigits().evaluation(split, 100), strict=True)
    for plain, permuted in pairs:
        np.testing.assert_array_equal(plain.target, permuted.target)
        assert not np.array_equal(plain.source, permuted.source)
        np.testing.assert_array_equal(np.sort(plain.source, axis=1), np.sort(permuted.source, axis=1))
        for place, pixel in enumerate(permutation()):
            np.testing.assert_array_equal(permuted.source[:, place], plain.source[:, pixel])


def test_training_follows_the_epochs_of_digits():
    for step in (0, 40):
        plain, permuted = (task.train_batch(2, step, 64) for task in (Digits(), PermutedDigits()))
        np.testing.assert_array_equal(plain.target, permuted.target)
        np.testing.assert_array_equal(plain.source[:, permutation()], permuted.source)


def test_the_oracle_knows_only_permuted_images():
    image = next(Digits().evaluation("test", 1)).source[0]
    with pytest.raises(ValueError, match="no such image"):
        PermutedDigits().solve(image, 64)
