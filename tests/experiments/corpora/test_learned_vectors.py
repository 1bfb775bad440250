"""Vectors learned from text: counts by hand, information by its formula, and what they are good for."""

import math

import numpy as np
import pytest

from experiments.corpora import learned_vectors
from experiments.corpora.learned_vectors import cooccurrence, learn_vectors, positive_information


def test_words_within_the_window_are_counted_both_ways_and_within_a_text_alone() -> None:
    rows = [np.array([0, 1, -1, 2]), np.array([2, 0])]
    expected = np.zeros((3, 3))
    for one, other in ((0, 1), (1, 2), (2, 0)):  # 0 and the first 2 are three places apart
        expected[one, other] += 1
        expected[other, one] += 1
    np.testing.assert_array_equal(cooccurrence(rows, 3, window=2).toarray(), expected)


def test_a_word_beside_itself_counts_twice() -> None:
    np.testing.assert_array_equal(cooccurrence([np.array([0, 0])], 1, window=5).toarray(), [[2.0]])


def test_information_is_that_of_the_formula() -> None:
    counts = np.array([[0.0, 6.0, 1.0], [6.0, 0.0, 0.0], [1.0, 0.0, 8.0]])
    found = positive_information(learned_vectors.sparse.csr_matrix(counts)).toarray()
    total, all_ = counts.sum(axis=1), counts.sum()
    smooth = total**0.75 / (total**0.75).sum()
    for word in range(3):
        for context in range(3):
            expected = 0.0
            if counts[word, context]:
                joint = counts[word, context] / all_
                expected = max(0.0, math.log(joint / (total[word] / all_ * smooth[context])))
            assert found[word, context] == pytest.approx(expected), (word, context)


def texts() -> list[np.ndarray]:
    """Words 0 to 9 occur together, and 10 to 19; 20 to 29 with both."""
    generator = np.random.default_rng(0)
    return [
        np.where(
            generator.random(12) < 0.5,
            generator.integers(20, 30, size=12),
            generator.integers(0, 10, size=12) + 10 * (number % 2),
        )
        for number in range(400)
    ]


def test_words_that_occur_together_are_alike() -> None:
    vectors = learn_vectors(texts(), 31, dimensions=3)
    assert vectors.shape == (31, 3)
    assert vectors.dtype == np.float32
    assert not vectors[30].any(), "a word that never occurs"
    centred = vectors[:20] - vectors[:20].mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    alike = unit @ unit.T
    same = [*alike[:10, :10].flat, *alike[10:, 10:].flat]
    assert min(same) > 0.6
    assert alike[:10, 10:].max() < -0.6


def test_both_decompositions_give_the_same_vectors_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = learn_vectors(texts(), 30, dimensions=4)
    monkeypatch.setattr(learned_vectors, "_DENSE", 0)
    thin = learn_vectors(texts(), 30, dimensions=4)
    np.testing.assert_array_equal(thin, learn_vectors(texts(), 30, dimensions=4))
    # axes may come in another order and direction: distances may not
    np.testing.assert_allclose(dense @ dense.T, thin @ thin.T, atol=1e-4)
