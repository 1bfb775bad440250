"""Find a task by name and build it from plain options; whatever is wrong becomes one line."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from experiments.tasks import ENTRY_POINTS, TASKS
from experiments.tasks.base import Task
from models.errors import BadInput, explain
from models.lookup import find


def find_task(name: str) -> type[Task]:
    """Return the task class called ``name``: registered, an entry point's, or ``"module:Class"``.

    Raises:
        BadInput: there is none (the nearest is named), it is not a task, or an unfinished one.
    """
    found = find(name, TASKS, ENTRY_POINTS, "task")
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise BadInput(f"task '{name}': {found!r} is not a subclass of experiments.tasks.base.Task.")
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise BadInput(f"task '{name}': {found.__name__} does not implement {', '.join(missing)}.")
    return found


def task_for(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """Return the task ``name`` with ``options``, validated and with every default filled in.

    Raises:
        BadInput: one line that names every wrong key and value, and the nearest valid key.
    """
    kind = find_task(name)
    try:
        return kind.model_validate(dict(options or {}))
    except ValidationError as error:
        raise explain(error, f"task '{name}'", kind.model_fields) from error
