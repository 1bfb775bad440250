"""The seeds that a claim about distance may rest on: finished, converged, and paired by seed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.load import Results
from analysis.pairing import unconverged
from analysis.spans import SeedCurve, seed_curves
from analysis.style import short_name
from experiments.cell import digest

SLICE = "distance"


@dataclass(frozen=True)
class Seeds:
    """Accuracy against distance of some architectures on one task, seed by seed."""

    task: str
    one_length: bool  # all sources have one total length, so that the distance alone varies
    curves: Mapping[str, Mapping[int, SeedCurve]]  # architecture -> seed -> finished run
    unfinished: tuple[str, ...]  # planned runs without a result, in words

    def converged(self, architecture: str) -> list[SeedCurve]:
        """Return the runs that had converged, by seed."""
        runs = self.curves.get(architecture, {})
        return [runs[seed] for seed in sorted(runs) if runs[seed].converged]

    def pairs(self, one: str, other: str) -> list[tuple[SeedCurve, SeedCurve]]:
        """Return the runs of two architectures on the same seed, both converged."""
        others = {run.seed: run for run in self.converged(other)}
        return [(run, others[run.seed]) for run in self.converged(one) if run.seed in others]

    def finished(self, architecture: str) -> list[SeedCurve]:
        """Return the runs that have a result, converged or not, by seed."""
        runs = self.curves.get(architecture, {})
        return [runs[seed] for seed in sorted(runs)]

    def to_show(self, *architectures: str) -> tuple[list[list[SeedCurve]], str]:
        """Return the runs that the effect so far is told from, and what must be said of them.

        One list an architecture, paired by seed: the converged, or where none is, all that finished.
        """
        for choose in (self.converged, self.finished):
            lists = [choose(name) for name in architectures]
            shared = set.intersection(*({run.seed for run in runs} for runs in lists))
            if shared:
                kept = [[run for run in runs if run.seed in shared] for runs in lists]
                return (
                    kept,
                    "" if choose == self.converged else "Over seeds that had not all converged: ",
                )
        return [], ""

    def set_aside(self, *architectures: str) -> str:
        """Return a clause on runs that had not converged, or an empty string."""
        counts = {
            name: sum(not run.converged for run in self.curves.get(name, {}).values())
            for name in architectures
        }
        return unconverged({short_name(name): count for name, count in counts.items()})


def distance_task(results: Results) -> str | None:
    """Return the task whose accuracy is kept by distance and that most architectures are trained on.

    Of several the first; the task of language apart.
    """
    training = results.training()
    planned = set(training.task) - set(results.tasks_with("attractors"))
    found = [task for task in results.tasks_with(SLICE) if task in planned]
    compared = training.groupby("task").architecture.nunique()
    return max(found, key=lambda task: int(compared[task]), default=None)


def planned_first(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one configuration: that with most seeds, of several the one planned first."""
    recipes = [results.planned[key]["cell"].get("recipe", {}) for key in rows.key]
    settings = [digest(parts) for parts in zip(rows.model, rows.data, recipes, strict=True)]
    counts = Counter(settings)
    keys = zip(rows.key, settings, strict=True)
    chosen = min(keys, key=lambda row: (-counts[row[1]], results.places.get(row[0], 0)))[1]
    return rows[pd.Series(settings, rows.index) == chosen]


def gather(
    results: Results, architectures: Sequence[str], model: Mapping[str, Any] | None = None
) -> Seeds | str:
    """Return the runs of ``architectures`` on the task with distances, or what the store lacks.

    ``model`` restricts the configurations. Of several, the one with most seeds is taken, of those with
    equally many the one that the plan names first.
    """
    task = distance_task(results)
    if task is None:
        return "no task with accuracy by distance"
    training = results.training(task)
    curves = {curve.key: curve for curve in seed_curves(results, task, SLICE)}
    found: dict[str, dict[int, SeedCurve]] = {}
    unfinished: list[str] = []
    lengths = set()
    for architecture in architectures:
        rows = training[training.architecture == architecture]
        if model:
            matches = [all(m.get(k, v) == v for k, v in model.items()) for m in rows.model]
            rows = rows[matches]
        if rows.empty:
            return f"{short_name(architecture)} on {task}"
        rows = planned_first(results, rows)
        lengths |= {data.get("length") for data in rows.data}
        found[architecture] = {
            int(seed): curves[key]
            for seed, key in zip(rows.seed, rows.key, strict=True)
            if key in curves
        }
        for status, group in rows[rows.status != "ok"].groupby("status"):
            seeds = ", ".join(str(seed) for seed in sorted(group.seed))
            unfinished.append(
                f"{short_name(architecture)} {str(status).replace('_', ' ')} (seed {seeds})"
            )
    return Seeds(task, None not in lengths, found, tuple(unfinished))
