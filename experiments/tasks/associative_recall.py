"""Associative recall: which value belonged to this key?

B examples, S source positions, N slots of two positions, L pairs (load).
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, Positives, distinct
from experiments.tasks.generated import GeneratedTask, drawn_slice, require_sources
from models.problem import SPECIALS, Problem


def _longest(data: dict[str, Any]) -> int:
    return max(data.get("distances", (2,))) + 1


class AssociativeRecall(GeneratedTask):
    """Key-value pairs among random fillers, then one key: accuracy against distance and load.

    After Ba, Hinton, Mnih, Leibo and Ionescu 2016 ("Using Fast Weights to Attend to the Recent
    Past"), section 4.1, and Arora et al. 2023 ("Zoology: Measuring and Improving Recall in Efficient
    Language Models"). Here a source has one query, and load and distance vary independently at a
    fixed total length.

    The source is a row of two-position slots and, at its end, the queried key. ``load`` random slots
    hold a key and its value, the others two fillers. The distance is that from the queried key's pair
    to the query, in positions from key to key; it is more than 2, where the token before the query
    would be the answer. Keys are distinct; values may repeat. With 8 keys (3-10), 8 values (11-18) and
    fillers from 19 on, pairs 4 -> 12 and 9 -> 17, query 4 at distance 6:

    >>> task = AssociativeRecall(keys=8, values=8, loads=(2,), distances=(6,))
    >>> task.solve(np.array([4, 12, 21, 19, 9, 17, 4]), 7).tolist()
    [12]
    """

    name: ClassVar[str] = "associative_recall"
    version: ClassVar[int] = 2
    slice_names: ClassVar[tuple[str, ...]] = ("distance", "load")

    keys: int = Field(16, gt=1, description="different keys")
    values: int = Field(16, gt=1, description="different values")
    fillers: int = Field(16, gt=1, description="different fillers")
    loads: Positives = Field((2, 4, 8), description="numbers of pairs")
    distances: Annotated[
        tuple[Annotated[int, Field(gt=2, multiple_of=2)], ...],
        Field(min_length=1),
        AfterValidator(distinct),
    ] = Field((4, 8, 16, 32, 64), description="positions from the queried pair to the query, even")
    length: Positive = Field(
        default_factory=_longest,
        description="source positions: slots of two, and the query (default: longest distance + 1)",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        most = max(self.loads)
        needed = max(2 * most, *self.distances) + 1
        if self.length % 2 == 0 or self.length < needed:
            raise ValueError(
                f"length = {self.length}: must be odd and at least {needed}, for {most} pairs and "
                f"distance {max(self.distances)}"
            )
        if most > self.keys:
            raise ValueError(f"loads = {most}: more pairs than different keys (keys = {self.keys})")
        for load in self.loads:
            noise = self.length - 1 - 2 * load
            require_sources(
                math.perm(self.keys, load) * self.values**load * self.fillers**noise,
                f"{load} pairs of {self.keys} keys and {self.values} values, and {noise} fillers",
            )
        return self

    def problem(self) -> Problem:
        """Return sizes: one vocabulary for the source, its part up to the values for the target."""
        values_end = SPECIALS + self.keys + self.values
        return Problem(source_size=values_end + self.fillers, target_size=values_end)

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return distances and loads, which are combined freely."""
        return {"distance": self.distances, "load": self.loads}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64 and targets (B, 1); distances and loads mixed uniformly."""
        distance_B = drawn_slice(generator, count, self.distances, point, "distance")
        load_B = drawn_slice(generator, count, self.loads, point, "load")
        slots, most = self.length // 2, max(self.loads)
        keys_end = SPECIALS + self.keys
        values_end = keys_end + self.values
        source_BS = generator.integers(
            values_end, values_end + self.fillers, size=(count, self.length), dtype=np.int64
        )
        # the queried pair comes first; the other pairs take the next of a random order of the slots
        order_BN = generator.random((count, slots), dtype=np.float32)
        order_BN[np.arange(count), slots - distance_B // 2] = -1.0
        slot_BL = order_BN.argsort(axis=1)[:, :most]
        key_BL = (
            SPECIALS + generator.random((count, self.keys), dtype=np.float32).argsort(axis=1)[:, :most]
        )
        value_BL = generator.integers(keys_end, values_end, size=(count, most))
        row_P, pair_P = np.nonzero(np.arange(most) < load_B[:, None])
        position_P = 2 * slot_BL[row_P, pair_P]
        source_BS[row_P, position_P] = key_BL[row_P, pair_P]
        source_BS[row_P, position_P + 1] = value_BL[row_P, pair_P]
        source_BS[:, -1] = key_BL[:, 0]
        return Examples(
            source_BS,
            np.full(count, self.length, dtype=np.int64),
            value_BL[:, :1],
            slices={"distance": distance_B, "load": load_B},
        )

    def chance(self) -> float:
        """Return 1 / ``values``. (Guessing among the values seen, keys ignored, gives 1 / load.)"""
        return 1 / self.values

    def target_only_floor(self) -> float:
        """Return chance: values are drawn uniformly."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the token after the first occurrence of the last one."""
        row = source[:length].tolist()
        return np.array([row[row.index(row[-1]) + 1]])
