"""Modular arithmetic without brackets: a sum of products modulo 5.

B examples, W letters of the longest string, N numbers of it.
"""

import ast
import operator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.formal_language import FormalLanguage

MODULUS = 5
SIGNS = "+-*"  # letters after the numbers


class ModularArithmetic(FormalLanguage):
    """Numbers joined by +, - and *, to the value modulo 5: products come before sums.

    A regular language: the sum so far and the product in hand are 25 states. Delétang et al. 2023,
    appendix A, "modular arithmetic (simple)"; as in their code, products bind tighter, and an even
    length stands for the odd one below it. Numbers 0 to 4 are the tokens 3 to 7, then +, -, *. The
    value of 1 - 2 * 3 is 0:

    >>> ModularArithmetic().solve(np.array([4, 9, 5, 10, 6]), 5).tolist()
    0
    """

    name: ClassVar[str] = "modular_arithmetic"
    letters: ClassVar[int] = MODULUS + len(SIGNS)
    classes: ClassVar[int] = MODULUS

    def actual(self, length: int) -> int:
        """Return the odd length that is asked for, or the one below an even one; at least 1."""
        return max(1, length - (length % 2 == 0))

    def sources(self, length: int) -> int:
        """Return numbers and signs, combined freely."""
        return int(MODULUS ** (length // 2 + 1) * len(SIGNS) ** (length // 2))

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw numbers and signs; carry the sum and the product in hand from left to right."""
        count, numbers = len(length_B), width // 2 + 1
        number_BN = generator.integers(MODULUS, size=(count, numbers))
        sign_BN = generator.integers(len(SIGNS), size=(count, numbers - 1))
        letter_BW = np.empty((count, width), dtype=np.int64)
        letter_BW[:, ::2] = number_BN
        letter_BW[:, 1::2] = sign_BN + MODULUS
        total_B, product_B = np.zeros(count, dtype=np.int64), number_BN[:, 0]
        for place in range(1, numbers):
            sign_B, number_B = sign_BN[:, place - 1], number_BN[:, place]
            # beyond a string's end: times one
            inside_B = 2 * place < length_B
            times_B = (sign_B == 2) | ~inside_B
            factor_B = np.where(inside_B, number_B, 1)
            total_B = np.where(times_B, total_B, (total_B + product_B) % MODULUS)
            signed_B = np.where(sign_B == 1, -number_B, number_B)
            product_B = np.where(times_B, product_B * factor_B, signed_B) % MODULUS
        return letter_BW, (total_B + product_B) % MODULUS

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Let Python's parser say what binds how, and evaluate its tree."""
        return np.array(evaluated(self.letters_of(source, length)))


OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def evaluated(letters: list[int], brackets: str = "") -> int:
    """Return the value modulo 5 of numbers, signs and ``brackets``, by Python's grammar."""
    text = "".join("01234"[n] if n < MODULUS else (SIGNS + brackets)[n - MODULUS] for n in letters)
    return _value(ast.parse(text, mode="eval").body)


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand) % MODULUS
        case ast.BinOp(left=left, op=sign, right=right):
            return int(OPERATORS[type(sign)](_value(left), _value(right)) % MODULUS)
    raise AssertionError(ast.dump(node))
