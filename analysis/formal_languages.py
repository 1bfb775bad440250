"""The formal-language tasks as analysis reads them: one score a run, and what the paper says.

Source: Delétang et al. 2023, "Neural Networks and the Chomsky Hierarchy" (arXiv:2207.02098).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analysis.load import Results
from analysis.spans import SOLVED
from analysis.wording import percent

LEVELS: dict[str, tuple[str, ...]] = {
    "regular": ("parity_check", "even_pairs", "cycle_navigation", "modular_arithmetic"),
    "context-free": ("reverse_string", "stack_manipulation", "modular_brackets"),
    "context-sensitive": (
        *("duplicate_string", "missing_duplicate", "odds_first", "binary_addition", "bucket_sort"),
    ),
}
LANGUAGES = tuple(task for tasks in LEVELS.values() for task in tasks)

PAPER = ("rnn", "lstm", "transformer")
"""Architectures of the paper that have the same name here."""

PAPER_SOLVES = {
    "rnn": {*LEVELS["regular"]},
    "lstm": {*LEVELS["regular"], "bucket_sort"},
    "transformer": {"even_pairs", "bucket_sort"},
}
"""Tasks with a score of 90 % or more (sections 5.1 and 5.2); all others have less."""

PAPER_SCORES = {("transformer", "cycle_navigation"): 0.619}
"""Scores that the paper's text names."""


@dataclass(frozen=True)
class Run:
    """One trained model's score beyond the trained lengths."""

    task: str
    architecture: str
    seed: int
    key: str
    score: float  # mean over the tested lengths of the accuracy at each
    guess: float  # the same of the best answer that reads nothing but the length
    converged: bool
    steps: int
    readout: str
    shortest: float  # tested length
    longest: float

    @property
    def solved(self) -> bool:
        """Whether it scores what the paper calls solved."""
        return self.score >= SOLVED


def runs(results: Results) -> list[Run]:
    """Return every finished run, by task in the order of the levels, architecture and seed."""
    legend = {name: place for place, name in enumerate(results.architectures)}
    found = []
    for task in LANGUAGES:
        for key, rows in results.slices(task, "length").groupby("key", sort=True):
            cell = results.planned[str(key)]["cell"]
            metrics = results.records[str(key)].metrics
            rows = rows[rows.value > cell["data"]["train_lengths"][1]]
            if rows.empty:
                continue
            found.append(
                Run(
                    task=task,
                    architecture=cell["architecture"],
                    seed=int(cell["seed"]),
                    key=str(key),
                    score=float(rows.accuracy.mean()),
                    guess=float(metrics.get("guessing") or metrics["chance"]),
                    converged=bool(metrics.get("converged", False)),
                    steps=int(metrics.get("steps") or 0),
                    readout=str(cell["data"].get("readout", "last")),
                    shortest=float(rows.value.min()),
                    longest=float(rows.value.max()),
                )
            )
    order = {task: place for place, task in enumerate(LANGUAGES)}
    return sorted(found, key=lambda r: (order[r.task], legend.get(r.architecture, len(legend)), r.seed))


@dataclass(frozen=True)
class Summary:
    """One architecture's runs on one task."""

    runs: tuple[Run, ...]

    @property
    def best(self) -> float:
        """Return the highest score of a seed, which is what the paper reports."""
        return max(run.score for run in self.runs)

    @property
    def mean(self) -> float:
        """Return the mean score over the seeds."""
        return float(np.mean([run.score for run in self.runs]))

    @property
    def solved(self) -> int:
        """Return how many seeds solve the task."""
        return sum(run.solved for run in self.runs)

    @property
    def unconverged(self) -> int:
        """Return how many of the seeds that do not solve it were still learning."""
        return sum(not run.solved and not run.converged for run in self.runs)


def summaries(found: Iterable[Run]) -> dict[tuple[str, str], Summary]:
    """Return (task, architecture) -> its runs, in order."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in found:
        groups.setdefault((run.task, run.architecture), []).append(run)
    return {pair: Summary(tuple(mine)) for pair, mine in groups.items()}


def published(architecture: str, task: str) -> str:
    """Return what the paper says of a pair, in words: its score, or on which side of 90 % it is."""
    score = PAPER_SCORES.get((architecture, task))
    if score is not None:
        return percent(score)
    return f"{'≥' if task in PAPER_SOLVES[architecture] else '<'} {percent(SOLVED, 0)}"
