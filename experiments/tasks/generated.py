"""Tasks whose examples are drawn at random: disjoint splits by hash, one set of test examples for all.

B examples, S source positions, F source features.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from experiments.tasks.base import Examples, HeldOut, Split, Task
from models.errors import BadInput

SHARES: dict[Split, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Which part of all possible sources belongs to each split."""

SCOPES: dict[Split, int] = {"train": 1, "validation": 2, "test": 3}
"""First word of every random seed here, so that no two splits share a random stream."""

MINIMUM_SOURCES = 4000
"""With fewer, a held-out split has less than 400: too few for its answers to be balanced."""

_CANDIDATE_NUMBERS = 1 << 22  # tokens or floats drawn at a time: bounds memory at long lengths


@lru_cache(maxsize=64)
def _weights(size: int) -> NDArray[np.uint64]:
    # a prefix of a longer row's weights, so that padding with zeros does not change a hash
    generator = np.random.default_rng(20170612)
    return generator.integers(2**64, size=size, dtype=np.uint64) | np.uint64(1)


def split_tenths(source: NDArray) -> NDArray[np.uint64]:
    """Return a number from 0 to 9 for each row of (B, S) tokens or (B, S, F) float32: its hash.

    Multilinear hashing modulo 2^64 over the whole row, then a multiply-shift mix. Zeros on the right
    (padding) do not change it.
    """
    rows = source.reshape(len(source), -1)
    words = rows.view(np.uint32) if rows.dtype == np.float32 else rows
    mixed = words.astype(np.uint64) @ _weights(words.shape[1])
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(32)) * np.uint64(10)) >> np.uint64(32)


def in_split(source: NDArray, split: Split) -> NDArray[np.bool_]:
    """Return for each row whether it belongs to a split."""
    tenths = split_tenths(source)
    if split == "train":
        return tenths >= 2
    return tenths == (0 if split == "validation" else 1)


def fill(split: Split, count: int, draw: Callable[[int], Examples]) -> Examples:
    """Return ``count`` examples of a split: draw candidates, keep those whose hash belongs to it.

    Raises:
        BadInput: too few possible sources belong to the split.
    """
    share, missing, kept = SHARES[split], count, []
    left = 1000 + 20 * int(count / share)
    at_once = 1024
    while missing and left > 0:
        candidates = draw(min(at_once, int(1.15 * missing / share) + 8))
        left -= len(candidates)
        at_once = max(16, _CANDIDATE_NUMBERS // max(1, candidates.source[0].size))
        rows = np.flatnonzero(in_split(candidates.source, split))[:missing]
        kept.append(candidates.select(rows))
        missing -= len(rows)
    if missing:
        raise BadInput(
            f"too few different sources for a {split} split: {count - missing} of {count} found. "
            "Choose longer sequences or a larger alphabet."
        )
    return Examples.join(kept)


def require_sources(possible: int, where: str) -> None:
    """Refuse options that leave too few different sources for disjoint splits.

    Raises:
        ValueError: fewer than ``MINIMUM_SOURCES``.
    """
    if possible < MINIMUM_SOURCES:
        raise ValueError(
            f"only {possible} different sources with {where}; disjoint splits need at least "
            f"{MINIMUM_SOURCES}: choose longer sequences or a larger alphabet"
        )


def drawn_slice(
    generator: np.random.Generator,
    count: int,
    values: Sequence[int],
    point: Mapping[str, int] | None,
    name: str,
) -> NDArray[np.int64]:
    """Return (count,) values of the slice ``name``: drawn uniformly, or that of ``point``."""
    if point is None:
        return generator.choice(np.asarray(values, dtype=np.int64), size=count)
    return np.full(count, point[name], dtype=np.int64)


class GeneratedTask(Task):
    """Base of tasks that draw their examples.

    The hash of the whole source decides the split, so it is independent of the answer, and no source
    of one split occurs in another whatever the seeds.
    """

    test_per_value: int = Field(256, gt=0, description="test examples for each slice value")
    validation_per_value: int = Field(64, gt=0, description="validation examples for each slice value")

    @abstractmethod
    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw examples of every split: at one point of the slices, or mixed as in training (None).

        All results have the same widths, padded if need be.
        """

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the training batch of a step: a function of (seed, step) and nothing else."""
        generator = np.random.default_rng([SCOPES["train"], seed, step])
        examples = fill("train", batch_size, lambda count: self.draw(generator, count, None))
        return self._trimmed(examples)

    def _trimmed(self, examples: Examples) -> Examples:
        return examples.trimmed(aligned=self.problem().readout == "position")

    def points(self, split: HeldOut) -> Iterator[dict[str, int]]:
        """Yield every combination of slice values that a split holds."""
        values = self.slice_values(split)
        for combination in product(*values.values()):
            yield dict(zip(values, combination, strict=True))

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the split's batches, one point of the slices after the other, so that none is padded.

        A point's examples do not depend on which other points there are.
        """
        count = self.test_per_value if split == "test" else self.validation_per_value
        for point in self.points(split):
            generator = np.random.default_rng([SCOPES[split], *point.values()])
            examples = fill(split, count, partial(self.draw, generator, point=point))
            yield from self._trimmed(examples).batches(batch_size)
