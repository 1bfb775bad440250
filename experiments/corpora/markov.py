"""A first-order Markov model of the target: what can be said without looking at the source."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.corpora.cache import cache_folder, draft, publish
from models.problem import BOS, EOS

LONGEST = 100
FORMAT = 1

COUNTERS = 1 << 24
"""Counters held at once, of 8 bytes: what a vocabulary squared is beyond them takes further passes."""

_AT_ONCE = 1 << 20  # tokens of the stream looked at together
_KIND, _FILE = "markov", "following.npy"


class Markov:
    """For each token the one that follows it most often in the training targets."""

    def __init__(self, tokens: NDArray[np.uint32], vocabulary: int) -> None:
        """Count the pairs of a stream of sentences, each ending with EOS."""
        self.following = likeliest_following(tokens, vocabulary)

    @classmethod
    def kept(cls, name: str, tokens: NDArray[np.uint32], vocabulary: int) -> "Markov":
        """Return the model of a stream that ``name`` identifies by its content, counted once.

        Raises:
            BadInput: the cache cannot be written.
        """
        name = f"{name}-{FORMAT}"
        following = _read(cache_folder() / _KIND / name / _FILE, vocabulary)
        if following is None:
            following = likeliest_following(tokens, vocabulary)
            with draft(_KIND) as folder:
                np.save(folder / _FILE, following)
                publish(folder, name)
        found = cls.__new__(cls)
        found.following = following
        return found

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


def likeliest_following(
    tokens: NDArray[np.uint32], vocabulary: int, counters: int = COUNTERS
) -> NDArray[np.int64]:
    """Return for each token the one that follows it most often, the smaller of equals: (vocabulary,).

    A sentence's first token follows BOS; after a token that never occurs comes EOS. Memory does not
    depend on the length of the stream, which may be memory-mapped.

    Args:
        tokens: (N,) sentences one after the other, each ending with EOS.
        vocabulary: every token is below it.
        counters: pairs counted in one pass over the stream, at least those of one first token.
    """
    following = np.full(vocabulary, EOS, dtype=np.int64)
    rows = max(1, min(vocabulary, counters // vocabulary))
    for first in range(0, vocabulary, rows):
        counts = _counts(tokens, vocabulary, first, min(first + rows, vocabulary))
        found = np.where(counts.max(axis=1) > 0, counts.argmax(axis=1), EOS)
        following[first : first + len(found)] = found
    return following


def _counts(tokens: NDArray[np.uint32], vocabulary: int, first: int, end: int) -> NDArray[np.int64]:
    """Return how often each token follows those from ``first`` on: (end - first, vocabulary)."""
    counts = np.zeros((end - first) * vocabulary, dtype=np.int64)
    last = EOS  # a sentence begins the stream
    for begin in range(0, len(tokens), _AT_ONCE):
        part = np.asarray(tokens[begin : begin + _AT_ONCE], dtype=np.uint32)
        before = np.empty_like(part)
        before[0], before[1:] = last, part[:-1]
        last = part[-1]
        before[before == EOS] = BOS
        before -= np.uint32(first)  # what is below it wraps round and is too large, too
        if end - first < vocabulary:
            here = np.flatnonzero(before < end - first)
            before, part = before[here], part[here]
        np.add.at(counts, before.astype(np.int64) * vocabulary + part, 1)
    return counts.reshape(end - first, vocabulary)


def _read(path: Path, vocabulary: int) -> NDArray[np.int64] | None:
    """Return what was kept, or None if there is nothing, or nothing usable."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if found.shape != (vocabulary,) or found.dtype != np.int64:
        return None
    return np.asarray(found) if found.min() >= 0 and found.max() < vocabulary else None
