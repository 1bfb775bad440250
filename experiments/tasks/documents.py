"""Classification of documents: one answer at the end of a long text.

B examples, S source positions.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Split, Task
from experiments.tasks.epochs import Epochs
from experiments.tasks.reviews import Documents as Texts
from experiments.tasks.reviews import as_text, from_place, from_text, generated
from experiments.tasks.text import source_rows
from experiments.tasks.text_files import keep_text, kept_text
from experiments.tasks.topics import topics
from models.problem import SPECIALS, Problem

GENERATED = "generated"
GENERATORS: dict[str, Callable[[int], Texts]] = {GENERATED: generated, "topics": topics}
UNKNOWN = SPECIALS
"""Token of words that are not in the vocabulary."""

SHORTEST_BUCKET = 100


class Encoded(NamedTuple):
    """The documents of one split."""

    tokens: list[NDArray[np.int64]]  # cut
    label_N: NDArray[np.int64]
    words_N: NDArray[np.int64]  # before they were cut


class Documents(Task):
    """Classify a long document by its words: accuracy by length.

    ``corpus`` is ``generated``, documents whose label is that of most of their signal words;
    ``topics``, the same with short documents and many such words; or the path of a folder with train,
    validation (or dev) and test files, or of one file, of which a tenth is held out for validation and
    a tenth for testing by the hash of the text. Files are UTF-8, plain or gzipped, and a line is label
    TAB text, such as the movie reviews of Pang and Lee 2004 ("A Sentimental Education"). What is kept
    is the corpus' name and, in ``content``, the hash of its text.
    Words are what white space separates; the ``vocabulary`` most frequent of training are the tokens
    from 4 on, 3 is any other. Documents beyond ``max_tokens`` lose their ``cut``, and are counted.

    >>> task = Documents()
    >>> batch = next(task.evaluation("test", 2))
    >>> [task.words[token - 4] for token in batch.source[0, :5].tolist()], batch.target.tolist()
    (['w151', 'w1', 'w1', 'w1', 'good13'], [1, 1])
    """

    name: ClassVar[str] = "documents"
    slice_names: ClassVar[tuple[str, ...]] = ("length",)

    corpus: str = Field(
        GENERATED, description="path of labelled text, generated or topics; kept: its name"
    )
    content: str = Field("", description="hash of the corpus' text; filled in")
    vocabulary: int = Field(10_000, gt=0, description="words that are told apart, at most")
    max_tokens: int = Field(400, gt=0, description="words of a document that are read")
    cut: Literal["end", "begin"] = Field("end", description="what an overlong document loses")
    documents: int = Field(3000, ge=100, description="generated: number of documents")

    @model_validator(mode="before")
    @classmethod
    def _import(cls, given: Any) -> Any:
        """Read the corpus, unless it is named by its content: then it was read before."""
        corpus = given.get("corpus", GENERATED) if isinstance(given, dict) else GENERATED
        if corpus in GENERATORS or given.get("content"):
            return given
        place = Path(str(corpus)).expanduser()
        return {**given, "corpus": place.name, "content": keep_text(as_text(from_place(place)))}

    @property
    def basis(self) -> "Documents":
        """Return the task whose text, words and classes these are: this one."""
        return self

    @property
    def texts(self) -> Texts:
        """Return the documents as text."""
        return _texts(self.corpus, self.content, self.documents)

    @property
    def words(self) -> tuple[str, ...]:
        """Return the vocabulary, the most frequent first; token 4 is the first."""
        return _words(self.basis)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the classes, in the order of their numbers."""
        return _labels(self.basis)

    def problem(self) -> Problem:
        """Return the sizes: words and classes."""
        return Problem(
            source_size=UNKNOWN + 1 + len(self.words), target_size=len(self.labels), readout="last"
        )

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's documents (B, S) and classes (B,): epochs in a new order, none repeated.

        Documents of like length stand together; one batch of an epoch may be smaller.
        """
        _, rows = _epochs(self).take(seed, step, batch_size)
        return self._examples("train", rows)

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the held-out documents, the shortest first."""
        order = np.argsort(encoded(self.basis, split).words_N, kind="stable")
        for begin in range(0, len(order), batch_size):
            yield self._examples(split, order[begin : begin + batch_size])

    def _examples(self, split: Split, rows: NDArray[np.int64]) -> Examples:
        found = encoded(self.basis, split)
        source_BS, lengths_B = source_rows([found.tokens[row] for row in rows])
        length_B = np.array([bucket(words) for words in found.words_N[rows].tolist()], dtype=np.int64)
        return Examples(source_BS, lengths_B, found.label_N[rows], slices={"length": length_B})

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the upper ends of the buckets of lengths, in words before the cut."""
        found = {bucket(words) for words in encoded(self.basis, split).words_N.tolist()}
        return {"length": tuple(sorted(found))}

    def chance(self) -> float:
        """Return 1 over the number of classes."""
        return 1 / len(self.labels)

    def target_only_floor(self) -> float:
        """Return the share of the test split's most frequent class."""
        counts = np.bincount(encoded(self.basis, "test").label_N)
        return float(counts.max() / counts.sum())

    def facts(self) -> dict[str, float]:
        """Return how many documents were cut, and the share of test words outside the vocabulary."""
        test = encoded(self.basis, "test")
        tokens = np.concatenate(test.tokens)
        return {
            "overlong": float((test.words_N > self.max_tokens).sum()),
            "overlong_training": float((encoded(self.basis, "train").words_N > self.max_tokens).sum()),
            "unknown_share": float((tokens == UNKNOWN).mean()),
        }

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the class of the document with these tokens: its writer is the only oracle."""
        wanted = source[:length]
        for split in get_args(Split):
            found = encoded(self.basis, split)
            for tokens, label in zip(found.tokens, found.label_N, strict=True):
                if np.array_equal(tokens, wanted):
                    return np.asarray(label)
        raise ValueError("no such document in the corpus")


def bucket(words: int) -> int:
    """Return the upper end of a length's bucket: 100, 200, 400, 800 ... words."""
    return SHORTEST_BUCKET << max(0, (-(-words // SHORTEST_BUCKET) - 1).bit_length())


@lru_cache(maxsize=4)
def _texts(corpus: str, content: str, documents: int) -> Texts:
    if corpus in GENERATORS:
        return GENERATORS[corpus](documents)
    return from_text(kept_text(content, corpus))


@lru_cache(maxsize=4)
def _words(task: Documents) -> tuple[str, ...]:
    counts = Counter(word for document in task.texts["train"] for word in document.text.split())
    order = sorted(counts, key=lambda word: (-counts[word], word))
    return tuple(order[: task.vocabulary])


@lru_cache(maxsize=4)
def _labels(task: Documents) -> tuple[str, ...]:
    return tuple(sorted({document.label for document in task.texts["train"]}))


@lru_cache(maxsize=6)
def encoded(task: Documents, split: Split) -> Encoded:
    """Return the documents of a split as tokens, cut, with their classes."""
    token_of = {word: UNKNOWN + 1 + place for place, word in enumerate(task.words)}
    number_of = {label: number for number, label in enumerate(task.labels)}
    tokens, words = [], []
    for document in task.texts[split]:
        row = [token_of.get(word, UNKNOWN) for word in document.text.split()]
        words.append(len(row))
        kept = row[: task.max_tokens] if task.cut == "end" else row[-task.max_tokens :]
        tokens.append(np.array(kept, dtype=np.int64))
    labels = [number_of[document.label] for document in task.texts[split]]
    return Encoded(tokens, np.array(labels, dtype=np.int64), np.array(words, dtype=np.int64))


@lru_cache(maxsize=4)
def _epochs(task: Documents) -> Epochs:
    lengths = [len(tokens) for tokens in encoded(task, "train").tokens]
    return Epochs(np.array(lengths, dtype=np.int64))
