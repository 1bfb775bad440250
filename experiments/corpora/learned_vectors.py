"""Word vectors learned from text alone: a truncated SVD of positive pointwise mutual information.

It factorises what skip-gram with negative sampling does (Levy and Goldberg 2014, "Neural Word Embedding
as Implicit Matrix Factorization"), needs no gradient, and gives the same vectors every time. N words, E
dimensions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

WINDOW = 10
"""Words to either side that count as a word's context."""

DIMENSIONS = 64

SMOOTHING = 0.75
"""Exponent of context frequencies, against the bias towards rare ones (Levy, Goldberg and Dagan 2015,
section 3.2)."""

EIGENVALUE_WEIGHT = 0.5
"""Exponent of the singular values: the symmetric factorisation (the same, section 3.3)."""

_DENSE = 2000
"""Vocabularies up to this are decomposed densely, which is faster there and needs no iteration."""


def learn_vectors(
    rows: Sequence[NDArray[np.int64]],
    words: int,
    *,
    window: int = WINDOW,
    dimensions: int = DIMENSIONS,
) -> NDArray[np.float32]:
    """Return (words, E) vectors, E = min(dimensions, words); a word that never occurs has zeros.

    Args:
        rows: texts as numbers of words from 0 on; -1 is a word outside the vocabulary, which holds a
            place but is no context.
        words: size of the vocabulary.
        window: words to either side.
        dimensions: at most so many.
    """
    information = positive_information(cooccurrence(rows, words, window))
    size = min(dimensions, words)
    if words <= _DENSE or size >= words - 1:
        left, values, _ = np.linalg.svd(information.toarray())
        left, values = left[:, :size], values[:size]
    else:
        # a start that is not random: the same vectors every time
        left, values, _ = svds(information, k=size, v0=np.ones(words))
    return (left * values**EIGENVALUE_WEIGHT).astype(np.float32)


def cooccurrence(rows: Sequence[NDArray[np.int64]], words: int, window: int) -> sparse.csr_matrix:
    """Return (words, words) counts of how often two words stand within ``window`` places, symmetric."""
    gap = np.full(window, -1, dtype=np.int64)  # no context reaches from one text into another
    stream = np.concatenate([part for row in rows for part in (row, gap)])
    counts = sparse.csr_matrix((words, words), dtype=np.float64)
    for distance in range(1, window + 1):
        one, other = stream[:-distance], stream[distance:]
        both = (one >= 0) & (other >= 0)
        ones = np.ones(int(both.sum()))
        counts = counts + sparse.csr_matrix((ones, (one[both], other[both])), shape=(words, words))
    return sparse.csr_matrix(counts + counts.T)


def positive_information(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return max(0, log p(w, c) / (p(w) p(c))), contexts smoothed, where two words occur together."""
    pairs = counts.tocoo()
    total = np.asarray(counts.sum(axis=1)).ravel()
    contexts = total**SMOOTHING
    contexts /= max(contexts.sum(), 1e-300)
    information = np.log(pairs.data / (total[pairs.row] * contexts[pairs.col]))
    found = sparse.csr_matrix(
        (np.maximum(information, 0.0), (pairs.row, pairs.col)), shape=counts.shape
    )
    found.eliminate_zeros()
    return found
