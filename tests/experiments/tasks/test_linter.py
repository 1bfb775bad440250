"""The linter catches each fault that it is there for: a sound toy task passes, broken copies do not."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest

from experiments.tasks.base import Examples
from experiments.tasks.generated import SCOPES, GeneratedTask
from models.problem import Problem
from tests.experiments.tasks import linter


class Toy(GeneratedTask):
    """Repeat the first three of some tokens.

    >>> Toy().solve(np.array([3, 4, 5, 6, 7]), 5).tolist()
    [3, 4, 5]
    """

    name: ClassVar[str] = "toy"
    slice_names: ClassVar[tuple[str, ...]] = ("length",)
    length: int = 6

    def problem(self):
        return Problem(source_size=11, target_size=11)

    def slice_values(self, split):
        return {"length": (self.length,)}

    def draw(self, generator, count, point: Mapping[str, int] | None):
        source = generator.integers(3, 11, size=(count, self.length))
        full = np.full(count, self.length, dtype=np.int64)
        return Examples(source, full, source[:, :3].copy(), slices={"length": full})

    def chance(self):
        return 1 / 8

    def target_only_floor(self):
        return 1 / 8

    def solve(self, source, length):
        return source[:3]


def changed(examples: Examples, **parts) -> Examples:
    return Examples(**{**vars(examples), **parts})


class Leaky(Toy):
    """Training draws from all splits."""

    length: int = 4  # 4,096 sources

    def train_batch(self, seed, step, batch_size):
        return self.draw(np.random.default_rng([SCOPES["train"], seed, step]), batch_size, None)


class Unbalanced(Toy):
    """One answer is more frequent than the others."""

    def draw(self, generator, count, point):
        drawn = super().draw(generator, count, point)
        source = drawn.source.copy()
        source[: count // 4, 0] = 3
        return changed(drawn, source=source, target=source[:, :3].copy())


class Predictable(Toy):
    """The third symbol follows from the second: balanced, but the target's prefix tells it."""

    def draw(self, generator, count, point):
        drawn = super().draw(generator, count, point)
        source = drawn.source.copy()
        source[:, 2] = 3 + (source[:, 1] - 2) % 8
        return changed(drawn, source=source, target=source[:, :3].copy())


class Underivable(Toy):
    """The answer is not in the source."""

    def draw(self, generator, count, point):
        drawn = super().draw(generator, count, point)
        return changed(drawn, target=generator.integers(3, 11, size=(count, 3)))


class Forgetful(Toy):
    """Batches do not follow from seed and step."""

    def train_batch(self, seed, step, batch_size):
        return super().train_batch(int(np.random.default_rng().integers(2**40)), step, batch_size)


class SeedBlind(Toy):
    """The seed changes nothing."""

    def train_batch(self, seed, step, batch_size):
        return super().train_batch(0, step, batch_size)


class Uncovered(Toy):
    """A declared slice value never occurs."""

    def slice_values(self, split):
        return {"length": (self.length, 99)}

    def points(self, split):
        yield {"length": self.length}


class LeftPadded(Toy):
    """The mask counts the right end and leaves out the left."""

    def draw(self, generator, count, point):
        drawn = super().draw(generator, count, point)
        mask = np.ones_like(drawn.target, dtype=bool)
        mask[:, 0] = generator.random(count) < 0.5
        return changed(drawn, target=drawn.target * mask, target_mask=mask)


class TooManyTokens(Toy):
    """A token lies outside the vocabulary."""

    def problem(self):
        return Problem(source_size=10, target_size=11)


class Boastful(Toy):
    """The declared floor is so high that nothing can exceed it."""

    def target_only_floor(self):
        return 0.9


class WrongExample(Toy):
    """Repeat the first three of some tokens.

    >>> WrongExample().solve(np.array([3, 4, 5, 6, 7]), 5).tolist()
    [3, 4, 6]
    """


class NoExample(Toy):
    """Repeat the first three of some tokens."""


def test_a_sound_task_passes():
    linter.lint(Toy())


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Leaky, linter.lint_disjoint),
        (Unbalanced, linter.lint_balance),
        (Predictable, linter.lint_floor),
        (Underivable, linter.lint_answers),
        (Forgetful, linter.lint_reproducible),
        (SeedBlind, linter.lint_reproducible),
        (Uncovered, linter.lint_slices),
        (LeftPadded, linter.lint_arrays),
        (TooManyTokens, linter.lint_arrays),
        (Boastful, linter.lint_floor),
    ],
)
def test_a_fault_is_caught(broken, check):
    with pytest.raises(AssertionError):
        check(broken())


@pytest.mark.parametrize("broken", [WrongExample, NoExample])
def test_a_wrong_docstring_is_caught(broken):
    with pytest.raises(AssertionError):
        linter.lint_docstring(broken)
