"""Handwritten digits, read pixel by pixel: real data that every machine has.

B examples, S = 64 source positions, one feature a position.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.tasks.base import Examples, HeldOut, Split, Task
from models.problem import Problem

CLASSES, PIXELS, BRIGHTEST = 10, 64, 16


class Corpus(NamedTuple):
    """The 1,797 images, and which of them belong to each split."""

    source: NDArray[np.float32]  # (1797, 64, 1), from 0 to 1
    label: NDArray[np.int64]  # (1797,)
    rows: dict[Split, NDArray[np.int64]]


@lru_cache(maxsize=1)
def corpus() -> Corpus:
    """Return the images with their fixed stratified split: 70 % train, 10 % validation, 20 % test."""
    from sklearn.datasets import load_digits  # takes a second: paid by those who use it

    pixels, label = load_digits(return_X_y=True)
    generator = np.random.default_rng(1998)  # the split is the same for everyone
    rows: dict[Split, list[int]] = {"train": [], "validation": [], "test": []}
    for digit in range(CLASSES):
        mine = generator.permutation(np.flatnonzero(label == digit)).tolist()
        test, validation = len(mine) // 5, len(mine) // 10
        rows["test"] += mine[:test]
        rows["validation"] += mine[test : test + validation]
        rows["train"] += mine[test + validation :]
    source = (pixels[:, :, None] / BRIGHTEST).astype(np.float32)
    return Corpus(source, label.astype(np.int64), {s: np.sort(rows[s]) for s in rows})


@lru_cache(maxsize=4)
def _epoch(seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(corpus().rows["train"])


class Digits(Task):
    """Real handwritten digits, 64 pixels read one a step, to one of 10 classes: accuracy by label.

    The test part of Alpaydin and Kaynak 1998 ("Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository), 8 x 8 pixels, which scikit-learn bundles; pixel by pixel after Le, Jaitly and
    Hinton 2015, section 4.2. Each image is given row by row from the top left, each pixel from 0 to 1.
    Training goes through the training images in a new random order every epoch.

    >>> task = Digits()
    >>> batch = next(task.evaluation("test", 1))
    >>> batch.source.shape, (batch.source[0, 2:6, 0] * 16).tolist(), batch.target.tolist()
    ((1, 64, 1), [0.0, 12.0, 13.0, 5.0], [1])
    >>> task.solve(batch.source[0], 64).tolist()
    1
    """

    name: ClassVar[str] = "digits"
    slice_names: ClassVar[tuple[str, ...]] = ("label",)

    def problem(self) -> Problem:
        """Return sizes: one feature, ten classes at the end."""
        return Problem(source_kind="floats", source_size=1, target_size=CLASSES, readout="last")

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's images, (B, 64, 1) float32, and labels (B,), in epochs without repeats."""
        size = len(corpus().rows["train"])
        place_B = np.arange(step * batch_size, (step + 1) * batch_size)
        epochs = range(place_B[0] // size, place_B[-1] // size + 1)
        order = np.concatenate([_epoch(seed, epoch) for epoch in epochs])
        return _examples(order[place_B - epochs[0] * size])

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the held-out images in the corpus' order."""
        yield from _examples(corpus().rows[split]).batches(batch_size)

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the ten digits."""
        return {"label": tuple(range(CLASSES))}

    def chance(self) -> float:
        """Return 1/10."""
        return 1 / CLASSES

    def target_only_floor(self) -> float:
        """Return the share of the test split's most frequent digit."""
        counts = np.bincount(corpus().label[corpus().rows["test"]])
        return float(counts.max() / counts.sum())

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the label of the identical image in the corpus: its writer is the only oracle."""
        same = (corpus().source == source[:length]).all(axis=(1, 2))
        if not same.any():
            raise ValueError("no such image in the corpus")
        return np.asarray(corpus().label[same.argmax()])


def _examples(rows: NDArray[np.int64]) -> Examples:
    label_B = corpus().label[rows]
    lengths_B = np.full(len(rows), PIXELS, dtype=np.int64)
    return Examples(corpus().source[rows], lengths_B, label_B, slices={"label": label_B})
