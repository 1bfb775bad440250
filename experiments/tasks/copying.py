"""Copying: reproduce the source."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.symbol_strings import SymbolStrings
from models.problem import EOS


class Copying(SymbolStrings):
    """A random string, to be reproduced: accuracy against length, and beyond the trained lengths.

    After Graves, Wayne and Danihelka 2014 ("Neural Turing Machines"), section 4.1. Symbols are the
    tokens from 3 on, 2 is EOS:

    >>> Copying().solve(np.array([5, 9, 3, 3]), 4).tolist()
    [5, 9, 3, 3, 2]
    """

    name: ClassVar[str] = "copying"

    def answers(self, source_BS: NDArray, lengths_B: NDArray) -> NDArray:
        """Return the sources."""
        return source_BS

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the row and EOS."""
        return np.array([*source[:length].tolist(), EOS])
