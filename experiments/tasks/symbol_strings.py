"""What copying and reversal share: random strings of symbols, and an answer of the same length.

B examples, S source positions, T = S + 1 target positions (the answer, then EOS).
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, Positives
from experiments.tasks.generated import GeneratedTask, require_sources
from models.problem import EOS, PAD, SPECIALS, Problem


class SymbolStrings(GeneratedTask):
    """Random strings of symbols (tokens from 3 on), each answered by a rearrangement and EOS.

    Training mixes all lengths of ``train_lengths`` uniformly. The test split holds ``test_lengths``,
    also those beyond the trained ones; the validation split only those that were trained, so that
    nothing is selected on extrapolation.
    """

    slice_names: ClassVar[tuple[str, ...]] = ("length",)

    alphabet: int = Field(8, gt=1, description="different symbols")
    train_lengths: tuple[Positive, Positive] = Field(
        (4, 16), description="shortest and longest trained"
    )
    test_lengths: Positives = Field((4, 8, 12, 16, 20, 24, 32), description="lengths tested")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        shortest, longest = self.train_lengths
        if shortest > longest:
            raise ValueError(f"train_lengths = ({shortest}, {longest}): the shortest comes first")
        if not self.slice_values("validation")["length"]:
            raise ValueError(
                f"test_lengths = {self.test_lengths}: none lies within train_lengths, "
                f"{shortest} to {longest}, so there is nothing to validate on"
            )
        least = min(shortest, *self.test_lengths)
        require_sources(self.alphabet**least, f"{least} of {self.alphabet} symbols")
        return self

    @abstractmethod
    def answers(self, source_BS: NDArray, lengths_B: NDArray) -> NDArray:
        """Return the answers (B, S) to padded sources; what stands beyond a row's length is ignored."""

    def problem(self) -> Problem:
        """Return sizes: one vocabulary for source and target."""
        size = SPECIALS + self.alphabet
        return Problem(source_size=size, target_size=size)

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the lengths tested, or those of them that are trained too."""
        if split == "test":
            return {"length": self.test_lengths}
        shortest, longest = self.train_lengths
        return {"length": tuple(n for n in self.test_lengths if shortest <= n <= longest)}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64 and targets (B, S + 1) with their mask (B, S + 1)."""
        if point is None:
            shortest, width = self.train_lengths
            length_B = generator.integers(shortest, width + 1, size=count)
        else:
            width = point["length"]
            length_B = np.full(count, width, dtype=np.int64)
        place = np.arange(width + 1)
        inside_BS = place[:width] < length_B[:, None]
        source_BS = generator.integers(SPECIALS, SPECIALS + self.alphabet, size=(count, width))
        source_BS[~inside_BS] = PAD
        target_BT = np.full((count, width + 1), PAD, dtype=np.int64)
        target_BT[:, :width] = np.where(inside_BS, self.answers(source_BS, length_B), PAD)
        target_BT[np.arange(count), length_B] = EOS
        mask_BT = place <= length_B[:, None]
        return Examples(source_BS, length_B, target_BT, mask_BT, {"length": length_B})

    def chance(self) -> float:
        """Return 1 / ``alphabet``: the end of the sequence is not scored."""
        return 1 / self.alphabet

    def target_only_floor(self) -> float:
        """Return chance: symbols are independent, and the end of the sequence is not scored."""
        return self.chance()
