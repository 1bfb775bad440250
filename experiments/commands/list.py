"""``seqyard list``: what there is, one line each, without importing any of it."""

import json
from collections.abc import Sequence

from experiments import measures, plans, tasks
from experiments.commands.parser import Parser, choice
from models import ENTRY_POINTS, MODELS
from models.lookup import describe, names

KINDS = {
    "architectures": (MODELS, ENTRY_POINTS),
    "tasks": (tasks.TASKS, tasks.ENTRY_POINTS),
    "measures": (measures.MEASURES, measures.ENTRY_POINTS),
    "plans": (plans.PLANS, plans.ENTRY_POINTS),
}

EXAMPLES = """\
  seqyard list
  seqyard list architectures
  seqyard list tasks --json
"""


def main(arguments: Sequence[str]) -> int:
    """Print names with their descriptions."""
    found = Parser("list", "Show what there is, with one line each.", EXAMPLES)
    found.add_argument(
        "kind",
        nargs="?",
        type=choice("kind", tuple(KINDS)),
        metavar="KIND",
        help=f"{', '.join(KINDS)} (default: all)",
    )
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    listed = {kind: describe_all(kind) for kind in KINDS if options.kind in (None, kind)}
    if options.json:
        print(json.dumps(listed, ensure_ascii=False))
        return 0
    for kind, rows in listed.items():
        print(f"{kind}:")
        for name, line in rows.items():
            print(f"  {name:<20} {line}")
    return 0


def describe_all(kind: str) -> dict[str, str]:
    """Return name → first docstring line, in the table's order."""
    table, entry_points = KINDS[kind]
    return {name: describe(target) for name, target in names(table, entry_points).items()}
