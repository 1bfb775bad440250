"""What measured cells cost, read from stores, for estimates of others. No torch.

A cell's size is its number of repetitions (training steps over all learning rates; 1 where nothing is
trained) and the work of one (FLOPs of one forward pass of the batch, from the manifest's theory). Time
goes with repetitions exactly, and with work roughly.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.cell import Cell
from experiments.store import Store, read_json
from experiments.tasks.find import find_task
from models.errors import BadInput

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a cell is."""

    repetitions: float
    work: float  # FLOPs, up to a factor that cells of one measure share

    @property
    def total(self) -> float:
        """Return the work of all repetitions."""
        return self.repetitions * self.work


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one measured cell cost."""

    cell: Cell
    size: Size
    seconds: float
    device_model: str | None
    record_bytes: int
    artifact_bytes: int
    parameters: float  # what weights on disk go with


def trains(cell: Cell) -> bool:
    """Whether the cell trains a model, not only uses the weights of another cell."""
    return bool(cell.recipe) and "trained" not in cell.options


def budget_of(cell: Cell) -> float | None:
    """Return the seconds of all of a cell's training, where those end it; None: steps do."""
    seconds = cell.recipe.get("seconds") if trains(cell) else None
    return None if seconds is None else float(seconds) * len(cell.recipe.get("learning_rates", [0]))


@functools.cache
def batch_unit(task: str | None) -> str | None:
    """Return what a task's batches count, examples or tokens; None where the task cannot be found."""
    try:
        return None if task is None else find_task(task).batch_unit
    except BadInput:
        return None


def size_of(cell: Cell, theory: Mapping[str, Any], steps: float | None = None) -> Size:
    """Return a cell's size; ``steps`` are those that were taken, where that is known."""
    flops = float(theory.get("flops") or 1.0)
    if not trains(cell):
        batch = cell.options.get("batch") or cell.options.get("examples") or 1
        return Size(repetitions=1.0, work=flops * batch)
    recipe = cell.recipe
    if steps is None:
        steps = recipe.get("steps", 1) * len(recipe.get("learning_rates", [0]))
    return Size(
        repetitions=float(steps or 1),
        work=flops * recipe.get("batch_size", 1) * recipe.get("accumulate", 1),
    )


def observe(folders: Iterable[Path], measures: Iterable[str]) -> tuple[list[Observation], list[Path]]:
    """Return what cells of these measures cost, and the stores that say so.

    Stores and records that cannot be read are passed over: they say nothing.
    """
    wanted, seen = set(measures), set()
    found: list[Observation] = []
    used = []
    for folder in folders:
        store = Store(folder)
        before = len(found)
        for row, record, sizes in _records(store, wanted):
            identity = (record["key"], record.get("started"), record.get("duration_s"))
            if identity not in seen:  # a report's copy of the store
                seen.add(identity)
                cell, theory = Cell.model_validate(row["cell"]), row.get("theory") or {}
                found.append(observation_of(cell, theory, record, *sizes))
        if len(found) > before:
            used.append(folder)
    return found, used


def known_stores(store: Store) -> list[Path]:
    """Return the store, its neighbours, those under runs/, and the kept reports under reports/."""
    places = [store.folder.parent, Path("runs"), Path("reports"), ROOT / "reports"]
    manifests = [store.manifest, *(path for place in places for path in place.glob("*/manifest.json"))]
    found = {path.resolve(): path.parent for path in reversed(manifests) if path.exists()}
    return list(found.values())[::-1]


def _records(
    store: Store, wanted: set[str]
) -> Iterator[tuple[dict[str, Any], dict[str, Any], tuple[int, int]]]:
    """Yield manifest row, record and bytes on disk (record, artifacts) of the cells that worked."""
    try:
        manifest = read_json(store.manifest)
        planned = {
            key: row for key, row in manifest["cells"].items() if row["cell"]["measure"] in wanted
        }
    except (BadInput, KeyError, TypeError, AttributeError):
        return
    artifacts = _artifact_bytes(store) if planned else {}
    for key, row in planned.items():
        if not store.has(key):
            continue
        try:
            record = read_json(store.path(key))
            if record["status"] == "ok":
                yield row, record, (store.path(key).stat().st_size, artifacts.get(key, 0))
        except (BadInput, OSError, KeyError, TypeError):
            continue


def _artifact_bytes(store: Store) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in store.artifacts.glob("*"):
        try:
            if path.is_file():
                key = path.name.partition(".")[0]
                found[key] = found.get(key, 0) + path.stat().st_size
        except OSError:
            continue
    return found


def observation_of(
    cell: Cell,
    theory: Mapping[str, Any],
    record: Mapping[str, Any],
    record_bytes: int = 0,
    artifact_bytes: int = 0,
) -> Observation:
    """Return what a cell cost, from its record as plain data."""
    steps = sum(trial.get("steps") or 0 for trial in record.get("trials", [])) or None
    return Observation(
        cell=cell,
        size=size_of(cell, theory, steps),
        seconds=float(record.get("duration_s") or 0.0),
        device_model=record.get("environment", {}).get("device_model"),
        record_bytes=record_bytes,
        artifact_bytes=artifact_bytes,
        parameters=float(theory.get("parameters") or 1.0),
    )
