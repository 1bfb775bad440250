"""The report's tables, by architecture: what W&B shows of a finished comparison as numbers."""

import csv
import math
from pathlib import Path
from typing import Any

KEY = "architecture"
_LARGE = ("cells",)  # one row a cell: those are runs of their own


def by_architecture(folder: Path) -> dict[str, dict[str, Any]]:
    """Return architecture -> ``table/column`` -> number, from ``folder/tables/*.csv``.

    An architecture's first row (its row of Table 1) also stands without the words that tell its rows
    apart; further ones are ``table/words of the row/column``. What is not finite is left out: W&B
    cannot draw it.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("tables/*.csv")):
        if path.stem in _LARGE:
            continue
        for row in _rows(path):
            values = found.setdefault(row.pop(KEY), {})
            numbers = {name: float(text) for name, text in row.items() if _is_number(text)}
            words = [text for text in row.values() if text and not _is_number(text)]
            for name, value in numbers.items():
                if math.isfinite(value):
                    values.setdefault(f"{path.stem}/{name}", value)
                    values["/".join([path.stem, *words[:2], name])] = value
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row.get(KEY)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
