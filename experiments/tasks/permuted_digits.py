"""Handwritten digits with their pixels in a fixed random order: no neighbours to rely on."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.base import Examples, HeldOut
from experiments.tasks.digits import PIXELS, Digits


@lru_cache(maxsize=1)
def permutation() -> NDArray[np.intp]:
    """Return the order of the pixels, (64,): the same for everyone."""
    return np.random.default_rng(1504).permutation(PIXELS)


class PermutedDigits(Digits):
    """The task ``digits`` with the pixels of every image in one fixed random order: accuracy by label.

    After permuted MNIST of Le, Jaitly and Hinton 2015, section 4.2: neighbouring pixels come to stand
    far apart, so that what belongs together must be remembered for longer. Images, splits, batches
    and labels are those of ``digits``.

    >>> plain, permuted = (next(t.evaluation("test", 1)) for t in (Digits(), PermutedDigits()))
    >>> bool((permuted.source[0] == plain.source[0, permutation()]).all())
    True
    >>> PermutedDigits().solve(permuted.source[0], 64).tolist()
    1
    """

    name: ClassVar[str] = "permuted_digits"

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's images of ``digits``, permuted."""
        return _permuted(super().train_batch(seed, step, batch_size))

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the held-out images of ``digits``, permuted."""
        for batch in super().evaluation(split, batch_size):
            yield _permuted(batch)

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the label of the image whose pixels, put back in place, are in the corpus."""
        return super().solve(source[np.argsort(permutation())], length)


def _permuted(examples: Examples) -> Examples:
    return replace(examples, source=examples.source[:, permutation()])
