"""Epochs over a finite training set: each row once, in a new order, those of like length together.

N rows.
"""

import numpy as np
from numpy.typing import NDArray

POOL = 20
"""Rows are sorted by length within pools of so many batches, drawn anew every epoch."""


class Epochs:
    """Which rows a step trains on: a function of (seed, step, batch size) alone."""

    def __init__(self, lengths_N: NDArray[np.int64]) -> None:
        """Take the length of every row; equal lengths leave the order random."""
        self.lengths_N = lengths_N
        self._kept: tuple[tuple[int, int, int], list[NDArray[np.int64]]] | None = None

    def take(self, seed: int, step: int, batch_size: int) -> tuple[int, NDArray[np.int64]]:
        """Return the epoch and the rows of a step; one batch of an epoch may be smaller."""
        size = len(self.lengths_N)
        epoch, place = divmod(step, -(-size // batch_size))
        key = (seed, epoch, batch_size)
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, self._batches(*key))
        return epoch, self._kept[1][place]

    def _batches(self, seed: int, epoch: int, batch_size: int) -> list[NDArray[np.int64]]:
        generator = np.random.default_rng([seed, epoch])
        order_N = generator.permutation(len(self.lengths_N))
        for begin in range(0, len(order_N), POOL * batch_size):
            pool = order_N[begin : begin + POOL * batch_size]
            order_N[begin : begin + len(pool)] = pool[np.argsort(self.lengths_N[pool], kind="stable")]
        begins = generator.permutation(np.arange(0, len(order_N), batch_size))
        return [order_N[begin : begin + batch_size] for begin in begins]
