"""Missing duplicate: a string twice, with one symbol hidden."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.formal_language import FormalLanguage

HIDDEN, FILLER = 2, 3


class MissingDuplicate(FormalLanguage):
    """A binary string written twice with one symbol hidden, to the hidden symbol.

    Context-sensitive (the language of ww). Delétang et al. 2023, appendix A. Zero is the token 3, one
    the token 4, the hidden symbol 5; at an odd length one filler, 6, ends the source. In 10?0 it is 1:

    >>> MissingDuplicate().solve(np.array([4, 3, 5, 3]), 4).tolist()
    1

    A string written twice has an even number of ones, so the parity of those that are left is the
    answer: one bit of memory does, and the task is as easy as ``parity_check`` for who finds that.

    Length 1, where nothing is twice, is the filler alone, answered with 1 as in the paper's code.
    """

    name: ClassVar[str] = "missing_duplicate"
    letters: ClassVar[int] = 4
    classes: ClassVar[int] = 2

    def sources(self, length: int) -> int:
        """Return the strings of half the length, times the places of the hidden symbol."""
        half = length // 2
        return int(2**half * 2 * half) if half else 1

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw strings, write them twice and hide one symbol."""
        count, rows = len(length_B), np.arange(len(length_B))
        half_B = length_B // 2
        once_BW = generator.integers(2, size=(count, max(1, width // 2)))
        place = np.arange(width)
        column_BW = place % np.maximum(half_B, 1)[:, None]
        letter_BW = np.take_along_axis(once_BW, column_BW, axis=1)
        hidden_B = (generator.random(count) * 2 * half_B).astype(np.int64)
        answer_B = np.where(half_B > 0, letter_BW[rows, hidden_B], 1)
        letter_BW[rows, hidden_B] = HIDDEN
        letter_BW[place >= 2 * half_B[:, None]] = FILLER
        return letter_BW, answer_B

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the hidden symbol's partner, half of the string away."""
        string = [letter for letter in self.letters_of(source, length) if letter != FILLER]
        if not string:
            return np.array(1)
        return np.array(string[(string.index(HIDDEN) + len(string) // 2) % len(string)])
