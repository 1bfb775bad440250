"""Multi-query associative recall (MQAR): the value of every key, when it comes again.

B examples, S source positions, L pairs, G gaps (places where a query can stand), A alphabet.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive
from experiments.tasks.generated import SCOPES, GeneratedTask, fill
from models.problem import SPECIALS, Problem

Point = tuple[Positive, Positive]  # length, pairs
Segment = tuple[Positive, Positive, Annotated[float, Field(gt=0)]]  # length, pairs, share


class MultiQueryRecall(GeneratedTask):
    """Key-value pairs, then every key once more: the value at each key, against load and length.

    Arora et al. 2023 ("Zoology: Measuring and Improving Recall in Efficient Language Models"), with
    the published mixture: 5 parts of 4 pairs in 64 positions for one part each of 8 in 128 and 16, 32
    and 64 in 256; tested with up to 256 pairs in 1,024. Its Figure 2 trains one point at a time:
    ``train=[[256, 16, 1]]``, ``test=[[256, 16]]``. A batch holds one point, so that nothing is padded.

    The pairs stand first. Their keys are queried at even gaps after them, near ones more often: gap g
    with weight g^(``power`` - 1), without replacement. Keys and values are distinct within a source.
    Gaps are dealt to the keys in random order; dealt in the order drawn, the first pairs would more
    often be asked first, and a rank would help to tell a value without its key.

    An answer is never part of the source again, and what stands beside a query is a filler: one
    blank as in Figure 2, or random values (``fillers="values"``) as distractors. One answer a query
    (``position`` readout; classes 0 to ``values`` - 1). With 4 keys (3-6), 4 values (7-10) and the
    blank 11, the pairs 4 -> 8 and 6 -> 7, asked for 6 and 4:

    >>> task = MultiQueryRecall(keys=4, values=4, train=[[10, 2, 1]], test=[[10, 2]])
    >>> task.solve(np.array([4, 8, 6, 7, 6, 11, 11, 11, 4, 11]), 10).tolist()
    [0, 1]
    """

    name: ClassVar[str] = "multi_query_recall"
    slice_names: ClassVar[tuple[str, ...]] = ("length", "pairs")

    keys: int = Field(4096, gt=1, description="different keys")
    values: int = Field(4096, gt=1, description="different values")
    fillers: Literal["blank", "values"] = Field("blank", description="what stands between the queries")
    power: float = Field(0.01, gt=0, description="of the gaps' power law; 1: uniform")
    train: Annotated[tuple[Segment, ...], Field(min_length=1)] = Field(
        ((64, 4, 5.0), (128, 8, 1.0), (256, 16, 1.0), (256, 32, 1.0), (256, 64, 1.0)),
        description="trained: length, pairs and share of the batches",
    )
    test: Annotated[tuple[Point, ...], Field(min_length=1)] = Field(
        ((64, 4), (64, 8), (64, 16), (128, 32), (256, 64), (512, 128), (1024, 256)),
        description="tested: length and pairs",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for length, pairs in (*(segment[:2] for segment in self.train), *self.test):
            if length % 2 or length < 4 * pairs:
                raise ValueError(
                    f"length = {length} with {pairs} pairs: must be even and at least {4 * pairs}"
                )
            if pairs > min(self.keys, self.values):
                raise ValueError(
                    f"{pairs} pairs: more than different keys or values "
                    f"(keys = {self.keys}, values = {self.values})"
                )
        if len(set(self.test)) < len(self.test):
            raise ValueError(f"test = {self.test}: every point may be named once only")
        if not self._tested("validation"):
            raise ValueError(
                f"test = {self.test}: none lies within the trained lengths and pairs, "
                "so there is nothing to validate on"
            )
        return self

    @property
    def _blank(self) -> int:
        return SPECIALS + self.keys + self.values

    def problem(self) -> Problem:
        """Return sizes: keys, values and blank; the answers' classes are the values."""
        return Problem(source_size=self._blank + 1, target_size=self.values, readout="position")

    def _tested(self, split: HeldOut) -> tuple[Point, ...]:
        longest = max(length for length, _, _ in self.train)
        most = max(pairs for _, pairs, _ in self.train)
        return tuple(
            (length, pairs)
            for length, pairs in self.test
            if split == "test" or (length <= longest and pairs <= most)
        )

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return lengths and pairs tested; for validation those within the trained ones."""
        lengths, pairs = zip(*self._tested(split), strict=True)
        return {"length": tuple(sorted(set(lengths))), "pairs": tuple(sorted(set(pairs)))}

    def points(self, split: HeldOut) -> Iterator[dict[str, int]]:
        """Yield the points named, not every combination."""
        for length, pairs in self._tested(split):
            yield {"length": length, "pairs": pairs}

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return a step's batch, of one point drawn by the shares."""
        generator = np.random.default_rng([SCOPES["train"], seed, step])
        share = np.array([segment[2] for segment in self.train])
        length, pairs, _ = self.train[generator.choice(len(share), p=share / share.sum())]
        point = {"length": length, "pairs": pairs}
        return fill("train", batch_size, lambda count: self.draw(generator, count, point))

    def draw(
        self, generator: np.random.Generator, count: int, point: Mapping[str, int] | None
    ) -> Examples:
        """Draw sources (B, S) int64, targets (B, S) and their mask: True at the queries.

        Raises:
            ValueError: there is no point; a batch is drawn at one.
        """
        if point is None:
            raise ValueError("a batch of multi_query_recall is drawn at one point")
        length, pairs = point["length"], point["pairs"]
        key_BL = SPECIALS + _subset(generator, count, self.keys, pairs)
        value_BL = _subset(generator, count, self.values, pairs)
        gaps = (length - 2 * pairs) // 2
        weight_G = (self.power - 1) * np.log(np.arange(1, gaps + 1))
        # the largest of log-weights plus Gumbel noise are a draw without replacement
        noisy_BG = weight_G + generator.gumbel(size=(count, gaps))
        gap_BL = generator.permuted(np.argsort(-noisy_BG, axis=1)[:, :pairs], axis=1)
        query_BL = 2 * (pairs + gap_BL)
        source_BS = np.full((count, length), self._blank, dtype=np.int64)
        if self.fillers == "values":
            source_BS[:] = generator.integers(SPECIALS + self.keys, self._blank, size=source_BS.shape)
        source_BS[:, 0 : 2 * pairs : 2] = key_BL
        source_BS[:, 1 : 2 * pairs : 2] = SPECIALS + self.keys + value_BL
        np.put_along_axis(source_BS, query_BL, key_BL, axis=1)
        target_BS = np.zeros_like(source_BS)
        np.put_along_axis(target_BS, query_BL, value_BL, axis=1)
        mask_BS = np.zeros(source_BS.shape, dtype=np.bool_)
        np.put_along_axis(mask_BS, query_BL, True, axis=1)
        return Examples(
            source_BS,
            np.full(count, length, dtype=np.int64),
            target_BS,
            mask_BS,
            {name: np.full(count, value, dtype=np.int64) for name, value in point.items()},
        )

    def chance(self) -> float:
        """Return 1 / ``values``. (Guessing among the values of the source gives 1 / pairs.)"""
        return 1 / self.values

    def target_only_floor(self) -> float:
        """Return the mean of 1 / (values not yet answered): they are distinct within a source."""
        left = np.concatenate([self.values - np.arange(pairs) for _, pairs in self.test])
        return float((1 / left).mean())

    def facts(self) -> dict[str, float]:
        """Return the score of guessing among the values that a source holds, keys ignored."""
        return {"guess_among_seen": len(self.test) / sum(pairs for _, pairs in self.test)}

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the values of the keys that come again, in their order, as classes."""
        row, keys_end = source[:length].tolist(), SPECIALS + self.keys
        value: dict[int, int] = {}
        answers = []
        for key, after in zip(row[::2], row[1::2], strict=True):
            if key < keys_end and key not in value:
                value[key] = after - keys_end
            elif key < keys_end:
                answers.append(value[key])
        return np.array(answers)


def _subset(generator: np.random.Generator, count: int, size: int, chosen: int) -> NDArray[np.int64]:
    """Return ``chosen`` different numbers below ``size`` for each row, in random order: (B, L)."""
    random_BA = generator.random((count, size), dtype=np.float32)
    if chosen < size:
        return generator.permuted(random_BA.argpartition(chosen, axis=1)[:, :chosen], axis=1)
    return random_BA.argsort(axis=1)
