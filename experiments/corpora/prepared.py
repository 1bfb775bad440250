"""A corpus ready for training: subwords, encoded pairs, batches, and the held-out texts."""

import functools
from collections import OrderedDict
from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from experiments.corpora.batching import Integers, epoch_batches
from experiments.corpora.corpus import Corpus
from experiments.corpora.encoded import Side, encoded, encoded_name
from experiments.corpora.markov import Markov
from experiments.corpora.subwords import subwords
from experiments.tasks.text import Pair
from models.errors import BadInput
from models.problem import EOS, PAD

EPOCHS_KEPT = 2
"""Epochs whose order stays in memory; of all others only the number of batches."""


class Prepared:
    """What the task ``translation`` serves from; everything is made when it is first asked for."""

    def __init__(self, corpus: Corpus, vocabulary: int, joint: bool, max_tokens: int) -> None:
        self.corpus, self.max_tokens = corpus, max_tokens
        self.subwords = subwords(corpus, vocabulary, joint=joint)
        self._epochs: OrderedDict[tuple[int, int, int], list[Integers]] = OrderedDict()
        self._counts: dict[tuple[int, int, int], int] = {}
        self._held: dict[str, tuple[list[list[int]], list[list[int]]]] = {}

    @functools.cached_property
    def train(self) -> tuple[Side, Side]:
        """Return both sides of the training split, memory-mapped."""
        return encoded(self.corpus, self.subwords, "train")

    @functools.cached_property
    def kept(self) -> NDArray[np.int32]:
        """Return the training pairs within the limit on both sides.

        Raises:
            BadInput: there is none.
        """
        longest = np.maximum(*(side.lengths() for side in self.train))
        rows = np.flatnonzero(longest <= self.max_tokens).astype(np.int32)
        if not len(rows):
            raise BadInput(
                f"max_tokens = {self.max_tokens}: every training pair of {self.corpus.facts['name']} "
                f"is longer; the shortest has {longest.min()}."
            )
        return rows

    @property
    def overlong(self) -> int:
        """Return how many training pairs are beyond the limit, and left out."""
        return self.corpus.size("train") - len(self.kept)

    @functools.cached_property
    def markov(self) -> Markov:
        """Return the floor's model, from the training targets."""
        name = encoded_name(self.corpus, self.subwords, "train")
        return Markov.kept(name, self.train[1].tokens, self.subwords.sizes[1])

    def batch(self, seed: int, step: int, tokens: int) -> Integers:
        """Return the training pairs of a step: a function of the arguments alone."""
        for epoch in count():
            key = (seed, epoch, tokens)
            if key not in self._counts:
                self._counts[key] = len(self._epoch(*key))
            if step < self._counts[key]:
                return self.kept[self._epoch(*key)[step]]
            step -= self._counts[key]
        raise AssertionError("unreachable")

    def _epoch(self, seed: int, epoch: int, tokens: int) -> list[Integers]:
        key = (seed, epoch, tokens)
        if key not in self._epochs:
            while len(self._epochs) >= EPOCHS_KEPT:
                self._epochs.popitem(last=False)
            lengths = [side.lengths()[self.kept] for side in self.train]
            self._epochs[key] = epoch_batches(lengths[0], lengths[1], tokens, seed, epoch)
        return self._epochs[key]

    def texts(self, split: str) -> list[Pair]:
        """Return a held-out split's sentences in document order."""
        return [Pair(row.source, row.target) for row in self.corpus.rows(split)]

    def joined(self, split: str, neighbours: int) -> list[Pair]:
        """Return sentences made of so many neighbours of one document; a rest is left out."""
        found: list[Pair] = []
        waiting: list[Pair] = []
        document = None
        for row in self.corpus.rows(split):
            if row.document != document:
                waiting, document = [], row.document
            waiting.append(Pair(row.source, row.target))
            if len(waiting) == neighbours:
                found.append(
                    Pair(
                        " ".join(pair.source for pair in waiting),
                        " ".join(pair.reference for pair in waiting),
                    )
                )
                waiting = []
        return found

    def held_out(self, split: str) -> tuple[list[list[int]], list[list[int]]]:
        """Return the tokens of a held-out split, sources cut at the limit."""
        if split not in self._held:
            pairs = self.texts(split)
            sources = self.subwords.encode("source", [pair.source for pair in pairs])
            targets = self.subwords.encode("target", [pair.reference for pair in pairs])
            limit = self.max_tokens
            self._held[split] = [row[:limit] for row in sources], targets
        return self._held[split]


@functools.lru_cache(maxsize=4)
def _prepared(content: str, vocabulary: int, joint: bool, max_tokens: int) -> Prepared:
    from experiments.corpora.corpus import open_corpus

    return Prepared(open_corpus(content, content), vocabulary, joint, max_tokens)


def prepared(corpus: Corpus, vocabulary: int, joint: bool, max_tokens: int) -> Prepared:
    """Return the prepared corpus; the same one for the same arguments."""
    return _prepared(corpus.content, vocabulary, joint, max_tokens)


def until_eos(tokens: Sequence[int]) -> list[int]:
    """Return the tokens before the first EOS, without PAD."""
    found: list[int] = []
    for token in tokens:
        if token == EOS:
            break
        if token != PAD:
            found.append(int(token))
    return found
