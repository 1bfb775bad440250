"""Tagging with an answer to the right: what a reader that never looks ahead cannot know.

B examples, S source positions.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, distinct
from experiments.tasks.generated import GeneratedTask, require_sources
from models.problem import SPECIALS, Problem


class RightContext(GeneratedTask):
    """Random symbols, each tagged by the one ``offset`` positions to its right: accuracy by offset.

    The delayed echo of Schuster and Paliwal 1997 ("Bidirectional Recurrent Neural Networks"), section
    II, made exact: symbols are independent and uniform, so that what stands at and before a position
    says nothing of its tag unless the offset is 0, and a reader without right context scores chance.

    The first token names the offset; symbols follow. All positions whose tag lies within the source
    are asked, in place (``position`` readout, classes 0 to ``alphabet`` - 1); a source is longer by its
    offset, so that every offset asks for ``length`` tags. With 4 symbols (3-6) and the offsets 0 and 2
    (7 and 8), every symbol's tag at offset 2:

    >>> task = RightContext(alphabet=4, offsets=(0, 2), length=12)
    >>> task.solve(np.array([8, 3, 6, 4, 4, 5]), 6).tolist()
    [1, 1, 2]

    A reader of bounded reach sees the first token from near the begin alone. With ``named``
    "everywhere" every symbol has a token for each offset (3-6 for offset 0, 7-10 for offset 2, and
    first tokens 11 and 12), so that what is asked is known at every position:

    >>> task = RightContext(alphabet=4, offsets=(0, 2), length=12, named="everywhere")
    >>> task.solve(np.array([12, 7, 10, 8, 8, 9]), 6).tolist()
    [1, 1, 2]
    """

    name: ClassVar[str] = "right_context"
    slice_names: ClassVar[tuple[str, ...]] = ("offset",)

    alphabet: int = Field(4, gt=1, description="different symbols, which are the tags too")
    offsets: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(distinct)
    ] = Field((0, 1, 2, 4, 8), description="positions from a symbol to its tag, to the right")
    length: Positive = Field(32, description="symbols that are tagged")
    named: Literal["first", "everywhere"] = Field(
        "first", description="the offset: by the first token, or by every symbol's token too"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        least = self.length + min(self.offsets)
        require_sources(self.alphabet**least, f"{least} of {self.alphabet} symbols")
        return self

    def problem(self) -> Problem:
        """Return sizes: symbols and offsets; a class for every symbol, at every position."""
        return Problem(
            source_size=self._first + len(self.offsets),
            target_size=self.alphabet,
            readout="position",
        )

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the offsets: the same in both splits and in training."""
        return {"offset": self.offsets}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64, targets (B, S) and their mask; offsets mixed uniformly."""
        offsets = np.asarray(self.offsets, dtype=np.int64)
        if point is None:
            chosen_B = generator.integers(len(offsets), size=count)
        else:
            chosen_B = np.full(count, self.offsets.index(point["offset"]), dtype=np.int64)
        offset_B = offsets[chosen_B]
        length_B = 1 + self.length + offset_B
        width = 1 + self.length + int(offset_B.max() if point else offsets.max())
        symbol_BS = generator.integers(self.alphabet, size=(count, width))
        place = np.arange(width)
        token_BS = SPECIALS + symbol_BS
        if self.named == "everywhere":
            token_BS += self.alphabet * chosen_B[:, None]
        source_BS = np.where(place < length_B[:, None], token_BS, 0)
        source_BS[:, 0] = self._first + chosen_B
        mask_BS = np.broadcast_to((place > 0) & (place <= self.length), source_BS.shape).copy()
        shifted_BS = np.minimum(place + offset_B[:, None], width - 1)
        target_BS = np.where(mask_BS, np.take_along_axis(symbol_BS, shifted_BS, axis=1), 0)
        return Examples(source_BS, length_B, target_BS, mask_BS, {"offset": offset_B})

    def chance(self) -> float:
        """Return 1 / ``alphabet``."""
        return 1 / self.alphabet

    def target_only_floor(self) -> float:
        """Return chance: symbols are independent."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the symbols behind the first ``offset`` ones, as classes."""
        offset = self.offsets[int(source[0]) - self._first]
        return (source[1 + offset : length] - SPECIALS) % self.alphabet

    @property
    def _first(self) -> int:
        """Return the first of the tokens that begin a source."""
        kinds = len(self.offsets) if self.named == "everywhere" else 1
        return SPECIALS + self.alphabet * kinds
