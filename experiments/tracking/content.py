"""What a record becomes in Weights & Biases: config, series with axes of their own, summary. Pure.

W&B joins nested names with dots (``model.width``) and sections with slashes (``curves/validation``).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from experiments.cell import Cell
from experiments.progress import label
from experiments.record import Record

RESULTS = ("ok", "diverged", "pruned", "skipped")
"""Statuses of a run that ended by itself; W&B shows the others as failed."""

_AXES = {"gradient": "k", "robustness": "share"}  # measure -> what its curves run over; else steps


@dataclass(frozen=True)
class Series:
    """Points (x, y) that W&B plots as ``name`` against ``axis``."""

    name: str
    axis: str
    points: list[tuple[float, float]]


def config(cell: Cell, **further: Any) -> dict[str, Any]:
    """Return everything that was decided before the cell ran; versions and options stay nested."""
    return {**cell.model_dump(mode="json"), "key": cell.key, **further}


def name(cell: Cell) -> str:
    """Return the run's name: the cell in a few words."""
    return label(cell)


def tags(cell: Cell) -> list[str]:
    """Return what runs are filtered by most."""
    return [part for part in (cell.measure, cell.architecture, cell.task) if part]


def curve_name(curve: str) -> str:
    """Return a curve's name in W&B: ``validation@0.001`` is ``curves/validation/rate_0_001``."""
    return safe(f"curves/{curve.replace('@', '/rate_')}")


def curve_axis(curve: str, measure: str) -> str:
    """Return the name of what a curve runs over: steps, FLOPs, seconds, k or share."""
    _, by, unit = curve.partition("by_")
    return f"{curve_name(curve)}_{unit if by else _AXES.get(measure, 'step')}"


def safe(text: str) -> str:
    """Return a name that W&B charts take: a dot would mean nesting, a space breaks its queries."""
    return re.sub(r"[^A-Za-z0-9_/-]+", "_", text)


def series(record: Record) -> list[Series]:
    """Return all curves and slices of a record, every point as it stands there."""
    parts = (_curves(record), _slices(record.slices), _rounds(record.rounds), _by_length(record))
    return [each for part in parts for each in part]


def _curves(record: Record) -> Iterable[Series]:
    for curve, points in sorted(record.curves.items()):
        axis = curve_axis(curve, record.cell.measure)
        yield Series(curve_name(curve), axis, [(x, y) for x, y in points])


def _slices(rows: Iterable[dict[str, Any]]) -> Iterable[Series]:
    """Yield accuracy (or mean squared error) by slice value, where the values are numbers."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in rows:
        right = row.get("correct", row.get("total"))
        value = row.get("value")
        if right is None or not row.get("count") or isinstance(value, bool | str | None):
            continue
        found.setdefault((row["split"], row["slice"]), []).append((value, right / row["count"]))
    for (split, by), points in found.items():
        what = safe(f"slices/{split}/{by}")
        yield Series(what, f"{what}_value", points)


def _rounds(rounds: list[float]) -> Iterable[Series]:
    if rounds:
        points = [(float(index), seconds) for index, seconds in enumerate(rounds)]
        yield Series("rounds/seconds", "rounds/seconds_round", points)


def _by_length(record: Record) -> Iterable[Series]:
    """Yield the metrics of a cell of length n as one point each: a line over its group's runs."""
    n = record.cell.options.get("n")
    if n is not None and record.status == "ok":
        for metric, value in record.metrics.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield Series(
                    safe(f"by_length/{record.cell.measure}/{metric}"), "by_length/n", [(n, value)]
                )


def summary(record: Record) -> dict[str, Any]:
    """Return all metrics under their own names, and how the cell ended."""
    return {
        **record.metrics,
        "status": record.status,
        "reason": record.reason,
        "started": record.started,
        "duration_s": record.duration_s,
        "slices": slice_counts(record.slices),
        "trials": record.trials,
        "environment": record.environment,
    }


def slice_counts(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return split -> slice -> value -> raw counts; W&B shows ``slices.test.distance.64.correct``."""
    found: dict[str, Any] = {}
    for row in rows:
        counts = {key: n for key, n in row.items() if key not in ("split", "slice", "value")}
        found.setdefault(row["split"], {}).setdefault(row["slice"], {})[str(row.get("value"))] = counts
    return found
