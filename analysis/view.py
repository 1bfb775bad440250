"""Records as flat rows for figures and tables, with the columns that every chart asks for."""

import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from experiments.record import Record
from experiments.store import Store, read_json

_BASE = [
    *("measure", "key", "block", "status", "reason", "architecture", "task", "seed", "scope"),
    *("part", "kernel", "n", "width", "batch", "comparison", "duration_s", "times"),
]
_METRICS = {
    "train": [
        *("test", "test_teacher_forced", "validation", "learning_rate", "converged", "chance"),
        *("parameters", "parameters_total", "steps", "training_flops", "seconds", "seconds_per_step"),
    ],
    "step_time": ["seconds", "seconds_low", "seconds_high", "tokens_per_second", "rounds"],
    "memory": ["peak_bytes", "method"],
    "flops": ["forward", "backward", "formula", "agrees", "extrapolated"],
    "depth": ["forward", "training", "extrapolated"],
    "path": ["updates", "formula"],
}
_SLICES = ["task", "architecture", "seed", "split", "slice", "value", "accuracy", "count", "key"]


class View:
    """What the report reads: records, manifest, and both as flat rows."""

    def __init__(self, records: Sequence[Record], manifest: Mapping[str, Any]) -> None:
        self.records = sorted(records, key=lambda record: record.key)
        self.manifest = manifest

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a store.

        Raises:
            BadInput: there is no manifest, or a file is damaged or of a newer version.
        """
        store = Store(folder)
        store.check_format()
        return cls(list(store), read_json(store.manifest))

    @cached_property
    def architectures(self) -> list[str]:
        """Return every architecture in legend order, those that only records know last."""
        known = list(self.manifest.get("architectures", []))
        found = {record.cell.architecture for record in self.records}
        return [*known, *sorted(found - set(known))]

    @cached_property
    def layers(self) -> dict[str, dict[str, Any]]:
        """Return architecture → part → theory, the part of Table 1 first."""
        known = self.manifest.get("layers", {})
        order = self.manifest.get("parts", {})
        return {
            name: {part: parts[part] for part in order.get(name, parts) if part in parts}
            for name, parts in known.items()
        }

    def first_part(self, architecture: str) -> str:
        """Return the part that is the architecture's row of Table 1, or an empty string."""
        return next(iter(self.layers.get(architecture, {})), "")

    def chance(self, task: str) -> float | None:
        """Return the score of blind guessing, by the records, else by the manifest."""
        for record in self.records:
            if record.cell.task == task and record.metrics.get("chance") is not None:
                return float(record.metrics["chance"])
        value = self.manifest.get("tasks", {}).get(task, {}).get("chance")
        return None if value is None else float(value)

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

        Missing numbers are NaN. ``kernel`` is the class that ran, else the one that was asked for.
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
        """Return one row for each record, split and slice value of classification tasks."""
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
            if "correct" in row
        ]
        return pd.DataFrame(rows, columns=_SLICES)

    def planned(self) -> dict[str, Any]:
        """Return the manifest's cells, key → {cell, block, theory}."""
        return dict(self.manifest.get("cells", {}))

    def missing(self) -> list[str]:
        """Return the keys of planned cells without a record."""
        have = {record.key for record in self.records}
        return sorted(set(self.planned()) - have)


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
    """Return the kernel class that ran, else the one that was asked for.

    ``torch loop``: torch's own operator was asked for and is no fused kernel on that device, as
    ``nn.RNN``'s on a CPU; it is another loop than the one over cells that ``loop`` asks for.
    """
    model, options = record.cell.model, record.cell.options
    asked = model.get("kernel") or model.get("attention") or ""
    ran = str(record.environment.get("kernel") or "")
    if not ran:
        return asked if options.get("scope") == "layer" and asked != "auto" else ""
    return "torch loop" if (ran, model.get("kernel")) == ("loop", "fused") else ran


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
