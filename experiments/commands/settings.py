"""``--set KEY=VALUE``: options of architecture, task, recipe and measure from the command line."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.cell import Cell
from experiments.commands.parser import Parser
from models.errors import BadInput, nearest

PARTS = {"model": "model", "task": "data", "recipe": "recipe", "measure": "options"}
"""Part of a setting's name -> the cell's field."""


def add_settings(parser: Parser, what: str) -> None:
    """Add the option ``--set``."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"{what}; where a name is not unique, as model.KEY, task.KEY, recipe.KEY or measure.KEY",
    )


def assign(
    settings: Sequence[str], parts: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return ``KEY=VALUE`` texts as options of the part that has the key.

    Raises:
        BadInput: no part has it, several have, or there is no ``=``.
    """
    found: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise BadInput(f"--set {setting}: write KEY=VALUE.")
        prefix, dot, key = name.rpartition(".")
        if dot and prefix not in parts:
            raise BadInput(f"--set {name}: unknown part '{prefix}'.{nearest(prefix, parts)}")
        homes = [part for part in parts if key in parts[part] and (not dot or part == prefix)]
        if not homes:
            known = {
                field for part, keys in parts.items() if not dot or part == prefix for field in keys
            }
            raise BadInput(f"--set {name}: unknown key '{key}'.{nearest(key, known)}")
        if len(homes) > 1:
            ways = " or ".join(f"{part}.{key}" for part in homes)
            raise BadInput(f"--set {name}: '{key}' is an option of several parts; write {ways}.")
        found[homes[0]][key] = value_of(text)
    return found


def value_of(text: str) -> Any:
    """Return JSON as what it says, and everything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def for_plan(settings: Sequence[str], architectures: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return ``KEY=VALUE`` texts by part, where any architecture, task or measure has the key.

    Raises:
        BadInput: none has it, or it could mean options of several parts.
    """
    if not settings:
        return {}
    from experiments.measures import MEASURES
    from experiments.run import find_measure
    from experiments.tasks import TASKS
    from experiments.tasks.find import find_task
    from models.recipe import Recipe
    from models.registry import architecture

    parts: dict[str, dict[str, Any]] = {
        "model": {
            k: v for name in architectures for k, v in architecture(name).Config.model_fields.items()
        },
        "task": {k: v for name in TASKS for k, v in find_task(name).model_fields.items()},
        "recipe": dict(Recipe.model_fields),
        "measure": {
            k: v for name in MEASURES for k, v in find_measure(name).Options.model_fields.items()
        },
    }
    return {part: given for part, given in assign(settings, parts).items() if given}


def check_used(settings: Mapping[str, Mapping[str, Any]], cells: Iterable[Cell]) -> None:
    """Refuse a setting that no cell of a plan has room for.

    Raises:
        BadInput: its name, and what the plan's cells have in that part.
    """
    planned = list(cells)
    for part, given in settings.items():
        known = {key for cell in planned for key in getattr(cell, PARTS[part])}
        for key in given:
            if key not in known:
                raise BadInput(f"--set {part}.{key}: no cell of this plan has it.{nearest(key, known)}")
