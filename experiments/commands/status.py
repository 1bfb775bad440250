"""``seqyard status STORE``: what is done, what has no result and why, what is left. No torch."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cell import Cell
from experiments.commands.parser import Parser
from experiments.commands.report import planned_store
from experiments.progress import label
from experiments.store import Store, read_json

EXAMPLES = """\
  seqyard status                          of the newest store under runs/
  seqyard status runs/table1-quick --json
"""


def main(arguments: Sequence[str]) -> int:
    """Count records against the manifest."""
    found = Parser("status", "Show what a store holds and what is left.", EXAMPLES)
    found.add_argument(
        "store", type=Path, nargs="?", metavar="STORE", help="default: the newest under runs/"
    )
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    status = read_status(Store(planned_store(options.store)))
    print(json.dumps(status) if options.json else in_words(status))
    return 0


def read_status(store: Store) -> dict[str, Any]:
    """Return the counts of a store, as plain data."""
    manifest = read_json(store.manifest)
    cells = {key: Cell.model_validate(row["cell"]) for key, row in manifest["cells"].items()}
    records = {key: store.read(key) for key in cells if store.has(key)}
    left = Counter(cell.measure for key, cell in cells.items() if key not in records)
    return {
        "store": str(store.folder),
        "plan": manifest["plan"],
        "profile": manifest["profile"],
        "cells": len(cells),
        "statuses": dict(sorted(Counter(record.status for record in records.values()).items())),
        "left": dict(sorted(left.items())),
        "without_result": [
            {"key": key, "cell": label(cells[key]), "status": record.status, "reason": record.reason}
            for key, record in records.items()
            if record.status != "ok"
        ],
    }


def in_words(status: dict[str, Any]) -> str:
    """Return the counts for people."""
    done = sum(status["statuses"].values())
    name = f"{status['plan']} ({status['profile']})"
    lines = [f"{status['store']}: {name}, {done}/{status['cells']} cells done"]
    lines += [f"  {number:5d} {name.replace('_', ' ')}" for name, number in status["statuses"].items()]
    lines += [f"  {number:5d} left: {measure}" for measure, number in status["left"].items()]
    lines += [
        f"{row['cell']} ({row['key']}): {row['status'].replace('_', ' ')}: {row['reason']}"
        for row in status["without_result"]
    ]
    return "\n".join(lines)
