"""What a task from text to text adds: its sentences as people read them. No torch.

The measure ``translate`` asks for it: scores such as BLEU are computed on texts, never on tokens.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.base import Examples, HeldOut, Task


class Pair(NamedTuple):
    """A source sentence and its reference."""

    source: str
    reference: str


class TextTask(Task):
    """Base of tasks from text to text; the tokens of a target end with EOS."""

    public: ClassVar[bool] = False
    """True where the text is generated: only then may records keep it."""

    one_answer: ClassVar[bool] = False
    """True where a source has one right target, so that tokens can be compared place by place."""

    def test_sets(self) -> tuple[str, ...]:
        """Return the names of the test sets; ``"test"`` is the first."""
        return ("test",)

    @abstractmethod
    def pairs(self, name: str) -> Sequence[Pair]:
        """Return the sentences of ``"validation"`` or of a test set, always in the same order."""

    @abstractmethod
    def encode_source(self, text: str) -> list[int]:
        """Return the tokens of a source sentence, as the model reads them."""

    @abstractmethod
    def encode_target(self, text: str) -> list[int]:
        """Return the tokens of a target sentence, EOS included."""

    @abstractmethod
    def decode(self, tokens: Sequence[int]) -> str:
        """Return the sentence that target tokens spell, up to the first EOS and without PAD."""

    @abstractmethod
    def pieces(self, tokens: Sequence[int], side: str) -> list[str]:
        """Return each token as a person can read it; ``side`` is ``"source"`` or ``"target"``."""

    @abstractmethod
    def tokeniser(self) -> str:
        """Return the tokeniser's signature: kind, size, what it was trained on."""

    def longest_answer(self, source_length: int) -> int:
        """Return how many tokens, EOS included, decoding may give for a source of so many tokens.

        Input length + 50 (Vaswani et al. 2017, section 6.1).
        """
        return source_length + 50

    @abstractmethod
    def floor_sentence(self) -> str:
        """Return what a first-order Markov model of the training targets says most probably."""

    def overlong(self, name: str) -> int:
        """Return how many sources of a set were cut as too long; of ``"train"``, pairs left out."""
        return 0

    def scored(self, split: HeldOut) -> Sequence[Pair]:
        """Return the sentences that training is scored on: ``"validation"`` unless overridden."""
        return self.pairs(split)


Tokens = Sequence[int] | NDArray[np.integer]


def source_rows(rows: Sequence[Tokens]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (B, S) int64 tokens, padded on the right with zeros, and their lengths (B,)."""
    lengths_B = np.array([len(row) for row in rows], dtype=np.int64)
    padded_BS = np.zeros((len(rows), int(lengths_B.max(initial=1))), dtype=np.int64)
    padded_BS[np.arange(padded_BS.shape[1]) < lengths_B[:, None]] = np.concatenate(
        [np.asarray(row, dtype=np.int64) for row in rows]
    )
    return padded_BS, lengths_B


def examples_of(sources: Sequence[Tokens], targets: Sequence[Tokens]) -> Examples:
    """Return token rows as padded examples; a target's mask is None when no row is padded."""
    source_BS, lengths_B = source_rows(sources)
    target_BT, target_lengths_B = source_rows(targets)
    mask_BT = np.arange(target_BT.shape[1]) < target_lengths_B[:, None]
    return Examples(source_BS, lengths_B, target_BT, None if mask_BT.all() else mask_BT)
