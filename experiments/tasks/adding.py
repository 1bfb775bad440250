"""The adding problem: two marked numbers far apart.

B examples, S source positions; two features a position: a number and a marker.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, distinct
from experiments.tasks.generated import GeneratedTask, drawn_slice
from models.problem import Problem


def _longest(data: dict[str, Any]) -> int:
    return max(data.get("distances", (2,)))


class Adding(GeneratedTask):
    """Add the two marked numbers of a long sequence: a regression (or: is the sum above 1?).

    Hochreiter and Schmidhuber 1997, section 5.4, in the form of Le, Jaitly and Hinton 2015 ("A Simple
    Way to Initialize Recurrent Networks of Rectified Linear Units"), section 4.1: numbers uniform on
    [0, 1], one answer after the last position. The first marked number stands ``distance`` positions
    before the end (1 is the last position), the second anywhere after it.

    ``objective="regression"`` (the default) asks for the sum and is scored by the mean squared error:
    smaller is better, and always answering 1 scores 1/6. ``objective="classification"`` asks whether
    the sum exceeds 1 (classes 0 and 1, equally frequent) and is scored by accuracy.

    >>> source = np.array([[0.5, 0], [0.25, 1], [0.9, 0], [0.5, 1]], dtype=np.float32)
    >>> task = Adding(distances=(3,), length=4)
    >>> float(task.solve(source, 4))
    0.75
    >>> Adding(objective="classification").solve(source, 4).tolist()
    0
    """

    name: ClassVar[str] = "adding"
    slice_names: ClassVar[tuple[str, ...]] = ("distance", "length")

    objective: Literal["regression", "classification"] = "regression"
    distances: Annotated[
        tuple[Annotated[int, Field(gt=1)], ...], Field(min_length=1), AfterValidator(distinct)
    ] = Field(
        (4, 8, 16, 32, 64), description="from the first marked number to the end; 2 is the nearest"
    )
    length: Positive = Field(
        default_factory=_longest, description="source positions (default: the longest distance)"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.length < max(self.distances):
            raise ValueError(
                f"length = {self.length} is too short for distance {max(self.distances)}: "
                f"at least {max(self.distances)}"
            )
        return self

    def problem(self) -> Problem:
        """Return sizes: two features, and one number or two classes at the end."""
        if self.objective == "regression":
            return Problem(
                source_kind="floats",
                source_size=2,
                target_size=1,
                readout="last",
                objective="mean_squared_error",
            )
        return Problem(source_kind="floats", source_size=2, target_size=2, readout="last")

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the distances, and the one length."""
        return {"distance": self.distances, "length": (self.length,)}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S, 2) float32 and targets (B,): float32 sums or int64 classes."""
        distance_B = drawn_slice(generator, count, self.distances, point, "distance")
        source_BSF = np.zeros((count, self.length, 2), dtype=np.float32)
        source_BSF[:, :, 0] = generator.random((count, self.length), dtype=np.float32)
        first_B = self.length - distance_B
        second_B = generator.integers(first_B + 1, self.length)
        rows = np.arange(count)
        source_BSF[rows, first_B, 1] = source_BSF[rows, second_B, 1] = 1.0
        sum_B = source_BSF[rows, first_B, 0] + source_BSF[rows, second_B, 0]
        return Examples(
            source_BSF,
            np.full(count, self.length, dtype=np.int64),
            sum_B if self.objective == "regression" else (sum_B > 1).astype(np.int64),
            slices={"distance": distance_B, "length": np.full(count, self.length, dtype=np.int64)},
        )

    def chance(self) -> float:
        """Return 1/6, the variance of the sum of two uniform numbers, or 1/2 for two classes."""
        return 1 / 6 if self.objective == "regression" else 1 / 2

    def target_only_floor(self) -> float:
        """Return chance: there is no prefix to see."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the sum of the marked numbers (float32), or whether it exceeds 1 (int64)."""
        numbers, markers = source[:length].T
        total = (numbers * markers).sum(dtype=np.float32)
        if self.objective == "regression":
            return np.asarray(total)
        return np.asarray(int(total > 1))
