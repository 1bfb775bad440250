"""Training with one option changed, beside the training that it is held against.

A store may hold several plans that train one architecture on one task. What differs from another
configuration in nothing but one option is found by comparing the configurations themselves, so that
no run of another question slips in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from analysis.claims.base import Claim, Verdict
from analysis.claims.paired import Run, Setting, pairs
from analysis.claims.quality import higher
from analysis.load import MISSING, Results
from experiments.cell import digest
from experiments.record import Record

Part = Literal["model", "recipe"]

SIZES = frozenset({"width", "feedforward"})
"""Options of a model that a parameter budget solves for."""

LEARNED = 0.1
"""Share of what lies between chance and perfect that a run must reach: below it nothing was learned."""

NOT_LEARNED = "the task was not learned at this budget, which says nothing of it"


@dataclass(frozen=True, eq=False)
class Configuration:
    """The cells of one configuration of an architecture on one task, all seeds of it."""

    task: str
    model: Mapping[str, Any]
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    keys: Mapping[int, str]  # seed -> key of the cell, in the order of the seeds

    def option(self, part: Part, name: str, default: Any = None) -> Any:
        """Return an option of the model or the recipe."""
        return (self.model if part == "model" else self.recipe).get(name, default)

    def statuses(self, results: Results) -> dict[int, str]:
        """Return what became of each seed's cell."""
        records = results.records
        return {s: records[k].status if k in records else MISSING for s, k in self.keys.items()}

    def records(self, results: Results) -> dict[int, Record]:
        """Return the finished records, by seed."""
        return {
            seed: results.records[self.keys[seed]]
            for seed, status in self.statuses(results).items()
            if status == "ok"
        }

    def setting(self, results: Results, name: str) -> Setting:
        """Return the runs under a name, in words, for claims on quality."""
        runs = {
            seed: Run(
                record.key,
                seed,
                float(record.metrics["test"]),
                bool(record.metrics.get("converged", False)),
            )
            for seed, record in self.records(results).items()
        }
        return Setting(name, runs, self.unfinished(results, name))

    def unfinished(self, results: Results, name: str) -> tuple[str, ...]:
        """Return the cells without a result, in words."""
        seeds: dict[str, list[str]] = {}
        for seed, status in self.statuses(results).items():
            if status != "ok":
                seeds.setdefault(status.replace("_", " "), []).append(str(seed))
        return tuple(
            f"{name} on {self.task} {status} (seed {', '.join(which)})"
            for status, which in sorted(seeds.items())
        )


def configurations(
    results: Results, task: str, architecture: str = "transformer", measure: str = "train"
) -> list[Configuration]:
    """Return the planned configurations of an architecture on a task, in the plan's order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for key in sorted(results.planned, key=lambda key: (results.places.get(key, 0), key)):
        cell = results.planned[key]["cell"]
        if (cell["measure"], cell["architecture"], cell["task"]) == (measure, architecture, task):
            about = [cell[name] for name in ("model", "recipe", "data", "options")]
            found.setdefault(digest(about), []).append((int(cell["seed"]), key))
    return [
        Configuration(
            task,
            **{name: cells[keys[0][1]]["cell"][name] for name in ("model", "recipe", "data")},
            keys=dict(sorted(keys)),
        )
        for keys in found.values()
        for cells in (results.planned,)
    ]


def against(
    found: list[Configuration], part: Part, option: str, value: Any, default: Any
) -> Iterator[tuple[Configuration, Configuration]]:
    """Yield what has ``value`` for an option, each with the first that differs in that option alone.

    Sizes of the model may differ, too: they meet a parameter budget.

    Args:
        found: configurations of one task and one measure.
        part: whose option it is.
        option: its name.
        value: of the first of each pair.
        default: what it is where it is absent.
    """
    for one in found:
        if one.option(part, option, default) != value:
            continue
        for other in found:
            if other.option(part, option, default) != value and _rest(one, part, option) == _rest(
                other, part, option
            ):
                yield one, other
                break


def most_seeds(
    found: Iterator[tuple[Configuration, Configuration]],
) -> tuple[Configuration, Configuration] | None:
    """Return the pair with most seeds in common, of several the one planned first."""
    every = list(found)
    return max(every, key=lambda pair: len(set(pair[0].keys) & set(pair[1].keys)), default=None)


def higher_if_learned(
    claim: Claim, results: Results, one: Setting, other: Setting, where: str, **about: Any
) -> Verdict:
    """Return the verdict on "``one`` scores higher", open where neither of the two learned the task.

    Two that guess score alike, which refutes nothing.
    """
    found = higher(claim, one, other, where, **about)
    known = pairs(one, other)
    if found.verdict == "refuted" and known:
        best = max(float(np.mean([run.score for run in side])) for side in zip(*known, strict=True))
        if not learned(best, _chance(results, known[0][0])):
            return replace(found, verdict="inconclusive", missing=NOT_LEARNED)
    return found


def learned(score: float, chance: float) -> bool:
    """Whether a score lies clearly above chance."""
    return score >= chance + LEARNED * (1 - chance)


def _chance(results: Results, run: Run) -> float:
    return float(results.records[run.key].metrics.get("chance") or 0.0)


def _rest(one: Configuration, part: Part, option: str) -> str:
    model = {k: v for k, v in one.model.items() if k not in SIZES and (part, option) != ("model", k)}
    recipe = {k: v for k, v in one.recipe.items() if (part, option) != ("recipe", k)}
    return digest([model, recipe, one.data])
