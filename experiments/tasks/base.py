"""What a task is: it owns generator, splits, vocabulary, slices, chance level and version. No torch.

B examples, S source positions, T target positions, F source features.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from models.problem import Problem

Split = Literal["train", "validation", "test"]
HeldOut = Literal["validation", "test"]


def distinct(values: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``values``, or raise ValueError if one occurs twice."""
    if len(set(values)) < len(values):
        raise ValueError("every value may be named once only")
    return values


Positive = Annotated[int, Field(gt=0)]
Positives = Annotated[tuple[Positive, ...], Field(min_length=1), AfterValidator(distinct)]
"""Distinct lengths, loads ..., at least one."""


@dataclass(frozen=True)
class Examples:
    """Some examples as arrays; padding (PAD, or 0.0 where ``source_lengths`` end) is on the right."""

    source: NDArray[np.int64] | NDArray[np.float32]  # (B, S) tokens, (B, S, F) floats; none: (B, 0)
    source_lengths: NDArray[np.int64]  # (B,)
    target: NDArray[np.int64] | NDArray[np.float32]  # decoder (B, T), position (B, S), last (B,)
    target_mask: NDArray[np.bool_] | None = None  # like target; None: every position counts
    slices: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # name -> (B,)

    def __len__(self) -> int:
        return len(self.source)

    def select(self, rows: NDArray[np.intp] | slice) -> "Examples":
        """Return some of the examples, by index or range."""
        return Examples(
            source=self.source[rows],
            source_lengths=self.source_lengths[rows],
            target=self.target[rows],
            target_mask=None if self.target_mask is None else self.target_mask[rows],
            slices={name: values[rows] for name, values in self.slices.items()},
        )

    def trimmed(self, *, aligned: bool = False) -> "Examples":
        """Return the examples without the columns that are padding in every row.

        ``aligned``: the target has an answer a source position, and keeps the source's columns.
        """
        source = self.source[:, : int(self.source_lengths.max())]
        target, mask = self.target, self.target_mask
        if mask is not None:
            width = source.shape[1] if aligned else int(np.flatnonzero(mask.any(axis=0))[-1]) + 1
            target, mask = target[:, :width], mask[:, :width]
            mask = None if mask.all() else mask
        return Examples(source, self.source_lengths, target, mask, self.slices)

    def batches(self, batch_size: int) -> Iterator["Examples"]:
        """Yield the examples in order, ``batch_size`` at a time; the last batch may be smaller."""
        for begin in range(0, len(self), batch_size):
            yield self.select(slice(begin, begin + batch_size))

    @staticmethod
    def join(parts: Sequence["Examples"]) -> "Examples":
        """Return all examples of ``parts``, which have the same widths and slices, in order."""
        if len(parts) == 1:
            return parts[0]
        masks = [part.target_mask for part in parts if part.target_mask is not None]
        return Examples(
            source=np.concatenate([part.source for part in parts]),
            source_lengths=np.concatenate([part.source_lengths for part in parts]),
            target=np.concatenate([part.target for part in parts]),
            target_mask=np.concatenate(masks) if masks else None,
            slices={
                name: np.concatenate([part.slices[name] for part in parts]) for name in parts[0].slices
            },
        )


class Task(BaseModel):
    """A task's options are its fields; the same options and seed give the same examples for everyone.

    Splits are disjoint by construction (experiments.tasks.generated hashes the source; a corpus is
    cut by index), and the training stream is a function of (seed, step) alone, never of the
    architecture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1  # raise it when the examples change
    slice_names: ClassVar[tuple[str, ...]] = ()  # for example ("distance",)
    batch_unit: ClassVar[Literal["examples", "tokens"]] = "examples"
    """What ``batch_size`` counts. Tokens: rows times the longer of the padded source and target."""

    @abstractmethod
    def problem(self) -> Problem:
        """Return sizes, readout and objective."""

    @abstractmethod
    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the training batch of a step: a function of (seed, step) and nothing else.

        ``seed`` is the data seed: the cell's, the same for every architecture.
        """

    @abstractmethod
    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the batches of the validation or test split, always the same in the same order.

        They depend on the task's options alone: every architecture and every seed answers the same
        examples. No row of a batch is padded differently from its neighbours where slices allow it.
        """

    @abstractmethod
    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the values that occur in a split, by slice name."""

    @abstractmethod
    def chance(self) -> float:
        """Return the score of guessing blindly: accuracy, or mean squared error for regression."""

    @abstractmethod
    def target_only_floor(self) -> float:
        """Return the best score of a predictor that sees the target's prefix but never the source.

        Over the test split, with every counted target position of equal weight.
        """

    def source_vectors(self) -> NDArray[np.float32] | None:
        """Return what the source embedding starts from: (source vocabulary, E); None: random numbers.

        A token without a vector has a row of NaN, and starts random.
        """
        return None

    def facts(self) -> dict[str, float]:
        """Return numbers that stand beside every score of this task, in the metrics of a record."""
        return {}

    @abstractmethod
    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the target that one source row (S,) or (S, F) implies: the oracle of the task linter.

        It reads the source's first ``length`` positions only, and shares no code with the generator.
        """
