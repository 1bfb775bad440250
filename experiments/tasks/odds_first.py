"""Odds first: every other symbol, then those between."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.string_task import StringTask


class OddsFirst(StringTask):
    """A binary string, to its symbols at odd places, then those at even places.

    Context-sensitive. Delétang et al. 2023, appendix A. Places count from 1. Zero is the token 3, one
    the token 4, the blanks are 5; of 10110 the odd places hold 110, the even ones 01:

    >>> OddsFirst().solve(np.array([4, 3, 4, 4, 3, 5, 5, 5, 5, 5]), 10).tolist()
    [4, 4, 3, 3, 4]
    """

    name: ClassVar[str] = "odds_first"
    letters: ClassVar[int] = 2
    classes: ClassVar[int] = 2

    def blanks(self, length: int) -> int:
        """Return the string's own length."""
        return length

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw bits; read them two apart, from the first and then from the second."""
        bit_BW = generator.integers(2, size=(len(length_B), width))
        place = np.arange(width)
        odd_B1 = (length_B[:, None] + 1) // 2
        from_BW = np.where(place < odd_B1, 2 * place, 2 * (place - odd_B1) + 1)
        inside_BW = place < length_B[:, None]
        answer_BW = np.take_along_axis(bit_BW, np.where(inside_BW, from_BW, 0), axis=1)
        return bit_BW, np.where(inside_BW, answer_BW, -1)

    def answer(self, string: list[int]) -> list[int]:
        """Return two slices."""
        return string[::2] + string[1::2]
