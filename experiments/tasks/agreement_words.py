"""Words as tokens: a vocabulary from the training sentences alone, and classes for unknown words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.problem import SPECIALS

ENDINGS = ("ings", "ness", "tion", "ers", "ing", "ies", "'s", "ed", "er", "ly", "ss", "us", "s")
"""A rare or unknown word is known by the first of these that it ends with: its number often shows.

Classes of unknown words by their shape: Petrov and Klein 2007 ("Improved Inference for Unlexicalized
Parsing") use the like.
"""


@dataclass(frozen=True)
class Vocabulary:
    """Word → token; the tokens after the reserved ones are the classes of unknown words, then words."""

    tokens: dict[str, int]
    lower: bool
    endings: bool

    @property
    def size(self) -> int:
        """Return the number of tokens, reserved ones and classes included."""
        return SPECIALS + self.classes + len(self.tokens)

    @property
    def classes(self) -> int:
        """Return the number of classes of unknown words."""
        return 1 + len(ENDINGS) if self.endings else 1

    def encode(self, words: Iterable[str]) -> list[int]:
        """Return one token a word."""
        found = []
        for word in words:
            form = word.lower() if self.lower else word
            found.append(self.tokens.get(form) or self._unknown(form))
        return found

    def is_unknown(self, token: int) -> bool:
        """Return whether a token stands for words that are not in the vocabulary."""
        return SPECIALS <= token < SPECIALS + self.classes

    def _unknown(self, word: str) -> int:
        if self.endings:
            for place, ending in enumerate(ENDINGS, start=1):
                if word.lower().endswith(ending):
                    return SPECIALS + place
        return SPECIALS


def learn(sentences: Iterable[Sequence[str]], *, least: int, lower: bool, endings: bool) -> Vocabulary:
    """Return the words that occur ``least`` times or more, in the order of the alphabet.

    Rarer ones are unknown, in training too: so the classes of unknown words are learned.
    """
    counts = Counter(word.lower() if lower else word for words in sentences for word in words)
    kept = sorted(word for word, count in counts.items() if count >= least)
    vocabulary = Vocabulary({}, lower, endings)
    first = SPECIALS + vocabulary.classes
    vocabulary.tokens.update({word: first + place for place, word in enumerate(kept)})
    return vocabulary
