"""Stack manipulation: a stack and what is done to it, to what is left.

B examples, W letters of the longest string.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.string_task import StringTask

POP, PUSH = 2, 3  # PUSH pushes 0, PUSH + 1 pushes 1


class StackManipulation(StringTask):
    """A stack of bits and a row of actions, to the stack at the end, read from its top.

    Deterministic context-free. Delétang et al. 2023, appendix A. Zero and one are the tokens 3 and 4
    (the stack from its bottom), popping is 5, pushing zero 6 and pushing one 7; the blanks are 8, one
    more than the source has letters. EOS, 2, ends the answer; nothing happens to an empty stack that
    is popped. Of 1 0 1 with a pop and a pushed 1 there is left, from the top, 1 0 1:

    >>> StackManipulation().solve(np.array([4, 3, 4, 5, 7, 8, 8, 8, 8, 8, 8]), 11).tolist()
    [4, 3, 4, 2]

    The stack takes any length but the whole, uniformly; a string of one letter is a stack alone.
    """

    name: ClassVar[str] = "stack_manipulation"
    letters: ClassVar[int] = 5
    classes: ClassVar[int] = 2
    ends: ClassVar[bool] = True

    def blanks(self, length: int) -> int:
        """Return a symbol for each letter (none was popped), and EOS."""
        return length + 1

    def sources(self, length: int) -> int:
        """Return bits, then actions."""
        return sum(2**stack * 3 ** (length - stack) for stack in range(1, max(2, length)))

    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Draw stacks and actions, and do them, all rows at once."""
        count, rows = len(length_B), np.arange(len(length_B))
        most_B = np.maximum(length_B - 1, 1)
        filled_B = 1 + (generator.random(count) * most_B).astype(np.int64)
        bit_BW = generator.integers(2, size=(count, width))
        action_BW = generator.integers(POP, PUSH + 2, size=(count, width))
        letter_BW = np.where(np.arange(width) < filled_B[:, None], bit_BW, action_BW)
        stack_BW, height_B = bit_BW.copy(), filled_B.copy()
        for place in range(1, width):
            letter_B = letter_BW[:, place]
            acts_B = (place >= filled_B) & (place < length_B)
            pushes_B = acts_B & (letter_B >= PUSH)
            stack_BW[rows[pushes_B], height_B[pushes_B]] = letter_B[pushes_B] - PUSH
            height_B += pushes_B
            height_B -= acts_B & (letter_B == POP) & (height_B > 0)
        place_BW = height_B[:, None] - 1 - np.arange(width)
        top_BW = np.take_along_axis(stack_BW, np.maximum(place_BW, 0), axis=1)
        return letter_BW, np.where(place_BW >= 0, top_BW, -1)

    def answer(self, string: list[int]) -> list[int]:
        """Do it with a list."""
        stack: list[int] = []
        for letter in string:
            if letter != POP:
                stack.append(letter if letter < POP else letter - PUSH)
            elif stack:
                stack.pop()
        return stack[::-1]
