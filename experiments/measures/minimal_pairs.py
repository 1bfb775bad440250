"""Measure ``minimal_pairs``: is the grammatical verb preferred, given what stands before it?"""

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from pydantic import Field

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.measures import base
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.train import prepare, trained_model
from experiments.tasks.agreement import Agreement
from experiments.tasks.base import Task
from models.errors import BadInput

SPLIT = "minimal pairs"


class MinimalPairs(Measure):
    """Accuracy on minimal pairs: the grammatical verb's number is the more probable, by construction.

    Targeted syntactic evaluation (Marvin and Linzen 2018) of the model of a training cell.
    """

    needs_task = True
    trains = True

    class Options(base.Options):
        """Which training cell is tested."""

        trained: str = Field(description="key of the training cell whose weights are used")

    @classmethod
    def accept(cls, task: Task) -> None:
        """Refuse a task without minimal pairs.

        Raises:
            BadInput: it is such a task.
        """
        if not isinstance(task, Agreement) or not task.pairs_content:
            raise BadInput(f"task = '{task.name}': measure 'minimal_pairs' needs its option 'pairs'.")

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Return ``test``, ``unknown_share`` and ``majority``; raw counts by construction and mismatch.

        Raises:
            BadInput: the task has no minimal pairs.
        """
        options = self.Options.model_validate(cell.options)
        subject = prepare(cell)
        task = subject.task
        self.accept(task)
        assert isinstance(task, Agreement)
        model = trained_model(subject, cell, options.trained, context)
        vocabulary = task.data.vocabulary
        counts: dict[tuple[str, Any], list[float]] = defaultdict(lambda: [0.0, 0.0])
        unknown, words, plural = 0, 0, 0
        for examples, pairs in task.minimal_pairs(4 * subject.recipe.batch_size):
            batch = to_batch(examples).to(model.device)
            with torch.inference_mode():
                answers = model(batch).argmax(dim=-1).cpu().numpy()
            for right, pair in zip((answers == examples.target).tolist(), pairs, strict=True):
                for key in (("construction", pair.construction), ("mismatch", pair.mismatch)):
                    counts[key][0] += right
                    counts[key][1] += 1
            plural += int(examples.target.sum())
            words += int(examples.source_lengths.sum())
            unknown += int(np.vectorize(vocabulary.is_unknown)(examples.source).sum())
        right, count = (
            sum(value[place] for key, value in counts.items() if key[0] == "mismatch")
            for place in (0, 1)
        )
        return Outcome(
            metrics={
                "test": right / count,
                "unknown_share": unknown / words,
                "majority": max(plural, count - plural) / count,
            },
            slices=[
                {"split": SPLIT, "slice": name, "value": value, "correct": found, "count": int(total)}
                for (name, value), (found, total) in sorted(counts.items(), key=str)
            ],
        )
