"""ListOps: nested operations on lists of digits.

B examples, S source positions.
"""

import statistics
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, Split, Task
from experiments.tasks.generated import SCOPES, fill
from experiments.tasks.listops_trees import WORDS, draw_expressions
from models.problem import SPECIALS, Problem


class ListOps(Task):
    """A nested expression of MIN, MAX, MED and SM (sum modulo 10), to its value: accuracy by length.

    Nangia and Bowman 2018 ("ListOps: A Diagnostic Dataset for Latent Tree Learning"), whose trees have
    up to 5 arguments and a depth of 20 (``max_args=5, max_depth=20``), in the form of Tay et al. 2020
    ("Long Range Arena"), section 2.2: 10 arguments, depth 10 and between 500 and 2,000 tokens
    (``min_length=501, max_length=1999``); here the same trees, but shorter by default. Medians of an
    even number of arguments are rounded down, as published.

    Values are not equally frequent: MIN makes small and MAX large ones. Chance is the share of the
    most frequent value in the test split (about 0.17 by default), and ``class_shares`` has them all.
    The test split follows the distribution of training; ``length`` is counted up to powers of two.

    >>> ListOps().solve(tokens("[MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]"), 18).tolist()
    5
    >>> ListOps().solve(tokens("[SM 7 [MED 2 3 ] 8 ]"), 8).tolist()
    7
    """

    name: ClassVar[str] = "listops"
    slice_names: ClassVar[tuple[str, ...]] = ("length",)

    max_depth: Annotated[int, Field(gt=1)] = Field(10, description="depth of the deepest numbers")
    max_args: Annotated[int, Field(gt=1)] = Field(10, description="arguments of an operation, at most")
    min_length: Annotated[int, Field(ge=8)] = Field(16, description="tokens, at least")
    max_length: Annotated[int, Field(ge=8)] = Field(128, description="tokens, at most")
    test_examples: Positive = Field(2000, description="test examples")
    validation_examples: Positive = Field(500, description="validation examples")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError(
                f"min_length = {self.min_length} is more than max_length = {self.max_length}"
            )
        longest = 1
        for _ in range(self.max_depth - 1):
            longest = min(2 + self.max_args * longest, self.max_length)
        if longest < self.min_length:
            raise ValueError(
                f"min_length = {self.min_length}: with max_depth = {self.max_depth} and max_args = "
                f"{self.max_args} there are {longest} tokens at most"
            )
        return self

    def problem(self) -> Problem:
        """Return sizes: numbers, operators and the closing bracket; ten classes at the end."""
        return Problem(source_size=SPECIALS + len(WORDS), target_size=10, readout="last")

    def draw(self, generator: np.random.Generator, count: int) -> Examples:
        """Draw sources (B, ``max_length``) int64 and values (B,)."""
        lengths = (self.min_length, self.max_length)
        found = draw_expressions(generator, count, self.max_depth, self.max_args, lengths)
        upper = np.array(self.slice_values("test")["length"])
        bucket_B = upper[np.searchsorted(upper, found.length)]
        return Examples(found.source, found.length, found.value, slices={"length": bucket_B})

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the training batch of a step: a function of (seed, step) and nothing else."""
        generator = np.random.default_rng([SCOPES["train"], seed, step])
        return fill("train", batch_size, lambda count: self.draw(generator, count)).trimmed()

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the split by length, so that little is padded."""
        for batch in _held_out(self, split).batches(batch_size):
            yield batch.trimmed()

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the upper ends of the buckets of lengths: powers of two, and the longest."""
        powers = (2**n for n in range(3, self.max_length.bit_length()))
        inner = (n for n in powers if self.min_length < n < self.max_length)
        return {"length": (*inner, self.max_length)}

    def class_shares(self, split: Split = "test") -> NDArray[np.float64]:
        """Return the share of each value, (10,), in a split (of training: in 2,000 examples)."""
        examples = self.train_batch(0, 0, 2000) if split == "train" else _held_out(self, split)
        return np.bincount(examples.target, minlength=10) / len(examples)

    def chance(self) -> float:
        """Return the share of the test split's most frequent value: the majority baseline."""
        return float(self.class_shares().max())

    def target_only_floor(self) -> float:
        """Return chance: there is no prefix to see."""
        return self.chance()

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the value, by evaluating the expression from left to right with a stack."""
        stack: list[list[str]] = [[]]
        for token in source[:length].tolist():
            word = WORDS[token - SPECIALS]
            if word.startswith("["):
                stack.append([word])
            elif word == "]":
                operator, *numbers = stack.pop()
                stack[-1].append(str(_VALUE[operator]([int(number) for number in numbers])))
            else:
                stack[-1].append(word)
        return np.asarray(int(stack[0][0]))


_VALUE: dict[str, Callable[[list[int]], int]] = {
    "[MIN": min,
    "[MAX": max,
    "[MED": lambda numbers: int(statistics.median(numbers)),
    "[SM": lambda numbers: sum(numbers) % 10,
}


def tokens(expression: str) -> NDArray[np.int64]:
    """Return the tokens of an expression, its words apart: "[MAX 2 9 [MIN 4 7 ] 0 ]"."""
    return np.array([SPECIALS + WORDS.index(word) for word in expression.split()])


@lru_cache(maxsize=8)
def _held_out(task: ListOps, split: HeldOut) -> Examples:
    """Return the examples of a split, the shortest first."""
    generator = np.random.default_rng(SCOPES[split])
    count = task.test_examples if split == "test" else task.validation_examples
    examples = fill(split, count, lambda n: task.draw(generator, n))
    return examples.select(np.argsort(examples.source_lengths, kind="stable"))
