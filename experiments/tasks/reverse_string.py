"""Reverse string: a binary string from its end to its begin."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.string_task import StringTask


class ReverseString(StringTask):
    """A binary string, to be written backwards: accuracy beyond the trained lengths.

    Deterministic context-free (a stack). Delétang et al. 2023, appendix A; ``reversal`` is the task
    with a larger alphabet and a decoder. Zero is the token 3, one the token 4, the blanks are 5:

    >>> ReverseString().solve(np.array([4, 3, 3, 5, 5, 5]), 6).tolist()
    [3, 3, 4]
    """

    name: ClassVar[str] = "reverse_string"
    letters: ClassVar[int] = 2
    classes: ClassVar[int] = 2

    def blanks(self, length: int) -> int:
        """Return the string's own length."""
        return length

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw bits; read them backwards."""
        bit_BW = generator.integers(2, size=(len(length_B), width))
        place_BW = length_B[:, None] - 1 - np.arange(width)
        backwards_BW = np.take_along_axis(bit_BW, np.maximum(place_BW, 0), axis=1)
        return bit_BW, np.where(place_BW >= 0, backwards_BW, -1)

    def answer(self, string: list[int]) -> list[int]:
        """Return the string backwards."""
        return list(reversed(string))
