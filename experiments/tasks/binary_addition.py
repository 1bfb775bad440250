"""Binary addition: two numbers, lowest bit first, to their sum.

B examples, W letters of the longest string.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.string_task import StringTask

PLUS = 2


class BinaryAddition(StringTask):
    """Two binary numbers of different lengths, lowest bit first, to their sum.

    Delétang et al. 2023, appendix A (context-sensitive). Zero and one are the tokens 3 and 4, plus is
    5; the blanks are 6, one more than the source has letters. The sum has no zeros at its upper end (0
    is one zero), and EOS, 2, ends it. 01 + 11, which is 2 + 3, is 101:

    >>> BinaryAddition().solve(np.array([3, 4, 5, 4, 4, 6, 6, 6, 6, 6, 6]), 11).tolist()
    [4, 3, 4, 2]

    The place of the plus is uniform. Below three letters there is one number alone.
    """

    name: ClassVar[str] = "binary_addition"
    letters: ClassVar[int] = 3
    classes: ClassVar[int] = 2
    ends: ClassVar[bool] = True

    def blanks(self, length: int) -> int:
        """Return what the longest sum has (one bit more than the longer number), and EOS."""
        return length + 1

    def sources(self, length: int) -> int:
        """Return the bits, times the places of the plus."""
        return int(2 ** (length - 1) * (length - 2)) if length > 2 else int(2**length)

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw bits and the place of the plus; carry from left to right, all rows at once."""
        count, rows = len(length_B), np.arange(len(length_B))
        letter_BW = generator.integers(2, size=(count, width))
        both_B = length_B > 2
        plus_B = 1 + (generator.random(count) * np.maximum(length_B - 2, 1)).astype(np.int64)
        plus_B = np.where(both_B, plus_B, length_B)  # beyond a number that is alone
        place = np.arange(width)
        first_BW = np.where(place < plus_B[:, None], letter_BW, 0)
        from_BW = plus_B[:, None] + 1 + place
        second_BW = np.take_along_axis(letter_BW, np.minimum(from_BW, width - 1), axis=1)
        second_BW = np.where(from_BW < length_B[:, None], second_BW, 0)
        letter_BW[rows[both_B], plus_B[both_B]] = PLUS
        sum_BT = np.zeros((count, width + 1), dtype=np.int64)
        carry_B = np.zeros(count, dtype=np.int64)
        for column in range(width):
            total_B = first_BW[:, column] + second_BW[:, column] + carry_B
            sum_BT[:, column], carry_B = total_B & 1, total_B >> 1
        sum_BT[:, width] = carry_B
        top_B = np.where(sum_BT.any(axis=1), width - sum_BT[:, ::-1].argmax(axis=1), 0)
        return letter_BW, np.where(np.arange(width + 1) <= top_B[:, None], sum_BT, -1)

    def target_only_floor(self) -> float:
        """Return the score of answering 1 everywhere: bits are random, but the highest one is 1.

        On blanks EOS is scored too and is never guessed, which takes away what the highest bit gives.
        """
        if self.readout == "position":
            return self.chance()
        generator = np.random.default_rng(0)
        drawn = [self.draw(generator, 256, point).target_mask for point in self.points("test")]
        symbols = np.mean([mask.sum() / len(mask) - 1 for mask in drawn if mask is not None])
        return 0.5 + 0.5 / float(symbols)

    def answer(self, string: list[int]) -> list[int]:
        """Add with Python's integers."""
        text = "".join("01+"[letter] for letter in string)
        total = sum(int(number[::-1], 2) for number in text.split("+"))
        return [int(bit) for bit in f"{total:b}"[::-1]]
