"""Documents of which only a share have labels: what word vectors and pretraining are for.

V source vocabulary, E dimensions of word vectors.
"""

from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.corpora.kept_vectors import keep_vectors, kept_vectors, vectors_named
from experiments.corpora.learned_vectors import DIMENSIONS, WINDOW, learn_vectors
from experiments.corpora.word_vectors import WordVectors, read_vectors
from experiments.tasks.base import Examples
from experiments.tasks.documents import UNKNOWN, Documents, encoded
from experiments.tasks.epochs import Epochs

NO_VECTORS, LEARNED = "none", "corpus"

_DRAW = 3005


class FewLabels(Documents):
    """Classify documents of which only a share is labelled, with word vectors to start from or without.

    Text, words and held-out splits are those of ``documents``. Training sees the labels of a ``share``
    of the training documents, at least one of each class: those of 1 % are among those of 10 %. Which
    they are is a function of the data seed. The vocabulary is that of the whole training text, whose
    other documents are unlabelled.

    ``vectors`` are what the source embedding starts from: ``none``, ``corpus`` (learned from the
    training text, its labels unread), or the path of a file of word2vec, GloVe or fastText text, or of
    a ``.npy`` matrix with its words beside it. What is kept is the file's name and, in
    ``vectors_content``, the hash of the vectors that the vocabulary takes from it.

    >>> task = FewLabels(share=0.01, vectors="corpus")
    >>> len(task.labelled(seed=0)), task.source_vectors().shape
    (24, (904, 64))
    >>> batch = task.train_batch(0, 0, 24)
    >>> batch.source.shape[0], sorted(set(batch.target.tolist()))
    (24, [0, 1])
    """

    name: ClassVar[str] = "few_labels"

    corpus: str = Field(
        "topics", description="path of labelled text, topics or generated; kept: its name"
    )
    share: float = Field(1.0, gt=0, le=1, description="of the training documents that have labels")
    vectors: str = Field(
        NO_VECTORS, description="none, corpus, or a file of word vectors; kept: its name"
    )
    vectors_content: str = Field("", description="hash of the vectors that are used; filled in")

    @model_validator(mode="after")
    def _import_vectors(self) -> "FewLabels":
        """Read the file of vectors, unless it is named by its content: then it was read before."""
        if self.vectors in (NO_VECTORS, LEARNED) or self.vectors_content:
            return self
        place = Path(self.vectors).expanduser()
        content = keep_vectors(read_vectors(place, self.words))
        # frozen: pydantic's own way to fill in a field
        object.__setattr__(self, "vectors", place.name)
        object.__setattr__(self, "vectors_content", content)
        return self

    @property
    def basis(self) -> Documents:
        """Return the task with all labels: whatever the share, text and words are the same."""
        return Documents.model_construct(
            **{name: getattr(self, name) for name in Documents.model_fields}
        )

    def labelled(self, seed: int) -> NDArray[np.int64]:
        """Return the training documents that have labels, in ascending order."""
        return _labelled(self.basis, self.share, seed)

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's documents (B, S) and classes (B,), from those with labels."""
        rows = self.labelled(seed)
        _, places = _epochs(self.basis, self.share, seed).take(seed, step, batch_size)
        return self._examples("train", rows[places])

    def source_vectors(self) -> NDArray[np.float32] | None:
        """Return (V, E), NaN where a token has no vector; None without vectors."""
        found = self._found()
        return None if found is None else _table(found, self.words)

    def _found(self) -> WordVectors | None:
        if self.vectors == NO_VECTORS:
            return None
        if self.vectors == LEARNED:
            return _learned(self.basis)
        return kept_vectors(self.vectors_content, self.vectors)

    def facts(self) -> dict[str, float]:
        """Return the facts of ``documents``, and how much of the text has a vector.

        ``vectors_of_words``: share of the vocabulary; ``vectors_of_text``: share of the words of the
        training text, those outside the vocabulary included.
        """
        facts = {**super().facts(), "labelled": float(len(self.labelled(0)))}
        found = self._found()
        if found is None:
            return facts
        there = set(found.words)
        tokens = np.concatenate(encoded(self.basis, "train").tokens)
        known = np.zeros(UNKNOWN + 1 + len(self.words), dtype=bool)
        known[UNKNOWN + 1 :] = [word in there for word in self.words]
        return facts | {
            "vectors_of_words": len(there) / len(self.words),
            "vectors_of_text": float(known[tokens].mean()),
        }


@lru_cache(maxsize=64)
def _labelled(task: Documents, share: float, seed: int) -> NDArray[np.int64]:
    """Return a share of each class, drawn in an order that does not depend on the share."""
    label_N = encoded(task, "train").label_N
    order_N = np.random.default_rng([_DRAW, seed]).permutation(len(label_N))
    found = []
    for label in range(len(task.labels)):
        mine = order_N[label_N[order_N] == label]
        found.append(mine[: max(1, round(share * len(mine)))])
    return np.sort(np.concatenate(found))


@lru_cache(maxsize=64)
def _epochs(task: Documents, share: float, seed: int) -> Epochs:
    tokens = encoded(task, "train").tokens
    lengths = [len(tokens[row]) for row in _labelled(task, share, seed)]
    return Epochs(np.array(lengths, dtype=np.int64))


def _table(found: WordVectors, words: tuple[str, ...]) -> NDArray[np.float32]:
    """Return one row a token: NaN for reserved ones, for the unknown word, and where there is none."""
    table_VE = np.full((UNKNOWN + 1 + len(words), found.vectors.shape[1]), np.nan, dtype=np.float32)
    place_of = {word: UNKNOWN + 1 + place for place, word in enumerate(words)}
    table_VE[[place_of[word] for word in found.words]] = found.vectors
    return table_VE


@lru_cache(maxsize=2)
def _learned(task: Documents) -> WordVectors:
    """Return vectors of all words from the whole training text, made once and kept in the cache."""
    of = task.content or f"{task.corpus}{task.documents}"
    name = f"{of}-{task.vocabulary}-{WINDOW}-{DIMENSIONS}-{FewLabels.version}"
    kept = vectors_named(name)
    if kept is not None and kept.words == task.words:
        return kept
    place_of = {word: place for place, word in enumerate(task.words)}
    rows = [
        np.array([place_of.get(word, -1) for word in document.text.split()], dtype=np.int64)
        for document in task.texts["train"]
    ]
    found = WordVectors(task.words, learn_vectors(rows, len(task.words)))
    keep_vectors(found, name)
    return found
