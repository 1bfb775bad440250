"""Table ``memory_tasks``: losses on copying memory and adding beside that of remembering nothing.

Both tasks have losses that look small with nothing learned: 10 ln 8 / (T + 20) nats a position for
copying memory over T steps (Arjovsky, Shah and Bengio 2016, section 4.1), 1/6 for adding.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.style import short_name, styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import fixed, number, plural
from experiments.cell import digest
from experiments.record import Record

TASKS = ("copy_memory", "adding")

REMEMBERS = 0.9
"""Share of the memoryless loss that a model must fall below to have remembered anything."""

Loss = tuple[float, float]
"""Loss on the test set, and that of a model that remembers nothing."""


def losses(view: View) -> Table | None:
    """Return one row a task, its size, an architecture and its forget bias; None without records.

    The view is one of all planned settings: the forget bias is what is compared.
    """
    groups: dict[str, list[tuple[Record, Loss]]] = {}
    planned: dict[str, int] = {}
    order = view.results.places
    keys = sorted(view.results.planned, key=lambda key: (order.get(key, 0), key))
    for key in keys:
        cell = view.results.planned[key]["cell"]
        if cell["measure"] != "train" or cell["task"] not in TASKS:
            continue
        names = ("task", "data", "architecture", "model", "recipe")
        group = digest([cell[name] for name in names])
        planned[group] = planned.get(group, 0) + 1
        record = view.results.records.get(key)
        if record is not None and (loss := _loss(record)) is not None:
            groups.setdefault(group, []).append((record, loss))
    if not groups:
        return None
    rows, data = [], []
    for group in sorted(groups, key=lambda group: TASKS.index(groups[group][0][0].cell.task or "")):
        found = groups[group]
        rows.append(_row(view, found, planned[group]))
        data += [
            {
                "task": record.cell.task,
                "size": _size(record.cell.task or "", record.cell.data),
                "architecture": record.cell.architecture,
                "forget_bias": record.cell.model.get("forget_bias"),
                "seed": record.cell.seed,
                "loss": loss,
                "memoryless_loss": memoryless,
                "converged": bool(record.metrics.get("converged", False)),
            }
            for record, (loss, memoryless) in found
        ]
    return Table(
        name="memory_tasks",
        title="Copying memory and adding: loss beside that of remembering nothing",
        caption="Test loss, mean over seeds, and its ratio to the loss of the best model without any "
        "memory. A ratio of 1 says that nothing was remembered, however small the loss.",
        columns=(
            Column("Task"),
            Column("Architecture"),
            Column("Test loss", "num", "mean; each seed"),
            Column("Memoryless", "num"),
            Column("Ratio", "num"),
            Column("Converged", "num", "of seeds"),
            Column("Remembers"),
        ),
        rows=tuple(rows),
        notes=(
            "Nats a position for copying memory, squared error for adding. Memoryless: "
            "10 ln 8 / (T + 20) where every position counts, ln 8 where the symbols alone do; and 1/6.",
            "Chrono: forget and input gates start with biases that match dependencies up to the "
            "task’s length (Tallec and Ollivier 2018).",
            f"Remembers: a loss of less than {REMEMBERS} of the memoryless one. A run that does not "
            "and had converged was on a plateau, which may still end later.",
        ),
        data=pd.DataFrame(data),
        keys=keys_of(record.key for found in groups.values() for record, _ in found),
    )


def _loss(record: Record) -> Loss | None:
    """Return a finished run's loss and the memoryless one; None where it has no such loss."""
    metrics = record.metrics
    if record.status != "ok":
        return None
    if record.cell.task == "copy_memory":
        return float(metrics["test_loss"]), float(metrics["memoryless_loss"])
    if record.cell.data.get("objective", "regression") != "regression":
        return None
    return float(metrics["test"]), float(metrics["chance"])


def _row(view: View, found: list[tuple[Record, Loss]], planned: int) -> tuple[Entry, ...]:
    first = found[0][0]
    task = first.cell.task or ""
    mine = sorted(found, key=lambda one: one[0].cell.seed)
    values = [loss for _, (loss, _) in mine]
    memoryless = mine[0][1][1]
    ratio = sum(values) / len(values) / memoryless
    converged = sum(bool(record.metrics.get("converged", False)) for record, _ in mine)
    remember = sum(loss < REMEMBERS * memoryless for loss in values)
    looks = styles(view.architectures).get(first.cell.architecture)
    bias = first.cell.model.get("forget_bias")
    return (
        Entry(task.replace("_", " "), _size(task, first.cell.data)),
        Entry(
            looks.label if looks else short_name(first.cell.architecture),
            f"forget bias {bias}" if bias else "",
            colour=looks.colour if looks else "",
        ),
        Entry(number(sum(values) / len(values)), ", ".join(number(value) for value in values)),
        Entry(number(memoryless)),
        Entry(fixed(ratio)),
        Entry(f"{converged} of {planned}"),
        _remembers(remember, len(mine), converged),
    )


def _remembers(count: int, seeds: int, converged: int) -> Entry:
    if count == seeds:
        return Entry("yes", kind="good")
    if count:
        return Entry("some", f"{count} of {plural(seeds, 'seed')}", kind="open")
    return (
        Entry("not at this budget", kind="bad") if converged == seeds else Entry("not yet", kind="open")
    )


def _size(task: str, data: Mapping[str, Any]) -> str:
    """Return the task's size in words: T, or the length."""
    if task == "copy_memory":
        times = ", ".join(str(distance) for distance in data.get("distances", ()))
        return f"T = {times}; {data.get('scored', 'symbols')} scored"
    return f"length {data.get('length')}"
