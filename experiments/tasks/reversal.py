"""Reversal: reproduce the source from its end to its begin.

B examples, S source positions.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.symbol_strings import SymbolStrings
from models.problem import EOS


class Reversal(SymbolStrings):
    """A random string, to be reproduced backwards: accuracy against length, and beyond it.

    Grefenstette, Hermann, Suleyman and Blunsom 2015 ("Learning to Transduce with Unbounded Memory"),
    section 4.1. An encoder-decoder's shortest dependencies are short here (the last symbol read is the
    first written; Sutskever, Vinyals and Le 2014, section 3.3), while in copying all are equally long.
    Symbols are the tokens from 3 on, 2 is EOS:

    >>> Reversal().solve(np.array([5, 9, 3, 4]), 4).tolist()
    [4, 3, 9, 5, 2]
    """

    name: ClassVar[str] = "reversal"

    def answers(self, source_BS: NDArray, lengths_B: NDArray) -> NDArray:
        """Return each source's own length backwards; beyond it whatever wraps around."""
        place_BS = (lengths_B[:, None] - 1 - np.arange(source_BS.shape[1])) % source_BS.shape[1]
        return np.take_along_axis(source_BS, place_BS, axis=1)

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the row backwards and EOS."""
        return np.array([*reversed(source[:length].tolist()), EOS])
