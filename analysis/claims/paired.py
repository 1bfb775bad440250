"""Scores of two settings of training on the same seeds: what claims about quality compare."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.claims.seeds import planned_first
from analysis.load import Results, chosen
from analysis.pairing import pairs, unconverged

__all__ = ["Matches", "Run", "Setting", "pairs", "set_aside", "setting", "to_show"]

Matches = Callable[[Mapping[str, Any]], bool]
"""Whether a model's options are those of a setting; what stands at its default may be absent."""


@dataclass(frozen=True)
class Run:
    """One finished training run."""

    key: str
    seed: int
    score: float  # on the test set
    converged: bool


@dataclass(frozen=True)
class Setting:
    """The runs of one architecture with certain options on one task, by seed."""

    name: str  # in words
    runs: Mapping[int, Run]
    unfinished: tuple[str, ...]  # planned runs without a result, in words


def setting(
    results: Results, name: str, task: str, architecture: str, matches: Matches = lambda model: True
) -> Setting | None:
    """Return the runs, or None where none is planned.

    Of several configurations that match, the one with most seeds is taken, of those with equally many
    the one that the plan names first.
    """
    rows = results.training(task)
    rows = rows[rows.architecture == architecture]
    rows = chosen(rows, "model", matches)
    if rows.empty:
        return None
    rows = planned_first(results, rows)
    ok = rows[rows.status == "ok"]
    runs = {
        int(seed): Run(key, int(seed), float(score), bool(converged))
        for key, seed, score, converged in zip(ok.key, ok.seed, ok.test, ok.converged, strict=True)
    }
    unfinished = tuple(
        f"{name} on {task} {str(status).replace('_', ' ')} "
        f"(seed {', '.join(str(seed) for seed in sorted(group.seed))})"
        for status, group in rows[rows.status != "ok"].groupby("status")
    )
    return Setting(name, runs, unfinished)


def to_show(one: Setting, other: Setting) -> tuple[list[tuple[Run, Run]], str]:
    """Return the pairs that the effect so far is told from, and what must be said of them."""
    if found := pairs(one, other):
        return found, ""
    return pairs(one, other, converged=False), "Over seeds that had not all converged: "


def set_aside(settings: Sequence[Setting]) -> str:
    """Return a clause on runs that had not converged, or an empty string."""
    counts = {s.name: sum(not run.converged for run in s.runs.values()) for s in settings}
    return unconverged(counts)
