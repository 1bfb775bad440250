"""Translation of a parallel corpus, cut into subwords.

B examples, S source positions, T target positions.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.corpora import embedded
from experiments.corpora.batching import cut
from experiments.corpora.corpus import import_corpus, languages, open_corpus
from experiments.corpora.prepared import Prepared, prepared, until_eos
from experiments.tasks.base import Examples, HeldOut
from experiments.tasks.text import Pair, TextTask, Tokens, examples_of
from models.errors import BadInput, nearest
from models.problem import Problem

USUAL_PAIR = "en-de"

BUCKET = 10
"""Target lengths are counted in steps of so many tokens."""


class Translation(TextTask):
    """Translate sentences: BLEU and chrF on the text, by source length.

    ``corpus`` is a folder of files, or a name on the hub; what is kept is its name and, in ``content``,
    the hash of its text. Subwords are learned on the training split alone; a sentence's tokens end
    with EOS on both sides. Training pairs beyond ``max_tokens`` on either side are left out, and
    counted; held-out sources beyond it are cut, and counted. A batch holds at most ``batch_size``
    tokens, padding included.
    """

    name: ClassVar[str] = "translation"
    slice_names: ClassVar[tuple[str, ...]] = ("target_length",)
    batch_unit = "tokens"

    corpus: str = Field(
        embedded.NAME,
        description="folder, name on the hub, or scan, which is generated; kept: its name",
    )
    pair: str = Field(embedded.PAIR, description="source and target language; of files, en-de")
    content: str = Field("", description="hash of the corpus' text; filled in")
    columns: tuple[str, str] | None = Field(
        None, description="source and target in JSON lines or on the hub; none: the languages"
    )
    test: str = Field("", description="name of the test set; empty: the first")
    vocabulary: int = Field(4000, gt=0, description="subwords at most: joint, or of each side")
    joint: bool = Field(True, description="one vocabulary for both sides")
    max_tokens: int = Field(256, gt=1, description="longest sentence, EOS included")
    joined: tuple[int, ...] = Field(
        (), description="also test on so many neighbouring sentences joined into one: (2, 4)"
    )
    scored_sentences: int = Field(
        1000, gt=0, description="validation sentences that are translated while training"
    )

    @model_validator(mode="before")
    @classmethod
    def _import(cls, given: Any) -> Any:
        """Read the corpus, unless it is named by its content: then it was read before."""
        if not isinstance(given, dict):
            return given
        if given.get("content"):
            name = str(given.get("corpus", ""))
            tests = open_corpus(str(given["content"]), name).tests
            test = given.get("test") or tests[0]
            plain = re.fullmatch(r"[\w.-]+(/[\w.-]+)?(:[\w.-]+)?(@[\w./-]+)?", name)
            return {**given, "corpus": name if plain else Path(name).name, "test": test}
        corpus = str(given.get("corpus") or embedded.NAME)
        pair = str(given.get("pair") or (embedded.PAIR if corpus == embedded.NAME else USUAL_PAIR))
        columns = given.get("columns") or None
        if columns is not None and (not isinstance(columns, list | tuple) or len(columns) != 2):
            raise BadInput(f"columns = {columns!r}: name two, that of the source and of the target.")
        keys = None if columns is None else (str(columns[0]), str(columns[1]))
        found = import_corpus(corpus, pair, keys)
        tests = found.tests
        test = given.get("test") or tests[0]
        if test not in tests:
            raise BadInput(f"test = '{test}': no such test set.{nearest(str(test), tests)}")
        named = {"corpus": found.name, "pair": pair, "content": found.content, "test": test}
        return {**given, **named}

    @model_validator(mode="after")
    def _check(self) -> "Translation":
        languages(self.pair)
        if any(count < 2 for count in self.joined) or len(set(self.joined)) < len(self.joined):
            raise ValueError("joined: different numbers from 2 on")
        return self

    @property
    def data(self) -> Prepared:
        """Return the corpus with its subwords and batches."""
        corpus = open_corpus(self.content, self.corpus)
        return prepared(corpus, self.vocabulary, self.joint, self.max_tokens)

    def problem(self) -> Problem:
        """Return the sizes: those of the vocabularies."""
        source, target = self.data.subwords.sizes
        return Problem(source_size=source, target_size=target)

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's sentences; ``batch_size`` counts tokens, padding included."""
        source, target = self.data.train
        rows = self.data.batch(seed, step, batch_size)
        return _sliced([source.row(row) for row in rows], [target.row(row) for row in rows])

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the held-out sentences, those of like length together."""
        sources, targets = self.data.held_out(self.set_of(split))
        longest = np.array([max(map(len, both)) for both in zip(sources, targets, strict=True)])
        order = np.argsort(longest, kind="stable")
        for rows in cut(order, longest[order], batch_size):
            yield _sliced([sources[row] for row in rows], [targets[row] for row in rows])

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the upper ends of the target lengths' buckets, in tokens."""
        _, targets = self.data.held_out(self.set_of(split))
        return {"target_length": tuple(sorted({bucket(len(target)) for target in targets}))}

    def set_of(self, name: str) -> str:
        """Return the corpus' name of a split."""
        return self.test if name == "test" else name

    def chance(self) -> float:
        """Return the accuracy of guessing tokens blindly."""
        return 1 / self.data.subwords.sizes[1]

    def target_only_floor(self) -> float:
        """Return the token accuracy of a first-order Markov model of the target (claim D4)."""
        _, targets = self.data.held_out(self.test)
        return self.data.markov.accuracy(targets)

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the reference of the identical source: translators are the only oracle."""
        sources, targets = self.data.held_out(self.test)
        wanted = source[:length].tolist()
        for tokens, target in zip(sources, targets, strict=True):
            if tokens == wanted:
                return np.asarray(target)
        raise ValueError("no such sentence in the test set")

    # What TextTask asks --------------------------------------------------------------------------

    def facts(self) -> dict[str, float]:
        """Return how many target tokens an epoch has, EOS included."""
        return {"training_tokens": float(self.data.train[1].lengths()[self.data.kept].sum())}

    def test_sets(self) -> tuple[str, ...]:
        """Return ``test``, and ``joined 2`` and so on."""
        return ("test", *(f"joined {count}" for count in self.joined))

    def pairs(self, name: str) -> Sequence[Pair]:
        """Return a set's sentences in document order, joined where its name says so."""
        if name.startswith("joined "):
            return self.data.joined(self.test, int(name.removeprefix("joined ")))
        return self.data.texts(self.set_of(name))

    def scored(self, split: HeldOut) -> Sequence[Pair]:
        """Return the first ``scored_sentences``."""
        return self.pairs(split)[: self.scored_sentences]

    def encode_source(self, text: str) -> list[int]:
        """Return the source's subwords and EOS, cut at ``max_tokens``."""
        return self.data.subwords.encode("source", [text])[0][: self.max_tokens]

    def encode_target(self, text: str) -> list[int]:
        """Return the target's subwords and EOS, whatever the length."""
        return self.data.subwords.encode("target", [text])[0]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the sentence."""
        return self.data.subwords.decode(until_eos(tokens))

    def pieces(self, tokens: Sequence[int], side: str) -> list[str]:
        """Return the subwords; ``_`` begins a word."""
        return self.data.subwords.pieces(side, tokens)

    def floor_sentence(self) -> str:
        """Return the Markov model's likeliest sentence."""
        return self.data.subwords.decode(self.data.markov.sentence())

    def overlong(self, name: str) -> int:
        """Count the training pairs left out, or the sources cut, for being beyond ``max_tokens``."""
        if name == "train":
            return self.data.overlong
        encode = self.data.subwords.encode
        sources = encode("source", [pair.source for pair in self.pairs(name)])
        return sum(len(source) > self.max_tokens for source in sources)

    def tokeniser(self) -> str:
        """Return the subwords' signature."""
        return self.data.subwords.signature


def _sliced(sources: Sequence[Tokens], targets: Sequence[Tokens]) -> Examples:
    length_B = np.array([bucket(len(target)) for target in targets], dtype=np.int64)
    return replace(examples_of(sources, targets), slices={"target_length": length_B})


def bucket(length: int) -> int:
    """Return the upper end of a length's bucket: 10 for 1 to 10, 20 for 11 to 20 ..."""
    return -(-length // BUCKET) * BUCKET
