"""Language modelling by character: no source, the target predicts itself.

B examples, T target positions, N windows, V symbols.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Split, Task
from experiments.tasks.epochs import Epochs
from experiments.tasks.markov_text import LETTERS, chain, markov_text
from experiments.tasks.text_files import keep_text, kept_text, read_text
from models.problem import SPECIALS, Problem

GENERATED = "generated"
UNKNOWN = SPECIALS
"""Token of characters that the training split does not have."""

_TWENTIETHS: dict[Split, tuple[int, int]] = {
    "train": (0, 18),
    "validation": (18, 19),
    "test": (19, 20),
}


class Text:
    """A text as tokens: UNKNOWN, then the characters of its first 90 %, in code-point order."""

    def __init__(self, text: str) -> None:
        points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        self.parts = {
            split: points[len(points) * low // 20 : len(points) * high // 20]
            for split, (low, high) in _TWENTIETHS.items()
        }
        self.points = np.unique(self.parts["train"])
        self.tokens = {split: self.encode(part) for split, part in self.parts.items()}

    def encode(self, points: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the tokens of code points."""
        place = np.searchsorted(self.points, points).clip(max=len(self.points) - 1)
        return np.where(self.points[place] == points, place + UNKNOWN + 1, UNKNOWN).astype(np.int64)

    def windows(self, split: Split, length: int) -> NDArray[np.int64]:
        """Return (N, length) tokens, one after the other; an incomplete window is left out."""
        tokens = self.tokens[split]
        return tokens[: len(tokens) // length * length].reshape(-1, length)


class Characters(Task):
    """Predict the next character of a text: bits a character, beside those of Markov models.

    ``corpus`` is ``generated``, text of a second-order Markov chain whose entropy is known, or the path
    of a UTF-8 file; what is kept is its name and, in ``content``, the hash of its text. Split in
    order: 90 % training, 5 % validation, 5 % test. A window of ``length`` characters is one example,
    without a state from the window before, and its first character is predicted from nothing;
    training windows begin elsewhere every epoch (truncated back-propagation through time).
    There is no source; tokens from 4 on are characters, 3 is one that training does not have:

    >>> task = Characters()
    >>> batch = next(task.evaluation("test", 2))
    >>> batch.source.shape, batch.target.shape
    ((2, 0), (2, 128))
    >>> task.decode(batch.target[0, :24].tolist())
    'aedeadmneh cdmnkakbbcmac'
    """

    name: ClassVar[str] = "characters"

    corpus: str = Field(GENERATED, description="path of a text file, or generated; kept: its name")
    content: str = Field("", description="hash of the corpus' text; filled in")
    length: int = Field(128, gt=1, description="characters in a window")
    letters: int = Field(16, gt=1, le=len(LETTERS), description="generated: different characters")
    characters: int = Field(300_000, ge=1000, description="generated: characters of text")

    @model_validator(mode="before")
    @classmethod
    def _import(cls, given: Any) -> Any:
        """Read the corpus, unless it is named by its content: then it was read before."""
        corpus = given.get("corpus", GENERATED) if isinstance(given, dict) else GENERATED
        if corpus == GENERATED or given.get("content"):
            return given
        path = Path(str(corpus)).expanduser()
        return {**given, "corpus": path.name, "content": keep_text(read_text(path))}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        held = len(self.text.tokens["test"])
        if self.length > held:
            raise ValueError(
                f"length = {self.length}: the test split, 5 % of the text, has {held} characters only"
            )
        return self

    @property
    def text(self) -> Text:
        """Return the corpus as tokens."""
        return _text(self.corpus, self.content, self.letters, self.characters)

    def problem(self) -> Problem:
        """Return the sizes: no source, and the characters of the training split."""
        size = UNKNOWN + 1 + len(self.text.points)
        return Problem(source_kind="none", source_size=0, target_size=size)

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's windows, (B, T) int64: epochs in a new order and from a new beginning."""
        tokens = self.text.tokens["train"]
        count = (len(tokens) - self.length + 1) // self.length
        epoch, rows_B = _epochs(count).take(seed, step, batch_size)
        first = int(np.random.default_rng([seed, epoch, 1]).integers(self.length))
        place_BT = first + rows_B[:, None] * self.length + np.arange(self.length)
        return _examples(tokens[place_BT])

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the windows of a split in the order of the text."""
        yield from _examples(self.text.windows(split, self.length)).batches(batch_size)

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return none: windows are alike."""
        return {}

    def chance(self) -> float:
        """Return 1 over the number of characters."""
        return 1 / len(self.text.points)

    def target_only_floor(self) -> float:
        """Return the accuracy of the character that most often followed the one before in training."""
        unigram_V, bigram_VV = self._markov()
        windows = self.text.windows("test", self.length)
        right = (windows[:, 0] == unigram_V.argmax()).sum()
        right += (bigram_VV.argmax(axis=1)[windows[:, :-1]] == windows[:, 1:]).sum()
        return float(right / windows.size)

    def facts(self) -> dict[str, float]:
        """Return the bits a character of Markov models on the test windows.

        ``bits_unigram``: of the frequencies in training; ``bits_bigram``: given the character before;
        ``bits_optimum``: of the chain itself, for generated text; ``unknown_share`` of the test split.
        """
        windows = self.text.windows("test", self.length)
        unigram_V, bigram_VV = self._markov()
        first = -np.log2(unigram_V[windows[:, 0]]).sum()
        later = -np.log2(bigram_VV[windows[:, :-1], windows[:, 1:]]).sum()
        found = {
            "bits_unigram": float(-np.log2(unigram_V[windows]).mean()),
            "bits_bigram": float((first + later) / windows.size),
            "unknown_share": float((windows == UNKNOWN).mean()),
        }
        if self.corpus == GENERATED:
            points = self.text.parts["test"][: windows.size].reshape(windows.shape)
            codes = np.searchsorted(np.array([ord(letter) for letter in LETTERS]), points)
            found["bits_optimum"] = chain(self.letters).bits(codes)
        return found

    def _markov(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return P(b) and P(b | a), (V,) and (V, V), from the training split.

        One more of every symbol, and one more of every successor, spread as P(b) (a Dirichlet prior).
        """
        tokens, size = self.text.tokens["train"], self.problem().target_size
        unigram_V = np.bincount(tokens, minlength=size).astype(np.float64)
        unigram_V[UNKNOWN:] += 1
        unigram_V /= unigram_V.sum()
        pairs = np.bincount(tokens[:-1] * size + tokens[1:], minlength=size * size)
        count_VV = pairs.reshape(size, size)
        return unigram_V, (count_VV + unigram_V) / (count_VV.sum(axis=1, keepdims=True) + 1)

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Raise: nothing implies a text."""
        raise ValueError("a language model has no source that implies its target")

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, for example of what is to be continued."""
        return self.text.encode(np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)).tolist()

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text that tokens spell, without PAD, BOS and EOS; unknown characters as U+FFFD."""
        spelled = ["\ufffd", *map(chr, self.text.points.tolist())]
        return "".join(spelled[token - UNKNOWN] for token in tokens if token >= UNKNOWN)


@lru_cache(maxsize=4)
def _text(corpus: str, content: str, letters: int, characters: int) -> Text:
    if corpus == GENERATED:
        return Text(markov_text(letters, characters))
    return Text(kept_text(content, corpus))


@lru_cache(maxsize=4)
def _epochs(count: int) -> Epochs:
    return Epochs(np.zeros(count, dtype=np.int64))


def _examples(target_BT: NDArray[np.int64]) -> Examples:
    none_B0 = np.zeros((len(target_BT), 0), dtype=np.int64)
    return Examples(none_B0, np.zeros(len(target_BT), dtype=np.int64), target_BT)
