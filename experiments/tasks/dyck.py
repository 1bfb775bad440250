"""Dyck languages of bounded depth: which bracket is to be closed?

B examples, S source positions, N steps left, H height.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, Positives, distinct
from experiments.tasks.generated import GeneratedTask, drawn_slice
from models.problem import PAD, SPECIALS, Problem

Odd = Annotated[int, Field(gt=0), AfterValidator(lambda n: _odd(n))]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("what stands between two matching brackets is balanced: an odd number")
    return value


class Dyck(GeneratedTask):
    """Brackets of several kinds: the kind that closes the innermost open one, by depth and distance.

    Dyck-(k, m), k ``kinds`` and depth at most m (``bound``): Hewitt et al. 2020 ("RNNs can generate
    bounded hierarchical languages with optimal memory") and Yao et al. 2021 ("Self-Attention Networks
    Can Process Bounded Hierarchical Languages"), whose measure is the probability of the right closing
    bracket. A source is a prefix of a word, uniform among those whose last open bracket stands at
    ``depth`` (1: outermost) and ``distance`` positions before the end (1: the last position). Kinds are
    independent and uniform. One answer at the end (classes 0 to ``kinds`` - 1).

    At distance 1 the last token tells, and at depth 1 it is the only kind opened more often than
    closed; at other points a bag of brackets guesses among the open ones.

    Opening brackets are the tokens from 3 on, closing ones those after them. With 2 kinds, ( [ are 3
    4 and ) ] are 5 6; the bracket to be closed in "( ) [ ( )" is [:

    >>> task = Dyck(kinds=2)
    >>> task.solve(np.array([3, 5, 4, 3, 5]), 5).tolist()
    1
    """

    name: ClassVar[str] = "dyck"
    slice_names: ClassVar[tuple[str, ...]] = ("depth", "distance")

    kinds: int = Field(8, gt=1, description="kinds of brackets")
    bound: Positive = Field(8, description="open brackets at a time, at most")
    depths: Positives = Field((1, 2, 4), description="of the bracket to be closed; 1: outermost")
    distances: Annotated[tuple[Odd, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        (1, 3, 7, 15, 31, 63), description="positions from that bracket to the end, odd"
    )
    length: Annotated[int, Field(ge=24)] = Field(
        96, description="source positions; one less, where parity asks for it"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        depth, distance = max(self.depths), max(self.distances)
        least = depth + distance
        if self.length < least:
            raise ValueError(
                f"length = {self.length} is too short for depth {depth} and distance {distance}: "
                f"at least {least}"
            )
        if self.bound < depth + (distance > 1):
            raise ValueError(
                f"bound = {self.bound} is too low for depth {depth} and distance {distance}: "
                f"at least {depth + (distance > 1)}"
            )
        return self

    def problem(self) -> Problem:
        """Return sizes: opening and closing brackets, and a class for each kind."""
        return Problem(source_size=SPECIALS + 2 * self.kinds, target_size=self.kinds, readout="last")

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return depths and distances, which are combined freely."""
        return {"depth": self.depths, "distance": self.distances}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64 and kinds (B,); depths and distances mixed uniformly."""
        depth_B = drawn_slice(generator, count, self.depths, point, "depth")
        distance_B = drawn_slice(generator, count, self.distances, point, "distance")
        # the bracket's own place; the height before it is depth - 1, which has the place's parity
        open_B = self.length - distance_B
        open_B -= (open_B - depth_B + 1) % 2
        length_B = open_B + distance_B
        up_BS = self._shape(generator, depth_B, open_B, length_B)
        source_BS, kind_B = self._kinds(generator, up_BS, length_B)
        return Examples(source_BS, length_B, kind_B, slices={"depth": depth_B, "distance": distance_B})

    def _shape(
        self, generator: np.random.Generator, depth_B: NDArray, open_B: NDArray, length_B: NDArray
    ) -> NDArray[np.bool_]:
        """Draw which brackets open, (B, S): uniform among all that fit."""
        ways_DPNH = _ways(self.bound, tuple(self.depths), self.length)
        which_B = np.searchsorted(np.sort(self.depths), depth_B)
        which_B = np.argsort(self.depths)[which_B]
        width = int(length_B.max())
        up_BS = np.zeros((len(depth_B), width), dtype=np.bool_)
        height_B = np.zeros_like(depth_B)
        random_SB = generator.random((width, len(depth_B)))
        for place in range(width):
            inside_B = (place > open_B).astype(np.int64)
            left_B = np.maximum(0, np.where(inside_B, length_B, open_B) - place - 1)
            ways_BH = ways_DPNH[which_B, inside_B, left_B]
            rows = np.arange(len(depth_B))
            up_B, down_B = ways_BH[rows, height_B + 2], ways_BH[rows, height_B]
            opens_B = (random_SB[place] * (up_B + down_B) < up_B) | (place == open_B)
            up_BS[:, place] = opens_B
            height_B = np.where(place < length_B, height_B + np.where(opens_B, 1, -1), height_B)
        return up_BS

    def _kinds(
        self, generator: np.random.Generator, up_BS: NDArray[np.bool_], length_B: NDArray
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give every bracket a kind; return the sources and the kind of the last one open."""
        count, width = up_BS.shape
        rows = np.arange(count)
        kind_BS = generator.integers(self.kinds, size=(count, width))
        stack_BH = np.zeros((count, self.bound + 1), dtype=np.int64)
        height_B = np.zeros(count, dtype=np.int64)
        source_BS = np.full((count, width), PAD, dtype=np.int64)
        for place in range(width):
            opens_B, inside_B = up_BS[:, place], place < length_B
            pushed_B, popped_B = inside_B & opens_B, inside_B & ~opens_B
            stack_BH[rows[pushed_B], height_B[pushed_B] + 1] = kind_BS[pushed_B, place]
            top_B = stack_BH[rows, height_B]
            source_BS[pushed_B, place] = SPECIALS + kind_BS[pushed_B, place]
            source_BS[popped_B, place] = SPECIALS + self.kinds + top_B[popped_B]
            height_B += pushed_B.astype(np.int64) - popped_B
        return source_BS, stack_BH[rows, height_B]

    def chance(self) -> float:
        """Return 1 / ``kinds``."""
        return 1 / self.kinds

    def target_only_floor(self) -> float:
        """Return chance: there is no prefix to see."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the kind of the last bracket that no other closes."""
        closing, row = 0, (source[:length] - SPECIALS).tolist()
        for bracket in reversed(row):
            closing += 1 if bracket >= self.kinds else -1
            if closing < 0:
                return np.asarray(bracket)
        raise ValueError("no bracket is open")


@lru_cache(maxsize=16)
def _ways(bound: int, depths: tuple[int, ...], steps: int) -> NDArray[np.float64]:
    """Return numbers of paths to the wanted height, up to a factor a row: (D, 2, N, H).

    By depth, phase (0: before the bracket, within 0 and ``bound``, to depth - 1; 1: behind it, within
    depth and ``bound``, to depth), steps left and height + 1.
    """
    ways = np.zeros((len(depths), 2, steps + 1, bound + 3))
    for index, depth in enumerate(depths):
        for phase, (low, end) in enumerate([(0, depth - 1), (depth, depth)]):
            table = ways[index, phase]
            table[0, end + 1] = 1.0
            for left in range(1, steps + 1):
                table[left, 1:-1] = table[left - 1, :-2] + table[left - 1, 2:]
                table[left, : low + 1] = table[left, bound + 2 :] = 0.0
                table[left] /= max(1.0, table[left].max())
    return ways
