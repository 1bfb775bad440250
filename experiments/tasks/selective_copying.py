"""Selective copying: reproduce the symbols and nothing of what stands between them.

B examples, S source positions, T target positions (symbols).
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, Positives
from experiments.tasks.generated import GeneratedTask, drawn_slice, require_sources
from models.problem import PAD, SPECIALS, Problem


class SelectiveCopying(GeneratedTask):
    """Symbols at random places among blanks, to be reproduced in order: accuracy against length.

    Gu and Dao 2023 ("Mamba: Linear-Time Sequence Modeling with Selective State Spaces"), section
    4.1.1, there with 16 symbols among 4,096 positions (``lengths=[4096]``). In copying memory the
    distances are constant, and a fixed filter solves it; here they vary, and what to keep depends on
    what is read. Of the vocabulary of 16 one token is the blank and one the marker that asks for the
    answers; a decoder needs no marker, so 14 symbols are left.

    Symbols are the tokens 3 to 2 + ``alphabet``, the blank is the next. With 8 symbols (3-10):

    >>> task = SelectiveCopying(alphabet=8, symbols=4, lengths=(7,))
    >>> task.solve(np.array([11, 5, 9, 11, 11, 5, 3]), 7).tolist()
    [5, 9, 5, 3]
    """

    name: ClassVar[str] = "selective_copying"
    slice_names: ClassVar[tuple[str, ...]] = ("length",)

    symbols: Positive = Field(16, description="how many symbols are to be reproduced")
    alphabet: int = Field(14, gt=1, description="different symbols")
    lengths: Positives = Field((64, 128, 256), description="source positions, blanks included")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if min(self.lengths) < self.symbols:
            raise ValueError(f"lengths = {min(self.lengths)} is too short for {self.symbols} symbols")
        require_sources(self.alphabet**self.symbols, f"{self.symbols} of {self.alphabet} symbols")
        return self

    def problem(self) -> Problem:
        """Return sizes: the target's vocabulary holds the symbols only."""
        symbols_end = SPECIALS + self.alphabet
        return Problem(source_size=symbols_end + 1, target_size=symbols_end)

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the lengths: the same in both splits and in training."""
        return {"length": self.lengths}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64 and targets (B, T), T = ``symbols``; lengths mixed uniformly."""
        length_B = drawn_slice(generator, count, self.lengths, point, "length")
        width = max(self.lengths) if point is None else point["length"]
        inside_BS = np.arange(width) < length_B[:, None]
        blank = SPECIALS + self.alphabet
        source_BS = np.where(inside_BS, blank, PAD)
        # any places within the length are equally likely
        order_BS = np.where(
            inside_BS, generator.random((count, width), dtype=np.float32), np.float32(2)
        )
        place_BT = np.sort(order_BS.argsort(axis=1)[:, : self.symbols], axis=1)
        target_BT = generator.integers(SPECIALS, blank, size=(count, self.symbols))
        np.put_along_axis(source_BS, place_BT, target_BT, axis=1)
        return Examples(source_BS, length_B, target_BT, slices={"length": length_B})

    def chance(self) -> float:
        """Return 1 / ``alphabet``."""
        return 1 / self.alphabet

    def target_only_floor(self) -> float:
        """Return chance: symbols are independent, and no end is to be predicted."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return what is not blank, in order."""
        return np.array([token for token in source[:length] if token != SPECIALS + self.alphabet])
