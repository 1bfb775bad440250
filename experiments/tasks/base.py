"""What a task is: it owns its generator, splits, vocabulary, slices, chance level and version. No torch.

B examples, S source positions, T target positions, F source features.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.problem import Problem

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Examples:
    """Some examples as arrays; padding (PAD, or 0.0 where ``source_lengths`` end) is on the right."""

    source: NDArray[np.int64] | NDArray[np.float32]  # (B, S) tokens or (B, S, F) floats
    source_lengths: NDArray[np.int64]  # (B,)
    target: NDArray[np.int64] | NDArray[np.float32]  # decoder (B, T), position (B, S), last (B,)
    target_mask: NDArray[np.bool_] | None = None  # like target; None: every position counts
    slices: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # name -> (B,)

    def __len__(self) -> int:
        return len(self.source)


class Task(BaseModel):
    """A task's options are its fields; the same options and seed give the same examples for everyone.

    Splits are disjoint by construction (``split_of`` hashes the source, or the corpus is cut by
    index), and the training stream is a function of (seed, step) alone, never of the architecture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1  # raise it when the examples change
    slice_names: ClassVar[tuple[str, ...]] = ()  # for example ("distance",)

    @abstractmethod
    def problem(self) -> Problem:
        """Return sizes, readout and objective."""

    @abstractmethod
    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the training batch of a step: a function of (seed, step) and nothing else."""

    @abstractmethod
    def evaluation(self, split: Split, seed: int, batch_size: int) -> Iterator[Examples]:
        """Yield the batches of the fixed validation or test split, in a fixed order.

        They do not depend on ``seed`` in generated tasks' test split semantics: one test set for all.
        """

    @abstractmethod
    def chance(self) -> float:
        """Return the score of guessing blindly: accuracy, or mean squared error for regression."""

    @abstractmethod
    def target_only_floor(self) -> float:
        """Return the best score of a predictor that sees the target's prefix but never the source."""

    @abstractmethod
    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the target that one source row (S,) or (S, F) implies: the oracle of the task linter."""
