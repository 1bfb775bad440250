"""What an architecture is, in its class's words, and what its options were."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analysis.load import TRAINED
from analysis.style import clip
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View


def described(view: View, name: str) -> dict[str, Any]:
    """Return the manifest's words on an architecture; nothing where it has none."""
    found = view.manifest.get("descriptions", {}).get(name)
    return dict(found) if isinstance(found, Mapping) else {}


def options(words: Mapping[str, Any], own: View) -> Table | None:
    """Return every option with what it was in the trained cells, or in all where none was trained."""
    cells = [entry["cell"] for entry in own.results.planned.values()]
    trained = [cell for cell in cells if cell["measure"] in TRAINED] or cells
    told: Mapping[str, str] = words.get("options", {})
    used: dict[str, list[str]] = {}
    for cell in trained:
        for option, value in cell.get("model", {}).items():
            used.setdefault(option, []).append(_value(value))
    names = [*told, *(option for option in used if option not in told)]
    if not names:
        return None
    rows = [(name, _values(used.get(name, ())), told.get(name, "")) for name in names]
    data = pd.DataFrame(rows, columns=["option", "value", "meaning"])
    data.insert(0, "architecture", cells[0]["architecture"])
    return Table(
        name="options",
        title="Its options, and what they were",
        caption="Values in this store’s training cells (of all its cells where it was not trained); "
        "several where the plan varies them, or solves them for a budget.",
        columns=(Column("Option"), Column("Here"), Column("Meaning"))[: 3 if told else 2],
        rows=tuple(
            (Entry(option, verbatim=True), Entry(clip(value, 80), verbatim=True), Entry(meaning))[
                : 3 if told else 2
            ]
            for option, value, meaning in rows
        ),
        data=data,
        keys=keys_of(own.results.planned),
    )


def _values(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values), key=_order)) or "default"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _order(text: str) -> tuple[bool, float, str]:
    """Return a key that puts numbers in their order, before words."""
    try:
        return (False, float(text), "")
    except ValueError:
        return (True, 0.0, text)
