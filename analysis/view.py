"""Records as flat rows for figures and tables, with the columns that every chart asks for."""

import re
from functools import cache, cached_property
from typing import Any

import pandas as pd

from analysis.load import MAIN, Results
from analysis.translation import Translations
from analysis.tuning import Tuning
from experiments.record import Record

_BASE = [
    *("measure", "key", "block", "status", "reason", "architecture", "task", "seed", "scope"),
    *("part", "kernel", "n", "width", "batch", "comparison", "duration_s", "times"),
]
_METRICS = {
    "train": [
        *("test", "test_teacher_forced", "validation", "learning_rate", "converged", "chance"),
        *("parameters", "parameters_total", "steps", "training_flops", "seconds", "seconds_per_step"),
    ],
    "translate": [
        *("test", "test_teacher_forced", "validation", "learning_rate", "converged", "chance"),
        *("parameters", "parameters_total", "steps", "training_flops", "seconds", "seconds_per_step"),
        *("bleu", "chrf", "bleu_greedy", "chrf_greedy", "exact_match", "exact_match_greedy"),
    ],
    "step_time": ["seconds", "seconds_low", "seconds_high", "tokens_per_second", "rounds"],
    "memory": ["peak_bytes", "method"],
    "flops": ["forward", "backward", "formula", "agrees", "extrapolated"],
    "depth": ["forward", "training", "extrapolated"],
    "path": ["updates", "formula"],
}
_CATEGORIES = {"label", "class"}
_SLICES = ["task", "architecture", "seed", "split", "slice", "value", "accuracy", "count", "key"]


class View:
    """What the report reads: a store's results as flat rows."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.records = list(results.records.values())
        self.manifest = results.manifest

    @property
    def architectures(self) -> list[str]:
        """Return every architecture in legend order."""
        return self.results.architectures

    @cached_property
    def layers(self) -> dict[str, dict[str, Any]]:
        """Return architecture → part → theory, the part of Table 1 first."""
        known = self.manifest.get("layers", {})
        order = self.manifest.get("parts", {})
        return {
            name: {part: parts[part] for part in order.get(name, parts) if part in parts}
            for name, parts in known.items()
        }

    @cached_property
    def translations(self) -> Translations:
        """Return the runs of measure ``translate``, by setting and system."""
        return Translations(self.results)

    @cached_property
    def tuning(self) -> Tuning | None:
        """Return what was tuned, and what that changed; None where nothing is."""
        found = self.results.tuned
        return None if found is None else Tuning(found, self.records, self.results.others)

    @cached_property
    def about_translation(self) -> bool:
        """Whether the store is one of translation: nothing in it measures layers."""
        planned = {entry["cell"]["measure"] for entry in self.results.planned.values()}
        return "translate" in planned and not planned & set(MAIN)

    def first_part(self, architecture: str) -> str:
        """Return the part that is the architecture's row of Table 1, or an empty string."""
        return next(iter(self.layers.get(architecture, {})), "")

    def chance(self, task: str) -> float | None:
        """Return the score of blind guessing."""
        return self.results.chance(task)

    def is_regression(self, task: str) -> bool:
        """Whether the task's score is an error: its slices then carry totals, not correct answers."""
        return any(
            "total" in row
            for record in self.records
            if record.cell.task == task
            for row in record.slices
        )

    def slug(self, name: str) -> str:
        """Return a name for a file or an anchor: letters, digits and lines only, and no two alike."""
        text = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "unnamed"
        same = [other for other in self.architectures if _plain(other) == _plain(name)]
        return text if len(same) < 2 else f"{text}-{same.index(name)}"

    @cache  # noqa: B019 - a view lives as long as one report
    def frame(self, measure: str) -> pd.DataFrame:
        """Return one row a record of ``measure``, whatever its status; metrics are columns.

        Missing numbers are NaN. ``kernel`` is the class that ran.
        """
        metrics = _METRICS.get(measure, [])
        rows = [
            {**_row(record), **{name: record.metrics.get(name) for name in metrics}}
            for record in self.records
            if record.cell.measure == measure
        ]
        frame = pd.DataFrame(rows, columns=[*_BASE, *metrics])
        for column in ("n", "width", "batch", *metrics):
            if column not in ("converged", "method", "agrees", "extrapolated"):
                frame[column] = pd.to_numeric(frame[column], errors="coerce")
        return frame

    @cached_property
    def slices(self) -> pd.DataFrame:
        """Return one row for each record, split and slice value of classification tasks.

        A slice by the answer itself is no size: nothing is plotted against it.
        """
        rows = [
            {
                **{column: row.get(column) for column in ("split", "slice", "value", "count")},
                "accuracy": row["correct"] / row["count"] if row["count"] else None,
                "task": record.cell.task,
                "architecture": record.cell.architecture,
                "seed": record.cell.seed,
                "key": record.key,
            }
            for record in self.records
            if record.cell.measure == "train" and record.status == "ok"
            for row in record.slices
            if "correct" in row and row.get("slice") not in _CATEGORIES
        ]
        return pd.DataFrame(rows, columns=_SLICES)


def _row(record: Record) -> dict[str, Any]:
    cell, options = record.cell, record.cell.options
    return {
        "measure": cell.measure,
        "key": record.key,
        "block": record.block,
        "status": record.status,
        "reason": record.reason,
        "architecture": cell.architecture,
        "task": cell.task,
        "seed": cell.seed,
        "scope": options.get("scope", ""),
        "part": options.get("part") or "",
        "kernel": _kernel(record),
        "n": options.get("n"),
        "width": cell.model.get("width"),
        "batch": options.get("batch"),
        "comparison": options.get("comparison", ""),
        "duration_s": record.duration_s,
        "times": record.rounds,
    }


def _kernel(record: Record) -> str:
    """Return the kernel class that ran; of a cell that did not run, the one that was asked for."""
    asked = record.cell.model.get("attention") or record.cell.model.get("kernel") or ""
    ran = str(record.environment.get("kernel") or "")
    return ran or (asked if record.status != "ok" and asked != "auto" else "")


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
