"""Copying memory: ten symbols, a long time of blanks, and the symbols again.

B examples, S source positions.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from experiments.tasks.base import Examples, HeldOut, Positives
from experiments.tasks.generated import GeneratedTask, drawn_slice
from models.problem import PAD, SPECIALS, Problem

SYMBOLS, ALPHABET = 10, 8
"""As published: ten of eight symbols."""

BLANK, ASK = SPECIALS + ALPHABET, SPECIALS + ALPHABET + 1


class CopyMemory(GeneratedTask):
    """Ten symbols, blanks, a signal, and the symbols again: accuracy against the time between.

    Arjovsky, Shah and Bengio 2016 ("Unitary Evolution Recurrent Neural Networks"), section 4.1: T + 20
    positions, of which the first ten are symbols, T - 1 are blank, one is the signal, and ten are blank
    again; there is an answer at every position, blank (class 8) but for the last ten.

    ``scored="all"`` is that loss, over all positions. Blanks are easy, so nearly all answers can be
    right with nothing remembered: answering blank and then guessing has the loss 10 ln 8 / (T + 20),
    0.0204 at T = 1000, and loses only 8.75 answers of T + 20. ``scored="symbols"`` (the default)
    counts the ten symbols alone: chance is 1/8, and the loss of remembering nothing is ln 8. Every
    record has ``memoryless_loss`` beside ``test_loss``.

    Symbols are 3 to 10, the blank is 11 and the signal 12. With T = 2:

    >>> source = np.array([3, 4, 5, 6, 7, 8, 9, 10, 10, 3, 11, 12, *[11] * 10])
    >>> CopyMemory().solve(source, 22).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 7, 0]
    >>> round(CopyMemory(distances=(1000,), scored="all").facts()["memoryless_loss"], 4)
    0.0204
    """

    name: ClassVar[str] = "copy_memory"
    slice_names: ClassVar[tuple[str, ...]] = ("distance",)

    distances: Positives = Field((10, 25, 50, 100), description="T: from a symbol to its answer, - 10")
    scored: Literal["symbols", "all"] = Field("symbols", description="which answers count")

    def problem(self) -> Problem:
        """Return sizes: symbols, blank and signal; classes for symbols and blank, at every position."""
        return Problem(source_size=ASK + 1, target_size=ALPHABET + 1, readout="position")

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the distances: the same in both splits and in training."""
        return {"distance": self.distances}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64, targets (B, S) and their mask; distances mixed uniformly."""
        distance_B = drawn_slice(generator, count, self.distances, point, "distance")
        length_B = distance_B + 2 * SYMBOLS
        width = int(max(self.distances) if point is None else point["distance"]) + 2 * SYMBOLS
        place = np.arange(width)
        inside_BS = place < length_B[:, None]
        last_BS = inside_BS & (place >= length_B[:, None] - SYMBOLS)
        symbol_BT = generator.integers(ALPHABET, size=(count, SYMBOLS))
        source_BS = np.where(inside_BS, BLANK, PAD)
        source_BS[:, :SYMBOLS] = SPECIALS + symbol_BT
        source_BS[np.arange(count), length_B - SYMBOLS - 1] = ASK
        counted_BS = inside_BS if self.scored == "all" else last_BS
        target_BS = np.where(counted_BS, ALPHABET, 0)
        target_BS[last_BS] = symbol_BT.ravel()
        return Examples(source_BS, length_B, target_BS, counted_BS, {"distance": distance_B})

    def _answers(self) -> int:
        """Return how many answers count in one example of every distance."""
        if self.scored == "symbols":
            return SYMBOLS * len(self.distances)
        return sum(distance + 2 * SYMBOLS for distance in self.distances)

    def chance(self) -> float:
        """Return the accuracy of blanks and guessed symbols: 1/8 if symbols alone are counted."""
        guessed = SYMBOLS * len(self.distances) * (1 - 1 / ALPHABET)
        return 1 - guessed / self._answers()

    def target_only_floor(self) -> float:
        """Return chance: symbols are independent, and blanks are known by their place."""
        return self.chance()

    def facts(self) -> dict[str, float]:
        """Return the least loss of a model that remembers nothing, in nats a counted answer."""
        loss = SYMBOLS * len(self.distances) * math.log(ALPHABET) / self._answers()
        return {"memoryless_loss": loss}

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the classes of what is no blank or signal, behind blanks if these are counted."""
        symbols = [token - SPECIALS for token in source[:length].tolist() if token < BLANK]
        blanks = [ALPHABET] * (length - SYMBOLS) if self.scored == "all" else []
        return np.array(blanks + symbols)
