"""Induction heads: what followed the trigger when it came before?

B examples, S source positions.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from experiments.tasks.base import Examples, HeldOut, distinct
from experiments.tasks.generated import GeneratedTask, require_sources
from models.problem import SPECIALS, Problem

Length = Annotated[int, Field(ge=5)]


class InductionHeads(GeneratedTask):
    """Random symbols with a trigger among and after them: the symbol after the first, by length.

    Gu and Dao 2023 ("Mamba"), section 4.1.2, after Olsson et al. 2022 ("In-context Learning and
    Induction Heads"): a vocabulary of 16, one of which is the trigger, trained at 256 positions and
    tested at 64 to 1,048,576 (here to 1,024). The first trigger stands anywhere but directly before
    the symbol that the question follows: the token before the query never is the answer's.

    Symbols are the tokens from 3 on, the trigger the last. With 8 symbols (3-10) and trigger 11:

    >>> task = InductionHeads(alphabet=8, train_length=7, test_lengths=(7,))
    >>> task.solve(np.array([4, 11, 9, 5, 5, 3, 11]), 7).tolist()
    [9]
    """

    name: ClassVar[str] = "induction_heads"
    slice_names: ClassVar[tuple[str, ...]] = ("length",)

    alphabet: int = Field(15, gt=1, description="different symbols beside the trigger")
    train_length: Length = Field(256, description="source positions trained and validated")
    test_lengths: Annotated[tuple[Length, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        (64, 128, 256, 512, 1024), description="source positions tested"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        least = min(self.train_length, *self.test_lengths)
        require_sources(
            (least - 3) * self.alphabet ** (least - 2),
            f"{least - 2} of {self.alphabet} symbols and a trigger",
        )
        return self

    def problem(self) -> Problem:
        """Return sizes: the target's vocabulary holds the symbols only."""
        symbols_end = SPECIALS + self.alphabet
        return Problem(source_size=symbols_end + 1, target_size=symbols_end)

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the lengths tested; for validation the one that is trained."""
        return {"length": self.test_lengths if split == "test" else (self.train_length,)}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64 and targets (B, 1); the place of the first trigger is uniform."""
        length = self.train_length if point is None else point["length"]
        trigger, rows = SPECIALS + self.alphabet, np.arange(count)
        source_BS = generator.integers(SPECIALS, trigger, size=(count, length))
        first_B = generator.integers(length - 3, size=count)  # its answer is not the last but one
        source_BS[rows, first_B] = source_BS[:, -1] = trigger
        length_B = np.full(count, length, dtype=np.int64)
        return Examples(
            source_BS, length_B, source_BS[rows, first_B + 1][:, None], slices={"length": length_B}
        )

    def chance(self) -> float:
        """Return 1 / ``alphabet``."""
        return 1 / self.alphabet

    def target_only_floor(self) -> float:
        """Return chance: symbols are drawn uniformly."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the token after the first occurrence of the last one."""
        row = source[:length].tolist()
        return np.array([row[row.index(row[-1]) + 1]])
