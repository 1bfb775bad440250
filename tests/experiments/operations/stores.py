"""Stores with a whole manifest and records of our own making: no measure runs, no torch."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.cell import Block, Cell
from experiments.record import Record
from experiments.store import Store


def training(seed: int, architecture: str = "lstm", **changes: Any) -> Cell:
    """A training cell: 1000 steps of 32 examples."""
    recipe = {"steps": 1000, "batch_size": 32, "learning_rates": [0.001], "seconds": None}
    recipe |= changes.pop("recipe", {})
    return Cell(
        measure="train", architecture=architecture, task="recall", seed=seed, recipe=recipe, **changes
    )


def gradient(of: Cell) -> Cell:
    """The cell that uses the weights of a training cell."""
    return of.model_copy(update={"measure": "gradient", "options": {"trained": of.key, "examples": 8}})


def timing(n: int, architecture: str = "lstm", device_model: str = "CPU A") -> Cell:
    return Cell(
        measure="step_time",
        architecture=architecture,
        options={"scope": "layer", "part": "recurrent", "n": n, "batch": 2},
        device_model=device_model,
        threads=2,
    )


def trained_block(seed: int, architecture: str = "lstm") -> Block:
    cell = training(seed, architecture)
    return Block(name=f"recall {architecture} seed {seed}", cells=(cell, gradient(cell)))


def timed_block(*cells: Cell) -> Block:
    return Block(name="layer time", cells=cells, exclusive=True)


def planned(
    folder: Path,
    blocks: Iterable[Block],
    theory: Mapping[str, Mapping[str, float]] | None = None,
    **changes: Any,
) -> Store:
    """Return a store with the manifest of these blocks."""
    store = Store(folder)
    store.create()
    blocks = list(blocks)
    cells = {cell.key: (cell, block) for block in blocks for cell in block.cells}
    architectures = list(dict.fromkeys(cell.architecture for cell, _ in cells.values()))
    manifest: dict[str, Any] = {
        "format": 1,
        "plan": "long_range",
        "profile": "quick",
        "description": "a plan",
        "budget": "equal steps",
        "figures": [],
        "request": {
            "profile": "quick",
            "architectures": architectures,
            "device": "cpu",
            "threads": 2,
            "speed": "fast",
        },
        "commands": [f"seqyard run long_range --only {' '.join(architectures)}"],
        "architectures": architectures,
        "layers": {name: {"recurrent": {"description": name}} for name in architectures},
        "parts": {name: ["recurrent"] for name in architectures},
        "tasks": {"recall": {"chance": 0.1}},
        "blocks": [
            {
                "key": block.key,
                "name": block.name,
                "exclusive": block.exclusive,
                "timeout_s": block.timeout_s,
                "cells": [cell.key for cell in block.cells],
            }
            for block in blocks
        ],
        "cells": {
            key: {
                "cell": cell.model_dump(mode="json"),
                "block": block.key,
                "theory": dict((theory or {}).get(key, {"flops": 1e6, "parameters": 1000})),
            }
            for key, (cell, block) in cells.items()
        },
    }
    store.write_json(store.manifest, manifest | changes)
    return store


def record(store: Store, block: Block, *cells: Cell, **changes: Any) -> None:
    """Write records of cells: measured, with the seed as the result."""
    for cell in cells or block.cells:
        values: dict[str, Any] = {
            "status": "ok",
            "metrics": {"test": cell.seed / 10, "seconds": 1.0},
            "duration_s": 1.0,
        }
        store.write(Record(key=cell.key, block=block.key, cell=cell, **(values | changes)))


def statuses(store: Store) -> dict[str, str]:
    return {found.key: found.status for found in store}


def tree(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, but for the lock, which holding it writes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.lock"
    }
