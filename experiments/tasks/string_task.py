"""Formal-language tasks that answer with a string: on blanks behind the source, or by a decoder.

B examples, S source positions, T target positions, W letters of the longest string.
"""

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from experiments.tasks.base import Examples
from experiments.tasks.formal_language import FormalLanguage
from models.problem import EOS, PAD, SPECIALS, Problem


class StringTask(FormalLanguage):
    """Base of those that map a string to a string.

    As in the paper (section 4), ``blanks`` of one kind follow the source, as many as the longest
    answer to a source of its length has symbols, and the answer is read off there, one symbol a
    position, all at once: nothing that was answered is read again. With ``readout`` "decoder" a
    decoder writes the answer instead, from its own output. The letters of the answer are the first
    ones of the source's alphabet, tokens from 3 on. An answer whose length does not follow from the
    source's ends with EOS; behind it nothing counts. On blanks EOS is scored, as in the paper.
    """

    ends: ClassVar[bool] = False  # whether the answer's length varies, so that EOS ends it on blanks

    readout: Literal["position", "decoder"] = Field(
        "position", description="position: on blanks behind the source; decoder: written by a decoder"
    )

    @abstractmethod
    def blanks(self, length: int) -> int:
        """Return how many symbols the longest answer to a string of this length has, EOS included."""

    def problem(self) -> Problem:
        """Return sizes: the target's vocabulary holds the answer's letters only."""
        return Problem(
            source_size=SPECIALS + self.letters + (self.readout == "position"),
            target_size=SPECIALS + self.classes,
            readout=self.readout,
        )

    def examples(self, source_BW: NDArray, length_B: NDArray, answer: NDArray) -> Examples:
        """Return the examples of padded strings and answers (B, T), which -1 fills up."""
        rows = np.arange(len(answer))
        answered_B = (answer >= 0).sum(axis=1)
        ends = self.ends or self.readout == "decoder"
        target_BT = np.full((len(answer), answer.shape[1] + ends), PAD, dtype=np.int64)
        target_BT[:, : answer.shape[1]] = np.where(answer >= 0, answer + SPECIALS, PAD)
        if ends:
            target_BT[rows, answered_B] = EOS
        mask_BT = np.arange(target_BT.shape[1]) < (answered_B + ends)[:, None]
        slices = {"length": length_B}
        if self.readout == "decoder":
            return Examples(source_BW, length_B, target_BT, mask_BT, slices)
        return _behind(source_BW, length_B, target_BT, mask_BT, self._blanks_of(length_B), self._blank)

    @property
    def _blank(self) -> int:
        return SPECIALS + self.letters

    def _blanks_of(self, length_B: NDArray) -> NDArray:
        counts = np.array([self.blanks(n) for n in range(int(length_B.max()) + 1)], dtype=np.int64)
        return np.asarray(counts[length_B])

    def cut(self, examples: Examples) -> Examples:
        """Return the examples without the columns that are padding in every row."""
        if self.readout == "decoder":
            return examples.trimmed()
        width = int(examples.source_lengths.max())
        assert examples.target_mask is not None
        return Examples(
            examples.source[:, :width],
            examples.source_lengths,
            examples.target[:, :width],
            examples.target_mask[:, :width],
            examples.slices,
        )

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the tokens that answer one row, EOS included where there is one."""
        string = [letter for letter in self.letters_of(source, length) if letter < self.letters]
        found = [SPECIALS + letter for letter in self.answer(string)]
        return np.array([*found, EOS] if self.ends or self.readout == "decoder" else found)

    @abstractmethod
    def answer(self, string: list[int]) -> list[int]:
        """Return the letters that answer one string; shares no code with the generator."""


def _behind(
    source_BW: NDArray,
    length_B: NDArray,
    target_BT: NDArray,
    mask_BT: NDArray,
    blanks_B: NDArray,
    blank: int,
) -> Examples:
    """Return the examples with blanks behind each string, and its answer in their places."""
    width = source_BW.shape[1] + int(blanks_B.max())
    place = np.arange(width)
    total_B = length_B + blanks_B
    source_BS = np.full((len(source_BW), width), PAD, dtype=np.int64)
    source_BS[:, : source_BW.shape[1]] = source_BW
    source_BS[(place >= length_B[:, None]) & (place < total_B[:, None])] = blank
    row_N, column_N = np.nonzero(mask_BT)
    target_BS = np.zeros_like(source_BS)
    mask_BS = np.zeros(source_BS.shape, dtype=bool)
    target_BS[row_N, length_B[row_N] + column_N] = target_BT[row_N, column_N]
    mask_BS[row_N, length_B[row_N] + column_N] = True
    return Examples(source_BS, total_B, target_BS, mask_BS, {"length": length_B})
