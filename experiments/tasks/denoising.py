"""Denoising: reconstruct the sources of another task from corrupted ones; its targets are not read.

B examples, S source positions, T target positions.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.corpora.markov import Markov
from experiments.tasks.base import Examples, HeldOut, Task
from experiments.tasks.find import task_for
from experiments.tasks.text import examples_of
from models.errors import BadInput
from models.problem import BOS, EOS, SPECIALS, Problem

MASK = BOS
"""Stands for a masked word: no source contains it, and every vocabulary has it."""

Row = NDArray[np.int64]

_SCOPE = 3006


class Denoising(Task):
    """Reconstruct text from which words were dropped, masked and shuffled: pretraining without labels.

    The text is the sources of another task, ``of`` with the options ``data``, in its own vocabulary, so
    that an encoder and its embedding can go on from here to that task. Of a longer source one stretch
    of ``max_tokens`` words is read, drawn anew whenever it is seen in training. The noise is that of
    Lample et al. 2018 ("Unsupervised Machine Translation Using Monolingual Corpora Only", section 2.3;
    for vectors of sentences Hill, Cho and Korhonen 2016, for a Transformer Lewis et al. 2020): words
    are dropped, masked, and moved by at most ``shuffle`` places. The target is the stretch as it was,
    and EOS.

    >>> task = Denoising(of="documents", drop=0.5, mask=0, shuffle=0, max_tokens=6)
    >>> batch = next(task.evaluation("test", 2))
    >>> batch.source.tolist()
    [[16, 134, 97, 158], [512, 135, 138, 0]]
    >>> batch.target.tolist()
    [[16, 134, 80, 97, 274, 158, 2], [147, 17, 512, 135, 138, 5, 2]]
    """

    name: ClassVar[str] = "denoising"

    of: str = Field("documents", description="task whose sources are the text")
    data: dict[str, Any] = Field(default_factory=dict, description="options of that task")
    drop: float = Field(0.1, ge=0, lt=1, description="share of the words that are left out")
    mask: float = Field(0.1, ge=0, lt=1, description="share of the other words that are masked")
    shuffle: int = Field(3, ge=0, description="places that a word moves by, at most")
    max_tokens: int = Field(32, gt=1, description="words of a source that are read")

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """Fill in the other task's options; a corpus is read here once."""
        if not isinstance(given, dict) or not isinstance(given.get("data", {}), Mapping):
            return given
        of = str(given.get("of", "documents"))
        if of == cls.name:
            raise BadInput(f"of = '{of}': name the task whose text is to be restored.")
        task = task_for(of, given.get("data"))
        problem = task.problem()
        if problem.source_kind != "tokens":
            raise BadInput(f"of = '{of}': its source is {problem.source_kind}, and not tokens.")
        return {**given, "data": task.model_dump(mode="json")}

    @property
    def text(self) -> Task:
        """Return the task whose sources these are."""
        return _text(self.of, json.dumps(self.data, sort_keys=True))

    def problem(self) -> Problem:
        """Return the sizes: one vocabulary on both sides."""
        size = self.text.problem().source_size
        return Problem(source_size=size, target_size=size)

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return the step's corrupted (B, S) and original (B, T) text."""
        generator = np.random.default_rng([_SCOPE, seed, step])
        sources = self._sources(self.text.train_batch(seed, step, self._asked(batch_size)))
        whole = [self._stretch(row, generator) for row in sources[:batch_size]]
        return examples_of(
            [self.corrupted(row, generator) for row in whole], [_ended(row) for row in whole]
        )

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the held-out text, each source's stretch and noise a function of itself alone."""
        for examples in self.text.evaluation(split, self._asked(batch_size)):
            sources = self._sources(examples)
            for begin in range(0, len(sources), batch_size):
                corrupted, whole = [], []
                for row in sources[begin : begin + batch_size]:
                    generator = np.random.default_rng([_SCOPE, zlib.crc32(row.tobytes())])
                    whole.append(self._stretch(row, generator))
                    corrupted.append(self.corrupted(whole[-1], generator))
                yield examples_of(corrupted, [_ended(row) for row in whole])

    def corrupted(self, row_S: Row, generator: np.random.Generator) -> Row:
        """Return a row with words dropped, then masked, then moved; one word always stays."""
        kept = generator.random(len(row_S)) >= self.drop
        kept[generator.integers(len(row_S))] |= not kept.any()
        found = row_S[kept]
        found = np.where(generator.random(len(found)) < self.mask, MASK, found)
        # no word overtakes one that is more than ``shuffle`` places away
        places = np.arange(len(found)) + generator.uniform(0, self.shuffle + 1, size=len(found))
        return found[np.argsort(places, kind="stable")] if self.shuffle else found

    def _asked(self, batch_size: int) -> int:
        """Return what to ask the other task for: enough rows, where it counts tokens mostly so."""
        tokens = self.text.batch_unit == "tokens"
        return batch_size * 4 * self.max_tokens if tokens else batch_size

    def _sources(self, examples: Examples) -> list[Row]:
        """Return the words of each source, reserved tokens left out."""
        rows = zip(examples.source, examples.source_lengths.tolist(), strict=True)
        words = [row[:length][row[:length] >= SPECIALS] for row, length in rows]
        return [row for row in words if len(row)]

    def _stretch(self, row: Row, generator: np.random.Generator) -> Row:
        begin = int(generator.integers(max(1, len(row) - self.max_tokens + 1)))
        return row[begin : begin + self.max_tokens]

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return no slices."""
        return {}

    def chance(self) -> float:
        """Return the accuracy of guessing tokens blindly."""
        return 1 / self.problem().target_size

    def target_only_floor(self) -> float:
        """Return the token accuracy of a first-order Markov model of the text."""
        return _floor(self.of, json.dumps(self.data, sort_keys=True), self.max_tokens)

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return the text of a corrupted held-out source: what was there before is the only oracle."""
        wanted = source[:length]
        for split in get_args(HeldOut):
            for examples in self.evaluation(split, 64):
                for row, size, target in zip(
                    examples.source, examples.source_lengths, examples.target, strict=True
                ):
                    if np.array_equal(row[:size], wanted):
                        return np.asarray(target[target != 0])
        raise ValueError("no such source in the held-out text")


def _ended(row: Row) -> Row:
    return np.append(row, EOS)


@lru_cache(maxsize=4)
def _text(of: str, data: str) -> Task:
    return task_for(of, json.loads(data))


@lru_cache(maxsize=4)
def _floor(of: str, data: str, max_tokens: int) -> float:
    """Return the accuracy on the test split of a model counted on some of the training text."""
    task = Denoising(of=of, data=json.loads(data), max_tokens=max_tokens)
    rows = [
        target[target != 0]
        for step in range(_FLOOR_STEPS)
        for target in task.train_batch(0, step, 64).target
    ]
    markov = Markov(np.concatenate(rows).astype(np.uint32), task.problem().target_size)
    tests = [row[row != 0].tolist() for batch in task.evaluation("test", 64) for row in batch.target]
    return markov.accuracy(tests)


_FLOOR_STEPS = 50
"""Batches of 64 stretches that the floor's model is counted on."""
