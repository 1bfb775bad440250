"""Subject-verb agreement: the number of a verb from the words before it.

B examples, S source positions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks import agreement_grammar as grammar
from experiments.tasks.agreement_pairs import Pair, import_pairs, open_pairs
from experiments.tasks.agreement_sentences import NUMBERS, Corpus, Sentence, import_corpus, open_corpus
from experiments.tasks.agreement_words import Vocabulary, learn
from experiments.tasks.base import Examples, HeldOut, Positives, Task
from experiments.tasks.text import source_rows
from models.problem import Problem

DISTANCES = (1, 2, 4, 8, 16, 32)
"""Upper ends of the buckets that distances of a corpus are counted in; the last takes all beyond."""

MOST_ATTRACTORS = 4
"""Sentences with more attractors are counted with these."""

CROSSED = 100
"""The slice ``distance_attractors`` has the values CROSSED * distance + attractors."""

POOL = 20
"""Training sentences are sorted by length within so many batches, drawn anew every epoch."""


class Agreement(Task):
    """The words before a verb, to its number, singular or plural: accuracy by distance and attractors.

    After Linzen, Dupoux and Goldberg 2016 ("Assessing the Ability of LSTMs to Learn Syntax-Sensitive
    Dependencies"), section 3, number prediction. ``distance`` counts tokens from the subject to the
    verb, ``attractors`` the nouns of the other number between them. Of a corpus, distances stand in
    the buckets 1, 2, 3-4, 5-8, 9-16 and beyond (named 1, 2, 4, 8, 16, 32) and attractors above 4 with
    those of 4; where its files do not give them, the slice is missing. Words are tokens; those that
    occur less than ``least`` times in the training split are known by their ending alone.

    The default corpus is generated. With classes 0 (singular) and 1 (plural):

    >>> task = Agreement(distances=(4,), train_sentences=500)
    >>> task.number("near the gardens , the old baker behind the towers")
    'singular'
    """

    name: ClassVar[str] = "agreement"
    slice_names: ClassVar[tuple[str, ...]] = ("distance", "attractors", "distance_attractors")

    corpus: str = Field(
        grammar.NAME, description="folder or file with sentences, or generated; kept: its name"
    )
    content: str = Field("", description="hash of the corpus; filled in")
    pairs: str = Field("", description="folder or file with minimal pairs to test with; kept: its name")
    pairs_content: str = Field("", description="hash of the pairs; filled in")
    pairs_per_condition: int = Field(100, gt=0, description="minimal pairs of each condition, at most")
    lower: bool = Field(True, description="words in lower case")
    least: int = Field(2, gt=0, description="rarer words of the training split are unknown")
    endings: bool = Field(True, description="tell unknown words apart by their ending")
    distances: Positives = Field((1, 4, 8, 16, 32, 64), description="generated: subject to verb")
    nouns: int = Field(4, ge=0, description="generated: nouns between subject and verb, at most")
    mismatch: float = Field(0.3, ge=0, le=1, description="generated: share of attractors in training")
    train_sentences: int = Field(16_000, gt=0, description="generated: training sentences")
    test_per_point: int = Field(64, gt=0, description="generated: for each distance and attractors")
    validation_per_point: int = Field(24, gt=0, description="generated: the same, for validation")

    @model_validator(mode="before")
    @classmethod
    def _import(cls, given: Any) -> Any:
        """Read the files, unless they are named by their content: then they were read before."""
        if not isinstance(given, dict):
            return given
        found = dict(given)
        corpus = str(given.get("corpus", grammar.NAME))
        if corpus != grammar.NAME and not given.get("content"):
            found["corpus"], found["content"] = import_corpus(corpus)
        if given.get("pairs") and not given.get("pairs_content"):
            most = given.get("pairs_per_condition", cls.model_fields["pairs_per_condition"].default)
            if type(most) is int and most > 0:  # else the field's own check says so
                found["pairs"], found["pairs_content"] = import_pairs(str(given["pairs"]), most)
        return found

    @model_validator(mode="after")
    def _generated_has_no_content(self) -> Self:
        if self.corpus == grammar.NAME and self.content:
            raise ValueError(f"content = '{self.content}': corpus '{grammar.NAME}' has none")
        return self

    @property
    def data(self) -> "Prepared":
        """Return the sentences as tokens."""
        if self.corpus != grammar.NAME:
            return _from_corpus(self.corpus, self.content, self.least, self.lower, self.endings)
        counts = (self.train_sentences, self.validation_per_point, self.test_per_point)
        return _from_grammar(
            tuple(sorted(self.distances)),
            self.nouns,
            self.mismatch,
            counts,
            self.least,
            self.lower,
            self.endings,
        )

    def problem(self) -> Problem:
        """Return sizes: the words of the training split, and two classes at the end."""
        return Problem(source_size=self.data.vocabulary.size, target_size=len(NUMBERS), readout="last")

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's sentences, (B, S) int64, and numbers (B,), in epochs without repeats.

        An epoch's last batch may be smaller.
        """
        size = len(self.data.train)
        epoch, place = divmod(step, -(-size // batch_size))
        order = _epoch(self.data, seed, epoch, batch_size)
        return self.data.train.examples(order[place])

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the held-out sentences, those of like length together."""
        encoded = self.data.validation if split == "validation" else self.data.test
        order = np.argsort(encoded.lengths, kind="stable")
        for begin in range(0, len(order), batch_size):
            yield encoded.examples(order[begin : begin + batch_size])

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return distances, attractors and their combinations; what the corpus lacks is left out."""
        encoded = self.data.validation if split == "validation" else self.data.test
        return {name: tuple(np.unique(values).tolist()) for name, values in encoded.slices.items()}

    def chance(self) -> float:
        """Return the majority baseline: the more frequent number of training, on the test split."""
        majority = round(float(self.data.train.numbers.mean()))
        return float((self.data.test.numbers == majority).mean())

    def target_only_floor(self) -> float:
        """Return the majority baseline: one answer has no prefix."""
        return self.chance()

    def facts(self) -> dict[str, float]:
        """Return how many test sentences there are, and how many of them training has up to the verb.

        Compared are words, in lower case where the task reads them so. Of such a sentence the answer
        may have been learned by heart.
        """
        return {
            "test_sentences": float(len(self.data.test)),
            "test_seen_in_training": float(self.data.test_seen_in_training),
        }

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the number: of a generated sentence by its grammar, else that of the same sentence.

        Raises:
            ValueError: a corpus does not hold the sentence.
        """
        tokens = source[:length].tolist()
        if self.corpus == grammar.NAME:
            return np.asarray(_subject_number(self.data.words(tokens)))
        for encoded in (self.data.train, self.data.validation, self.data.test):
            for row in np.flatnonzero(encoded.lengths == length).tolist():
                if encoded.rows[row].tolist() == tokens:
                    return np.asarray(encoded.numbers[row])
        raise ValueError("no such sentence in the corpus")

    def number(self, words: str) -> str:
        """Return ``singular`` or ``plural`` for words that a verb follows, as ``solve`` does."""
        source = np.asarray(self.data.vocabulary.encode(words.split()), dtype=np.int64)
        return NUMBERS[int(self.solve(source, len(source)))]

    def minimal_pairs(self, batch_size: int) -> Iterator[tuple[Examples, list[Pair]]]:
        """Yield the minimal pairs' words up to the verb, those of like length together."""
        found = open_pairs(self.pairs, self.pairs_content) if self.pairs_content else ()
        ordered = sorted(found, key=lambda pair: len(pair.words))
        for begin in range(0, len(ordered), batch_size):
            part = ordered[begin : begin + batch_size]
            source, lengths = source_rows([self.data.vocabulary.encode(pair.words) for pair in part])
            numbers = np.array([pair.number for pair in part], dtype=np.int64)
            yield Examples(source, lengths, numbers), part


@dataclass(frozen=True, eq=False)
class Encoded:
    """The sentences of a split as tokens."""

    rows: Sequence[NDArray[np.uint32]]
    lengths: NDArray[np.int64]  # (N,)
    numbers: NDArray[np.int64]  # (N,)
    slices: dict[str, NDArray[np.int64]]  # name -> (N,)

    def __len__(self) -> int:
        return len(self.rows)

    def examples(self, rows: NDArray[np.intp]) -> Examples:
        """Return some of them, padded to the longest."""
        source, lengths = source_rows([self.rows[row] for row in rows.tolist()])
        slices = {name: values[rows] for name, values in self.slices.items()}
        return Examples(source, lengths, self.numbers[rows], slices=slices)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A corpus with its vocabulary."""

    vocabulary: Vocabulary
    train: Encoded
    validation: Encoded
    test: Encoded
    test_seen_in_training: int  # test sentences whose words up to the verb are a training sentence's

    def words(self, tokens: Sequence[int]) -> list[str]:
        """Return the words of tokens; of an unknown one an empty text."""
        names = {token: word for word, token in self.vocabulary.tokens.items()}
        return [names.get(token, "") for token in tokens]


def distance_bucket(distance: int) -> int:
    """Return the upper end of a distance's bucket.

    >>> [distance_bucket(d) for d in (1, 2, 3, 8, 9, 40)]
    [1, 2, 4, 8, 16, 32]
    """
    return next((upper for upper in DISTANCES if distance <= upper), DISTANCES[-1])


@lru_cache(maxsize=2)
def _from_corpus(name: str, content: str, least: int, lower: bool, endings: bool) -> Prepared:
    return _prepare(open_corpus(name, content), least, lower, endings, bucketed=True)


@lru_cache(maxsize=4)
def _from_grammar(
    distances: tuple[int, ...],
    nouns: int,
    mismatch: float,
    counts: tuple[int, int, int],
    least: int,
    lower: bool,
    endings: bool,
) -> Prepared:
    named = dict(zip(("train", "validation", "test"), counts, strict=True))
    made = grammar.generate(distances, nouns, mismatch, named)
    return _prepare(made, least, lower, endings, bucketed=False)


def _prepare(corpus: Corpus, least: int, lower: bool, endings: bool, *, bucketed: bool) -> Prepared:
    train = corpus.splits["train"].rows
    vocabulary = learn((row.words for row in train), least=least, lower=lower, endings=endings)
    encoded = {
        split: _encode(sentences.rows, vocabulary, bucketed)
        for split, sentences in corpus.splits.items()
    }
    seen = {_form(row, lower) for row in train}
    leaked = sum(_form(row, lower) in seen for row in corpus.splits["test"].rows)
    return Prepared(vocabulary, encoded["train"], encoded["validation"], encoded["test"], leaked)


def _form(sentence: Sentence, lower: bool) -> str:
    text = " ".join(sentence.words)
    return text.lower() if lower else text


def _encode(sentences: Sequence[Sentence], vocabulary: Vocabulary, bucketed: bool) -> Encoded:
    rows = [np.asarray(vocabulary.encode(row.words), dtype=np.uint32) for row in sentences]
    slices: dict[str, NDArray[np.int64]] = {}
    distances = [row.distance for row in sentences if row.distance is not None]
    attractors = [row.attractors for row in sentences if row.attractors is not None]
    if distances:
        ends = [distance_bucket(distance) for distance in distances] if bucketed else distances
        slices["distance"] = np.asarray(ends, dtype=np.int64)
    if attractors:
        slices["attractors"] = np.minimum(np.asarray(attractors, dtype=np.int64), MOST_ATTRACTORS)
    if len(slices) == 2:
        slices["distance_attractors"] = CROSSED * slices["distance"] + slices["attractors"]
    return Encoded(
        rows,
        np.array([len(row) for row in rows], dtype=np.int64),
        np.array([row.number for row in sentences], dtype=np.int64),
        slices,
    )


@lru_cache(maxsize=4)
def _epoch(data: Prepared, seed: int, epoch: int, batch_size: int) -> list[NDArray[np.intp]]:
    """Return the rows of each batch of an epoch."""
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(data.train))
    batches = []
    for begin in range(0, len(order), POOL * batch_size):
        pool = order[begin : begin + POOL * batch_size]
        pool = pool[np.argsort(data.train.lengths[pool], kind="stable")]
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    return [batches[place] for place in random.permutation(len(batches))]


def _subject_number(words: Sequence[str]) -> int:
    """Return the number of a generated sentence's subject: the first noun after what opens it."""
    plurals = {plural for _, plural in grammar.NOUNS}
    nouns = plurals | {singular for singular, _ in grammar.NOUNS}
    begin = 0
    for place, word in enumerate(words):
        if word == "," or (word == "that" and words[place - 1] in grammar.SAYING):
            begin = place + 1
    return int(next(word for word in words[begin:] if word in nouns) in plurals)
