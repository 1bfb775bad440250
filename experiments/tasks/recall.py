"""Recall over a distance: remember a few symbols past random distractors.

B examples, S source positions, T target positions.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, distinct
from experiments.tasks.generated import GeneratedTask, drawn_slice, require_sources
from models.problem import SPECIALS, Problem


def _longest(data: dict[str, Any]) -> int | None:
    # the shortest fixed length that holds every distance; fields that failed are absent here
    return data.get("symbols", 0) + max(data.get("distances", (0,))) or None


class Recall(GeneratedTask):
    """A few symbols, then k random distractors, then reproduce the symbols: accuracy against k.

    Shaped after the long-time-lag problems of Hochreiter and Schmidhuber 1997, section 5, and the
    copying memory of Arjovsky, Shah and Bengio 2016, section 4.1 ("Unitary Evolution Recurrent Neural
    Networks"), whose distractors are one constant blank: here they are random, so that they cannot
    be learned by heart.

    Symbols are the tokens 3 to 2 + ``alphabet``, distractors the ``distractors`` tokens after them.
    At a fixed ``length`` further distractors stand before the symbols: only the distance varies.
    With 8 symbols (3-10) and 8 distractors (11-18), the symbols 5 and 9 at distance 3 in 7 positions:

    >>> task = Recall(symbols=2, distances=(3,), length=7)
    >>> task.solve(np.array([11, 14, 5, 9, 12, 12, 18]), 7).tolist()
    [5, 9]
    """

    name: ClassVar[str] = "recall"
    slice_names: ClassVar[tuple[str, ...]] = ("distance",)

    symbols: Positive = Field(3, description="how many symbols are to be remembered")
    alphabet: int = Field(8, gt=1, description="different symbols")
    distractors: int = Field(8, gt=1, description="different distractors")
    distances: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(distinct)
    ] = Field((1, 2, 4, 8, 16, 32, 64), description="distractors between the last symbol and the end")
    length: Positive | None = Field(
        default_factory=_longest,
        description="source positions, the same at every distance (default: symbols + the longest "
        "distance); None: nothing before the symbols, so the length follows the distance",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needed = self.symbols + max(self.distances)
        if self.length is not None and self.length < needed:
            raise ValueError(
                f"length = {self.length} is too short for {self.symbols} symbols and distance "
                f"{max(self.distances)}: at least {needed} (or None)"
            )
        noise = min(self.distances) if self.length is None else self.length - self.symbols
        require_sources(
            self.alphabet**self.symbols * self.distractors**noise,
            f"{self.symbols} of {self.alphabet} symbols and {noise} distractors",
        )
        return self

    def problem(self) -> Problem:
        """Return sizes: the target's vocabulary holds the symbols only."""
        symbols_end = SPECIALS + self.alphabet
        return Problem(source_size=symbols_end + self.distractors, target_size=symbols_end)

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the distances: the same in both splits and in training."""
        return {"distance": self.distances}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64 and targets (B, T), T = ``symbols``; distances mixed uniformly."""
        distance_B = drawn_slice(generator, count, self.distances, point, "distance")
        width = self.length or self.symbols + max(self.distances)
        first_B = width - self.symbols - distance_B if self.length else np.zeros_like(distance_B)
        noise_begin = SPECIALS + self.alphabet
        source_BS = generator.integers(noise_begin, noise_begin + self.distractors, size=(count, width))
        target_BT = generator.integers(SPECIALS, noise_begin, size=(count, self.symbols))
        columns_BT = first_B[:, None] + np.arange(self.symbols)
        source_BS[np.arange(count)[:, None], columns_BT] = target_BT
        lengths_B = first_B + self.symbols + distance_B
        if self.length is None:
            source_BS *= np.arange(width) < lengths_B[:, None]
        return Examples(source_BS, lengths_B, target_BT, slices={"distance": distance_B})

    def chance(self) -> float:
        """Return 1 / ``alphabet``."""
        return 1 / self.alphabet

    def target_only_floor(self) -> float:
        """Return chance: symbols are independent, and no end is to be predicted."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the tokens of the symbols' alphabet, in order."""
        return np.array([token for token in source[:length] if token < SPECIALS + self.alphabet])
