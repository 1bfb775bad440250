"""Find an architecture, task, measure or plan by name, by entry point or by ``module:Class``."""

import ast
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.errors import BadInput, nearest


def names(table: Mapping[str, str], entry_points: str) -> dict[str, str]:
    """Return every known name with its ``"module:Class"``: the table's first, then entry points'."""
    found = dict(table)
    for name, target in installed(entry_points):
        found.setdefault(name, target)
    return found


@functools.cache  # reads the metadata of every installed package: 9 ms, asked thousands of times
def installed(entry_points: str) -> tuple[tuple[str, str], ...]:
    """Return the names and ``"module:Class"`` of a group of entry points."""
    return tuple((p.name, p.value) for p in importlib.metadata.entry_points(group=entry_points))


def find(name: str, table: Mapping[str, str], entry_points: str, what: str) -> Any:
    """Import and return the object called ``name``.

    ``name`` is a key of ``table``, an entry point of the group ``entry_points``, or
    ``"module:Class"``, for which the current folder is *appended* to the path, so that a file
    there can never hide an installed module.

    Raises:
        BadInput: nothing is called so; the message names what was looked for, where, and the nearest.
    """
    known = names(table, entry_points)
    target = known.get(name, name)
    if ":" not in target:
        raise BadInput(f"unknown {what} '{name}'.{nearest(name, known)}")
    module_name, _, attribute = target.partition(":")
    append_current_folder()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise
        raise BadInput(
            f"{what} '{name}': no module '{module_name}' in the installed packages or in {Path.cwd()}."
        ) from error
    if not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise BadInput(
            f"{what} '{name}': module '{module_name}' has no '{attribute}'.{nearest(attribute, public)}"
        )
    return getattr(module, attribute)


def append_current_folder() -> None:
    """Let modules of the current folder be imported, after everything that is installed."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)


def describe(target: str) -> str:
    """Return the first docstring line of ``"module:Class"``, read without importing the module."""
    module_name, _, attribute = target.partition(":")
    try:
        spec = importlib.util.find_spec(module_name)
    except ModuleNotFoundError:
        return ""
    if spec is None or spec.origin is None:
        return ""
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
            return (ast.get_docstring(node) or ast.get_docstring(tree) or "").partition("\n")[0]
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def source_hash(thing: Any) -> str:
    """Return a short hash of the file that defines ``thing``: the version of an outside plug-in."""
    path = sys.modules[thing.__module__].__file__
    return hashlib.sha256(Path(path or "").read_bytes()).hexdigest()[:12] if path else "unknown"
