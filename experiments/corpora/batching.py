"""Batches by token count from sentences of like length: little padding, in a new order every epoch.

N sentence pairs; tokens of a batch: rows times the longest source or target in it, padding included.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

POOL = 100
"""Sentences are sorted within pools of about this many batches, drawn anew every epoch."""

Integers = NDArray[np.integer[Any]]


def epoch_batches(
    source_N: Integers, target_N: Integers, tokens: int, seed: int, epoch: int
) -> list[Integers]:
    """Return the rows of each batch of an epoch, each pair once: a function of the arguments alone.

    Args:
        source_N: source lengths.
        target_N: target lengths.
        tokens: a batch's tokens at most; a pair that is longer makes a batch of its own.
        seed: data seed.
        epoch: from 0.
    """
    generator = np.random.default_rng([seed, epoch])
    # half the bytes of the usual indices: an epoch's order is what grows with the corpus
    order_N = generator.permutation(np.arange(len(source_N), dtype=np.int32))
    longest_N = np.maximum(source_N, target_N)
    pool = max(1, POOL * tokens // max(1, int(longest_N.mean())))
    batches = []
    for begin in range(0, len(order_N), pool):
        rows = order_N[begin : begin + pool]
        # by the longer side, then by how much longer it is: the other side is then alike, too
        ties = np.lexsort((target_N[rows] - source_N[rows], longest_N[rows]))
        batches += cut(rows[ties], longest_N[rows[ties]], tokens)
    return [batches[place] for place in generator.permutation(len(batches))]


def cut(rows_N: Integers, longest_N: Integers, tokens: int) -> list[Integers]:
    """Cut rows, sorted by length, into batches of at most ``tokens`` each."""
    batches, begin = [], 0
    while begin < len(rows_N):
        # rows x longest grows along the sorted rows, so the cut can be searched for
        window = longest_N[begin : begin + tokens // max(1, int(longest_N[begin])) + 1]
        sizes = window * np.arange(1, len(window) + 1)
        count = max(1, int(np.searchsorted(sizes, tokens, side="right")))
        batches.append(rows_N[begin : begin + count])
        begin += count
    return batches
