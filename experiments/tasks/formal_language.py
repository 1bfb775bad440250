"""What the formal-language tasks share: trained on short strings, tested on longer ones.

B examples, S source positions, T target positions, W letters of the longest string.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, Positives
from experiments.tasks.generated import SCOPES, GeneratedTask, fill, in_split, require_sources
from models.problem import PAD, SPECIALS, Problem


class FormalLanguage(GeneratedTask):
    """Base of the tasks of Delétang et al. 2023 ("Neural Networks and the Chomsky Hierarchy").

    Their protocol (section 4): trained on lengths drawn uniformly from 1 to 40, tested on 41 to 500;
    the score is the mean over the tested lengths of the accuracy at each. Here every 17th length is
    tested unless ``test_lengths`` says otherwise, odd and even ones in turn.

    The paper selects the best run on the tested lengths. Here a validation split of trained lengths
    selects: its sources, and those of test lengths that are trained, are told from trained ones by
    hash. Lengths below all of these are trained whole, since they have few strings, and lengths
    beyond the trained ones are tested whole.
    """

    slice_names: ClassVar[tuple[str, ...]] = ("length",)
    letters: ClassVar[int]  # of the source's alphabet, tokens from 3 on
    classes: ClassVar[int]  # answers that are told apart

    train_lengths: tuple[Positive, Positive] = Field(
        (1, 40), description="shortest and longest trained"
    )
    validation_lengths: Positives = Field(
        (20, 25, 30, 35, 40), description="lengths validated, all of them trained ones"
    )
    test_lengths: Positives = Field(tuple(range(41, 501, 17)), description="lengths tested")
    test_per_value: int = Field(64, gt=0, description="test examples for each length")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        shortest, longest = self.train_lengths
        if shortest > longest:
            raise ValueError(f"train_lengths = ({shortest}, {longest}): the shortest comes first")
        for length in self.validation_lengths:
            if not shortest <= length <= longest:
                raise ValueError(
                    f"validation_lengths: {length} is not within train_lengths, {shortest} to {longest}"
                )
        for length in sorted({*self.validation_lengths, *self.test_lengths}):
            if length <= longest:
                actual = self.actual(length)
                require_sources(self.sources(actual), f"strings of length {actual}")
        return self

    # What a task writes ---------------------------------------------------------------------------

    @abstractmethod
    def strings(
        self, generator: np.random.Generator, length_B: NDArray, width: int
    ) -> tuple[NDArray, NDArray]:
        """Return letters (B, W) from 0 on, W = ``width``, and what is answered.

        What stands beyond a string's length is ignored. A class is (B,) int64 from 0 on; a string is
        (B, any) letters with -1 beyond its end.
        """

    def sources(self, length: int) -> int:
        """Return how many different strings of this length there are."""
        return self.letters**length

    def actual(self, length: int) -> int:
        """Return the length of the string that is drawn where ``length`` is asked for."""
        return length

    # ----------------------------------------------------------------------------------------------

    def problem(self) -> Problem:
        """Return sizes: one class for the whole string, read off where it ends."""
        return Problem(source_size=SPECIALS + self.letters, target_size=self.classes, readout="last")

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the lengths that are asked."""
        asked = self.test_lengths if split == "test" else self.validation_lengths
        return {"length": tuple(dict.fromkeys(map(self.actual, asked)))}

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw strings (B, S) int64 and their answers; lengths mixed uniformly, or of one."""
        if point is None:
            shortest, longest = self.train_lengths
            asked_B = generator.integers(shortest, longest + 1, size=count)
            actual = np.array([self.actual(n) for n in range(longest + 1)], dtype=np.int64)
            length_B, width = actual[asked_B], self.actual(longest)
        else:
            width = point["length"]
            length_B = np.full(count, width, dtype=np.int64)
        letter_BW, answer = self.strings(generator, length_B, width)
        inside_BW = np.arange(width) < length_B[:, None]
        source_BW = np.where(inside_BW, letter_BW + SPECIALS, PAD).astype(np.int64)
        return self.examples(source_BW, length_B, answer)

    def examples(self, source_BW: NDArray, length_B: NDArray, answer: NDArray) -> Examples:
        """Return the examples of padded strings and their classes (B,)."""
        return Examples(source_BW, length_B, answer.astype(np.int64), slices={"length": length_B})

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the training batch of a step: a function of (seed, step) and nothing else."""
        generator = np.random.default_rng([SCOPES["train"], seed, step])
        held_out = min(*self.slice_values("validation")["length"], *self.slice_values("test")["length"])
        kept, missing = [], batch_size
        while missing:
            drawn = self.draw(generator, int(1.2 * missing) + 8, None)
            trained_B = (drawn.slices["length"] < held_out) | in_split(drawn.source, "train")
            rows = np.flatnonzero(trained_B)[:missing]
            kept.append(drawn.select(rows))
            missing -= len(rows)
        return self.cut(Examples.join(kept))

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the split's batches, one length after the other, so that no source is padded."""
        count = self.test_per_value if split == "test" else self.validation_per_value
        for point in self.points(split):
            generator = np.random.default_rng([SCOPES[split], point["length"]])

            def draw(
                number: int,
                generator: np.random.Generator = generator,
                point: Mapping[str, int] = point,
            ) -> Examples:
                return self.draw(generator, number, point)

            beyond = point["length"] > self.train_lengths[1]
            examples = draw(count) if beyond else fill(split, count, draw)
            yield from self.cut(examples).batches(batch_size)

    def cut(self, examples: Examples) -> Examples:
        """Return the examples without the columns that are padding in every row."""
        return examples.trimmed()

    def chance(self) -> float:
        """Return 1 / ``classes``."""
        return 1 / self.classes

    def target_only_floor(self) -> float:
        """Return chance: at the tested lengths every class is as likely as any other."""
        return self.chance()

    def letters_of(self, source: NDArray, length: int) -> list[int]:
        """Return a row's letters from 0 on, as ``solve`` reads them."""
        return [int(token) - SPECIALS for token in source[:length]]
