"""A first-order Markov model of the target: what can be said without looking at the source."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.problem import BOS, EOS

LONGEST = 100


class Markov:
    """For each token the one that follows it most often in the training targets."""

    def __init__(self, tokens: NDArray[np.uint32], vocabulary: int) -> None:
        """Count the pairs of a stream of sentences, each ending with EOS."""
        before = np.concatenate([[BOS], np.where(tokens[:-1] == EOS, BOS, tokens[:-1])])
        keys, counts = np.unique(before.astype(np.int64) * vocabulary + tokens, return_counts=True)
        order = np.lexsort((-counts, keys // vocabulary))
        firsts, places = np.unique(keys[order] // vocabulary, return_index=True)
        self.following = np.full(vocabulary, EOS, dtype=np.int64)
        self.following[firsts] = keys[order][places] % vocabulary

    def accuracy(self, targets: Sequence[Sequence[int]]) -> float:
        """Return the share of tokens, EOS left out, that follow the one before most often."""
        right = total = 0
        for target in targets:
            for before, token in pairwise([BOS, *target]):
                if token != EOS:
                    right += int(self.following[before] == token)
                    total += 1
        return right / max(1, total)

    def sentence(self) -> list[int]:
        """Return the sentence that always takes the likeliest next token; a loop in it ends it."""
        found: list[int] = []
        token = int(self.following[BOS])
        while token != EOS and token not in found and len(found) < LONGEST:
            found.append(token)
            token = int(self.following[token])
        return found
