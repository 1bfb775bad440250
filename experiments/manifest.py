"""The manifest: what was planned, and the theory beside it, so that analysis needs no torch."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from experiments.cell import Block, Cell
from experiments.planning import theory
from experiments.plans.base import Plan, Request
from experiments.record import FORMAT
from experiments.store import Store, read_json, refuse_newer
from experiments.tasks.find import task_for
from models.registry import architecture as find_architecture


def write_manifest(
    store: Store, plan: Plan, request: Request, blocks: Sequence[Block], command: str
) -> None:
    """Write ``manifest.json``, described in docs/records.md.

    A manifest that is there already is replaced; of the same plan and profile its commands are kept.
    """
    cells = [cell for block in blocks for cell in block.cells]
    store.write_json(
        store.manifest,
        {
            "format": FORMAT,
            "plan": plan.name,
            "profile": request.profile,
            "profile_description": plan.profiles.get(request.profile, ""),
            "description": plan.description,
            "budget": plan.budget,
            "figures": list(plan.figures),
            "tables": list(plan.tables),
            "claims": list(plan.claims),
            "request": {
                "profile": request.profile,
                "architectures": list(request.architectures),
                "device": request.device,
                "threads": request.threads,
                "speed": request.speed,
            },
            "commands": _commands(store, plan, request, command),
            "architectures": list(request.architectures),
            "layers": {name: _layers(name) for name in request.architectures},
            "parts": {name: list(_layers(name)) for name in request.architectures},
            "descriptions": {name: _description(name) for name in request.architectures},
            "tasks": _tasks(cells),
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
                cell.key: {
                    "cell": cell.model_dump(mode="json"),
                    "block": block.key,
                    "theory": theory_of(cell),
                }
                for block in blocks
                for cell in block.cells
            },
        },
    )


def _commands(store: Store, plan: Plan, request: Request, command: str) -> list[str]:
    commands: list[str] = []
    if store.manifest.exists():
        before = read_json(store.manifest)
        refuse_newer(before, store.manifest)
        if (before.get("plan"), before.get("profile")) == (plan.name, request.profile):
            commands = list(before.get("commands", []))
    return commands if command in commands else [*commands, command]


def _layers(name: str) -> dict[str, Any]:
    return {
        part: {
            "description": layer.description,
            "complexity": layer.complexity,
            "sequential": layer.sequential,
            "path": layer.path,
            "flop_exponents": list(layer.flop_exponents),
            "memory_exponent": layer.memory_exponent,
            "explicit_memory_exponent": layer.explicit_memory_exponent,
        }
        for part, layer in find_architecture(name).layers().items()
    }


def _description(name: str) -> dict[str, Any]:
    """Return what a reader is told of an architecture: its class's own words."""
    kind = find_architecture(name)
    return {
        "title": kind.__name__,
        "description": (kind.__doc__ or "").partition("\n")[0],
        "citation": kind.citation,
        "options": {
            option: field.description or "" for option, field in kind.Config.model_fields.items()
        },
    }


def _tasks(cells: Iterable[Cell]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cell in cells:
        if cell.task is None or cell.task in found:
            continue
        task = task_for(cell.task, cell.data)
        found[cell.task] = {
            "chance": task.chance(),
            "target_only_floor": task.target_only_floor(),
            "slice_names": list(task.slice_names),
            "description": (type(task).__doc__ or "").partition("\n")[0],
        }
    return found


@functools.cache
def _theory_once(subject: str) -> dict[str, Any]:
    return theory(Cell.model_validate_json(subject))


def theory_of(cell: Cell) -> dict[str, Any]:
    """Return the theory, computed once for cells that differ in nothing that it depends on."""
    options = {key: value for key, value in cell.options.items() if key in ("scope", "part", "n")}
    subject = Cell(
        measure="",
        architecture=cell.architecture,
        task=cell.task,
        model=cell.model,
        data=cell.data,
        options=options,
    )
    return _theory_once(subject.model_dump_json())
