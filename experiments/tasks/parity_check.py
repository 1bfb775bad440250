"""Parity: is the number of ones even?"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.formal_language import FormalLanguage


class ParityCheck(FormalLanguage):
    """A binary string, to whether its number of ones is odd: accuracy beyond the trained lengths.

    A regular language (two states). Delétang et al. 2023, appendix A; a single layer of attention
    with a bounded embedding cannot recognise it at every length (Hahn 2020, "Theoretical Limitations
    of Self-Attention in Neural Sequence Models"). Zero is the token 3, one the token 4; class 1 is odd:

    >>> ParityCheck().solve(np.array([4, 3, 4, 4]), 4).tolist()
    1
    """

    name: ClassVar[str] = "parity_check"
    letters: ClassVar[int] = 2
    classes: ClassVar[int] = 2

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw bits; the answer is their sum modulo 2."""
        bit_BW = generator.integers(2, size=(len(length_B), width))
        inside_BW = np.arange(width) < length_B[:, None]
        return bit_BW, (bit_BW * inside_BW).sum(axis=1) % 2

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the state of the two-state automaton at the string's end."""
        odd = False
        for letter in self.letters_of(source, length):
            odd = odd != (letter == 1)
        return np.array(int(odd))
