"""Measure ``robustness``: accuracy when source tokens are cut off, dropped or swapped at test time.

B examples, S source positions.
"""

import zlib
from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.fit import Subject
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.tested import Sums
from experiments.measures.train import prepare, trained_model
from experiments.tasks.base import Examples, Task
from experiments.tasks.text import source_rows
from models.base import Seq2Seq
from models.errors import BadInput
from models.scoring import score_logits

Tokens = NDArray[np.int64]
Share = Annotated[float, Field(gt=0, lt=1)]


class Robustness(Measure):
    """Accuracy lost when 5 to 20 % of the source tokens are cut off, dropped or swapped at test time.

    The trained model is that of a training cell. The answers stay those of the whole source; where
    there is a target's prefix, it is given.
    """

    needs_task = True
    trains = True

    class Options(base.Options):
        """How much is corrupted, and which training cell is tested."""

        shares: tuple[Share, ...] = Field((0.05, 0.1, 0.2), min_length=1)
        trained: str = Field(description="key of the training cell whose weights are used")

    @classmethod
    def accept(cls, task: Task) -> None:
        """Refuse a task without classes, without sources of tokens, or with an answer for each of them.

        Raises:
            BadInput: it is such a task.
        """
        problem = task.problem()
        if problem.source_kind != "tokens" or problem.objective != "cross_entropy":
            raise BadInput(f"task = '{task.name}': measure 'robustness' needs tokens and classes.")
        if problem.readout == "position":
            raise BadInput(
                f"task = '{task.name}': measure 'robustness' cannot test readout 'position', where "
                "every source token has its own answer: that of a token that is gone is gone too."
            )

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return ``test`` and ``lost`` (mean over all corruptions), a curve a corruption, raw counts.

        Raises:
            BadInput: ``accept`` refuses the task.
        """
        options = self.Options.model_validate(cell.options)
        subject = prepare(cell)
        self.accept(subject.task)
        model = trained_model(subject, cell, options.trained, context)
        whole = _tested(model, subject, lambda tokens: tokens)
        slices = [_row("test", whole)]
        curves = {}
        for name, corrupt in CORRUPTIONS.items():
            curve = [[0.0, whole.score()]]
            for share in options.shares:
                context.progress(f"{name} {share:.0%}")
                sums = _tested(model, subject, lambda tokens, c=corrupt, s=share: c(tokens, s))  # type: ignore[misc]
                slices.append(_row(split_name(name, share), sums))
                curve.append([share, sums.score()])
            curves[name] = curve
        lost = [whole.score() - value for curve in curves.values() for _, value in curve[1:]]
        metrics = {"test": whole.score(), "lost": float(np.mean(lost))}
        return Outcome(metrics=metrics, slices=slices, curves=curves)


def split_name(corruption: str, share: float) -> str:
    """Return the name of a corrupted test split in a record, such as ``test/drop 10%``."""
    return f"test/{corruption} {100 * share:g}%"


def cut(tokens_S: Tokens, share: float) -> Tokens:
    """Return the tokens without the first ones; the last one always stays."""
    return tokens_S[min(_count(tokens_S, share, "cut"), len(tokens_S) - 1) :]


def drop(tokens_S: Tokens, share: float) -> Tokens:
    """Return the tokens without random ones; one always stays."""
    count = min(_count(tokens_S, share, "drop"), len(tokens_S) - 1)
    gone = _random(tokens_S, "drop places").permutation(len(tokens_S))[:count]
    return np.delete(tokens_S, gone)


def swap(tokens_S: Tokens, share: float) -> Tokens:
    """Return the tokens with random neighbours swapped: half as many pairs as tokens are to move."""
    pairs = min(_count(tokens_S, share / 2, "swap"), len(tokens_S) // 2)
    random, swapped = _random(tokens_S, "swap places"), tokens_S.copy()
    free = np.ones(len(tokens_S), dtype=bool)
    for place in random.permutation(len(tokens_S) - 1) if len(tokens_S) > 1 else ():
        if pairs and free[place] and free[place + 1]:
            swapped[[place, place + 1]] = tokens_S[[place + 1, place]]
            free[[place, place + 1]] = False
            pairs -= 1
    return swapped


CORRUPTIONS: dict[str, Callable[[Tokens, float], Tokens]] = {"cut": cut, "drop": drop, "swap": swap}


def corrupted(examples: Examples, corrupt: Callable[[Tokens], Tokens]) -> Examples:
    """Return the examples with each source row corrupted, and padded again."""
    rows = [
        corrupt(row[:length])
        for row, length in zip(examples.source, examples.source_lengths.tolist(), strict=True)
    ]
    source, lengths = source_rows([row.tolist() for row in rows])
    return Examples(source, lengths, examples.target, examples.target_mask, examples.slices)


def _count(tokens_S: Tokens, share: float, use: str) -> int:
    """Return how many tokens a share means, rounded at random so that it is met on average."""
    return int(share * len(tokens_S) + _random(tokens_S, use).random())


def _random(tokens_S: Tokens, use: str) -> np.random.Generator:
    # a function of the example alone: the same for every model, batch size and seed; and the tokens
    # that go at 5 % go at 10 % too
    return np.random.default_rng([zlib.crc32(tokens_S.tobytes()), zlib.crc32(use.encode())])


@torch.inference_mode()
def _tested(model: Seq2Seq, subject: Subject, corrupt: Callable[[Tokens], Tokens]) -> Sums:
    sums = Sums()
    for examples in subject.task.evaluation("test", 4 * subject.recipe.batch_size):
        changed = corrupted(examples, corrupt)
        batch = to_batch(changed).to(model.device)
        sums.add(changed, score_logits(model(batch), batch, model.problem))
    return sums


def _row(split: str, sums: Sums) -> dict[str, object]:
    return {"split": split, "slice": "all", "value": 0, "correct": sums.total, "count": sums.count}
