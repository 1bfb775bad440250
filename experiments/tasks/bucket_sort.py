"""Bucket sort: a string over five symbols, sorted."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from experiments.tasks.string_task import StringTask

SYMBOLS = 5


class BucketSort(StringTask):
    """A string over five symbols, to be sorted: counting suffices.

    Delétang et al. 2023, appendix A. The symbols 0 to 4 are the tokens 3 to 7, the blanks are 8:

    >>> BucketSort().solve(np.array([6, 3, 7, 3, 8, 8, 8, 8]), 8).tolist()
    [3, 3, 6, 7]

    The paper compares scores with chance, 1/5. But whoever never reads the string and answers 0 on the
    first fifth of the blanks, 1 on the second and so on, is right far more often, and the more so
    the longer the string (90 % over lengths 41 to 500): the fact ``guessing`` is the best such guess.
    """

    name: ClassVar[str] = "bucket_sort"
    letters: ClassVar[int] = SYMBOLS
    classes: ClassVar[int] = SYMBOLS

    def blanks(self, length: int) -> int:
        """Return the string's own length."""
        return length

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw symbols, and sort them."""
        symbol_BW = generator.integers(SYMBOLS, size=(len(length_B), width))
        outside_BW = np.arange(width) >= length_B[:, None]
        sorted_BW = np.sort(np.where(outside_BW, SYMBOLS, symbol_BW), axis=1)
        return symbol_BW, np.where(outside_BW, -1, sorted_BW)

    def target_only_floor(self) -> float:
        """Return the score of repeating the symbol before, beginning with 0: only changes are wrong."""
        lengths = np.array(self.slice_values("test")["length"])
        absent = (1 - 1 / SYMBOLS) ** lengths  # probability that a symbol does not occur
        changes = SYMBOLS * (1 - absent) - 1
        return float(1 - (changes + absent).sum() / lengths.sum())

    def facts(self) -> dict[str, float]:
        """Return the mean over the tested lengths of guessing from place and length alone."""
        lengths = self.slice_values("test")["length"]
        return {"guessing": float(np.mean([guessing(n) for n in lengths]))}

    def answer(self, string: list[int]) -> list[int]:
        """Return as many of each symbol as there are."""
        return [symbol for symbol in range(SYMBOLS) for _ in range(string.count(symbol))]


def guessing(length: int) -> float:
    """Return how often the likeliest symbol of each place is right in a sorted string.

    The symbol at place i (from 0) is at most c if at least i + 1 symbols are.
    """
    place, symbol = np.arange(length)[:, None], np.arange(SYMBOLS)
    at_most = binom.sf(place, length, (symbol + 1) / SYMBOLS)
    return float(np.diff(at_most, axis=1, prepend=0.0).max(axis=1).mean())
