"""Even pairs: is the number of changes between neighbours even?"""

from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.formal_language import FormalLanguage


class EvenPairs(FormalLanguage):
    """A binary string, to whether the pairs 01 and 10 in it are an odd number together.

    A regular language: the first and the last symbol decide. Delétang et al. 2023, appendix A. Zero is
    the token 3, one the token 4; class 1 is odd. 01, 10, 01 are three pairs:

    >>> EvenPairs().solve(np.array([3, 4, 3, 3, 4]), 5).tolist()
    1
    """

    name: ClassVar[str] = "even_pairs"
    letters: ClassVar[int] = 2
    classes: ClassVar[int] = 2

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw bits; the answer is whether the last one differs from the first."""
        bit_BW = generator.integers(2, size=(len(length_B), width))
        return bit_BW, bit_BW[:, 0] ^ bit_BW[np.arange(len(bit_BW)), length_B - 1]

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Count the pairs."""
        pairs = sum(one != other for one, other in pairwise(self.letters_of(source, length)))
        return np.array(pairs % 2)
