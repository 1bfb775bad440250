"""Cycle navigation: where does a walk on a circle of five places end?"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.formal_language import FormalLanguage

PLACES = 5


class CycleNavigation(FormalLanguage):
    """Steps on a circle of five places, to the place where they end: a group of order five.

    A regular language (five states). Delétang et al. 2023, appendix A. A step back is the token 3, none
    the token 4, one forward the token 5; the walk begins at place 0. Back, back, forward ends at 4:

    >>> CycleNavigation().solve(np.array([3, 3, 4, 5]), 4).tolist()
    4
    """

    name: ClassVar[str] = "cycle_navigation"
    letters: ClassVar[int] = 3
    classes: ClassVar[int] = PLACES

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw steps; the answer is their sum modulo 5."""
        step_BW = generator.integers(3, size=(len(length_B), width))
        inside_BW = np.arange(width) < length_B[:, None]
        return step_BW, ((step_BW - 1) * inside_BW).sum(axis=1) % PLACES

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Walk."""
        circle = list(range(PLACES))
        for letter in self.letters_of(source, length):
            if letter == 2:
                circle.append(circle.pop(0))
            elif letter == 0:
                circle.insert(0, circle.pop())
        return np.array(circle[0])
