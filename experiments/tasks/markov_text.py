"""Text of a second-order Markov chain, whose entropy is known: what a language model can reach at best.

K letters; p_KKK[i, j] is the distribution of the letter after i and j.
"""

import string
from bisect import bisect_right
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LETTERS = " " + string.ascii_lowercase
SEED = 1913
"""The year of Markov's study of Pushkin's letters: the chain and its text are the same for everyone."""

CONCENTRATION = 0.2
"""Of the Dirichlet distribution that the chain's rows are drawn from: few likely successors."""


class Chain:
    """A chain over the first K of LETTERS."""

    def __init__(self, letters: int) -> None:
        generator = np.random.default_rng([SEED, letters])
        rows = generator.dirichlet(np.full(letters, CONCENTRATION), size=(letters, letters))
        self.p_KKK = (rows + 1e-3) / (1 + 1e-3 * letters)  # every letter may follow: it is ergodic
        self.pair_KK = self._stationary()
        self.first_K = self.pair_KK.sum(axis=1)
        self.second_KK = self.pair_KK / self.first_K[:, None]

    def _stationary(self) -> NDArray[np.float64]:
        pair_KK = np.full(self.p_KKK.shape[:2], 1 / self.p_KKK[0].size)
        for _ in range(2000):
            new_KK = np.einsum("ij,ijk->jk", pair_KK, self.p_KKK)
            if np.abs(new_KK - pair_KK).max() < 1e-15:
                break
            pair_KK = new_KK
        return pair_KK / pair_KK.sum()

    def entropy_rate(self) -> float:
        """Return the entropy of a letter given the two before it, in bits."""
        return float(-(self.pair_KK[:, :, None] * self.p_KKK * np.log2(self.p_KKK)).sum())

    def bits(self, codes_NL: NDArray[np.int64]) -> float:
        """Return the mean -log2 probability of a letter given those before it in the same window.

        Args:
            codes_NL: windows of letters, as numbers from 0, each of at least two.
        """
        one, two, three = codes_NL[:, :-2], codes_NL[:, 1:-1], codes_NL[:, 2:]
        bits = -np.log2(self.first_K[codes_NL[:, 0]]).sum()
        bits -= np.log2(self.second_KK[codes_NL[:, 0], codes_NL[:, 1]]).sum()
        bits -= np.log2(self.p_KKK[one, two, three]).sum()
        return float(bits / codes_NL.size)

    def draw(self, count: int) -> NDArray[np.int64]:
        """Return ``count`` letters as numbers."""
        generator = np.random.default_rng([SEED, len(self.p_KKK), 1])
        thresholds = self.p_KKK.cumsum(axis=2)[:, :, :-1].tolist()  # the last letter takes the rest
        one, two = divmod(
            int(generator.choice(self.pair_KK.size, p=self.pair_KK.ravel())), len(self.p_KKK)
        )
        found = []
        for uniform in generator.random(count).tolist():
            found.append(one)
            one, two = two, bisect_right(thresholds[one][two], uniform)
        return np.array(found, dtype=np.int64)


@lru_cache(maxsize=4)
def chain(letters: int) -> Chain:
    """Return the chain over so many letters."""
    return Chain(letters)


@lru_cache(maxsize=2)
def markov_text(letters: int, count: int) -> str:
    """Return ``count`` letters of text."""
    return "".join(LETTERS[code] for code in chain(letters).draw(count).tolist())
