"""The flip-flop language: one bit of memory, written, ignored and read.

B examples, S source positions, P pairs of an instruction and its bit (S = 2 P).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from experiments.tasks.base import Examples, HeldOut, distinct
from experiments.tasks.generated import GeneratedTask
from models.problem import SPECIALS, Problem

WRITE, READ, IGNORE = SPECIALS, SPECIALS + 1, SPECIALS + 2
ZERO, HIDDEN = SPECIALS + 3, SPECIALS + 5
"""Bit 0 (bit 1 is the next token), and what stands for the bit that a read returns."""


class FlipFlop(GeneratedTask):
    """Write, read and ignore instructions, each with a bit; the last bit written: against its distance.

    Liu, Ash, Goel, Krishnamurthy and Zhang 2023 ("Exposing Attention Glitches with Flip-Flop Language
    Modeling"), FFL(``ignore``): the first instruction writes, the last reads; the others are ignored
    with probability ``ignore`` and else write or read, equally often; bits are uniform. Published: 512
    positions, trained at 0.8, tested at 0.98 (far writes) and 0.1 as well.

    There a language model is asked for every bit that a read returns. Here it is asked for the last
    one, and the bits of all reads are hidden: an encoder that looks ahead finds no answer, and no read
    can be answered from the one before. The distance is that from the last write to the last read,
    from instruction to instruction. In training far writes are as rare as in the language; the test
    has the same number of examples at every distance.

    Instructions are 3 (write), 4 (read) and 5 (ignore); bits are 6 and 7, a hidden one 8; answers
    are the classes 0 and 1. Write 1, ignore 0, read, write 0, read:

    >>> FlipFlop().solve(np.array([3, 7, 5, 6, 4, 8, 3, 6, 4, 8]), 10).tolist()
    0
    """

    name: ClassVar[str] = "flip_flop"
    slice_names: ClassVar[tuple[str, ...]] = ("distance",)

    length: Annotated[int, Field(ge=32, multiple_of=2)] = Field(128, description="source positions")
    ignore: float = Field(0.8, ge=0, lt=1, description="probability of an ignored pair")
    distances: Annotated[
        tuple[Annotated[int, Field(gt=0, multiple_of=2)], ...],
        Field(min_length=1),
        AfterValidator(distinct),
    ] = Field((2, 4, 8, 16, 32, 64, 126), description="positions from the last write to the last read")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if max(self.distances) > self.length - 2:
            raise ValueError(
                f"length = {self.length} is too short for distance {max(self.distances)}: "
                f"at least {max(self.distances) + 2}"
            )
        return self

    def problem(self) -> Problem:
        """Return sizes: three instructions, three kinds of bits, and two classes at the end."""
        return Problem(source_size=HIDDEN + 1, target_size=2, readout="last")

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the distances."""
        return {"distance": self.distances}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64 and targets (B,): of the language, or of one distance within it."""
        pairs, rows, other = self.length // 2, np.arange(count), (1 - self.ignore) / 2
        instruction_BP = generator.choice(
            (WRITE, READ, IGNORE), p=(other, other, self.ignore), size=(count, pairs)
        )
        instruction_BP[:, 0], instruction_BP[:, -1] = WRITE, READ
        if point is not None:
            # the language given its last write: behind it reads and ignores in their proportion
            last = pairs - 1 - point["distance"] // 2
            instruction_BP[:, last] = WRITE
            between = instruction_BP[:, last + 1 : -1]
            reads = generator.random(between.shape) < other / (other + self.ignore)
            instruction_BP[:, last + 1 : -1] = np.where(reads, READ, IGNORE)
        bit_BP = generator.integers(2, size=(count, pairs))
        last_B = pairs - 1 - np.argmax(instruction_BP[:, ::-1] == WRITE, axis=1)
        source_BS = np.empty((count, self.length), dtype=np.int64)
        source_BS[:, ::2] = instruction_BP
        source_BS[:, 1::2] = np.where(instruction_BP == READ, HIDDEN, ZERO + bit_BP)
        return Examples(
            source_BS,
            np.full(count, self.length, dtype=np.int64),
            bit_BP[rows, last_B],
            slices={"distance": 2 * (pairs - 1 - last_B)},
        )

    def chance(self) -> float:
        """Return 1/2."""
        return 1 / 2

    def target_only_floor(self) -> float:
        """Return chance: there is no prefix to see."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the bit of the last write, by running the instructions from the first on."""
        memory, row = -1, source[:length].tolist()
        for instruction, bit in zip(row[::2], row[1::2], strict=True):
            if instruction == WRITE:
                memory = bit - ZERO
        return np.asarray(memory)
