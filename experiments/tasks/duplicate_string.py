"""Duplicate string: a binary string twice."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.string_task import StringTask


class DuplicateString(StringTask):
    """A binary string, to be written twice: accuracy beyond the trained lengths.

    Context-sensitive (a queue). Delétang et al. 2023, appendix A. Zero is the token 3, one the token 4,
    the blanks are 5:

    >>> DuplicateString().solve(np.array([4, 3, 5, 5, 5, 5]), 6).tolist()
    [4, 3, 4, 3]
    """

    name: ClassVar[str] = "duplicate_string"
    letters: ClassVar[int] = 2
    classes: ClassVar[int] = 2

    def blanks(self, length: int) -> int:
        """Return twice the string's length."""
        return 2 * length

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw bits; read them round and round."""
        bit_BW = generator.integers(2, size=(len(length_B), width))
        place = np.arange(2 * width)
        twice_BT = np.take_along_axis(bit_BW, place % length_B[:, None], axis=1)
        return bit_BW, np.where(place < 2 * length_B[:, None], twice_BT, -1)

    def answer(self, string: list[int]) -> list[int]:
        """Return the string twice."""
        return string + string
