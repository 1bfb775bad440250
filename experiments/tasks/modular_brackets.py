"""Modular arithmetic with brackets: the value of a random expression tree modulo 5.

B examples, W letters of the longest string.
"""

from collections.abc import Iterator
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.formal_language import FormalLanguage
from experiments.tasks.modular_arithmetic import MODULUS, SIGNS, evaluated

BRACKETS = "()"
MINUS = MODULUS + SIGNS.index("-")
OPEN, CLOSE = MODULUS + len(SIGNS), MODULUS + len(SIGNS) + 1
AROUND = 3  # brackets and sign of a node


class ModularBrackets(FormalLanguage):
    """A bracketed expression of +, - and *, to its value modulo 5: a stack is needed.

    Deterministic context-free: Delétang et al. 2023, appendix A, "modular arithmetic". As in their
    code, five and more letters are a node "(left sign right)" whose left part has any length,
    uniformly; up to four are a number n, -n, (n) or (-n). 0 to 4 are the tokens 3 to 7, then + - * ( ).
    The value of (2*(-3)) is 4, the token of 2 being 5:

    >>> ModularBrackets().solve(np.array([11, 5, 10, 11, 9, 6, 12, 12]), 8).tolist()
    4

    Products make 0 the most frequent value, so guessing scores more than 1/5: the declared floor.
    """

    name: ClassVar[str] = "modular_brackets"
    letters: ClassVar[int] = MODULUS + len(SIGNS) + len(BRACKETS)
    classes: ClassVar[int] = MODULUS

    def sources(self, length: int) -> int:
        """Return how many strings the grammar has (every one has one tree)."""
        return _strings(length)

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw trees; each node's value follows from its parts'."""
        letter_BW = np.zeros((len(length_B), width), dtype=np.int64)
        value_B = np.empty(len(length_B), dtype=np.int64)
        for row, length in enumerate(length_B.tolist()):
            # a node takes three random numbers at most, a string fewer than it has letters
            dice = iter(generator.random(length + AROUND).tolist())
            letters: list[int] = []
            value_B[row] = _grow(dice, length, letters)
            letter_BW[row, :length] = letters
        return letter_BW, value_B

    def target_only_floor(self) -> float:
        """Return how often the most frequent value is right, at the tested lengths."""
        lengths = self.slice_values("test")["length"]
        shares = values(max(lengths))
        return float(np.mean([shares[n] for n in lengths], axis=0).max())

    def facts(self) -> dict[str, float]:
        """Return the score of the most frequent value at each length."""
        return {"guessing": self.target_only_floor()}

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Let Python's parser find the brackets' partners."""
        return np.array(evaluated(self.letters_of(source, length), BRACKETS))


def _grow(dice: Iterator[float], length: int, letters: list[int]) -> int:
    """Append the letters of a random expression; return its value."""
    if length <= 4:
        number = int(next(dice) * MODULUS)
        minus = length % 2 == 0
        inner = [MINUS, number] if minus else [number]
        letters += [OPEN, *inner, CLOSE] if length > 2 else inner
        return -number % MODULUS if minus else number
    left_length = 1 + int(next(dice) * (length - AROUND - 1))
    sign = int(next(dice) * len(SIGNS))
    letters.append(OPEN)
    left = _grow(dice, left_length, letters)
    letters.append(MODULUS + sign)
    right = _grow(dice, length - AROUND - left_length, letters)
    letters.append(CLOSE)
    return (left + right, left - right, left * right)[sign] % MODULUS


@cache
def _strings(length: int) -> int:
    if length <= 4:
        return MODULUS
    parts = length - AROUND
    return len(SIGNS) * sum(_strings(left) * _strings(parts - left) for left in range(1, parts))


@cache
def values(longest: int) -> NDArray[np.float64]:
    """Return how often each value occurs at every length up to ``longest``: (longest + 1, 5)."""
    share = np.full((longest + 1, MODULUS), 1 / MODULUS)
    number = np.arange(MODULUS)
    results = np.stack(
        [
            np.add.outer(number, number),
            np.subtract.outer(number, number),
            np.multiply.outer(number, number),
        ]
    )
    for length in range(5, longest + 1):
        parts = length - AROUND
        left, right = share[1:parts], share[parts - 1 : 0 : -1]
        together = left.T @ right / (parts - 1)  # of the values of both parts
        weights = np.broadcast_to(together / len(SIGNS), results.shape)
        share[length] = np.bincount((results % MODULUS).ravel(), weights.ravel(), minlength=MODULUS)
    return share
