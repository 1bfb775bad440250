"""``seqyard merge DIR...``: the stores of several machines as one. No torch."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from experiments.commands.parser import Parser
from experiments.operations.merge import merge

EXAMPLES = """\
  seqyard merge node1/long_range node2/long_range --store runs/long_range
  seqyard merge a b --store both --prefer a           where they differ, a's results stay
"""


def main(arguments: Sequence[str]) -> int:
    """Merge stores and say what came of it.

    Raises:
        BadInput: the stores do not fit together, or the new one cannot be written.
    """
    found = Parser(
        "merge",
        "Join stores of one plan into a new one, each cell once. A cell with different results in two "
        "of them is refused and named; the given folders stay as they are.",
        EXAMPLES,
    )
    found.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="a store of `run` or `sweep`"
    )
    found.add_argument(
        "--store", type=Path, required=True, metavar="OUT", help="a folder that is not there yet"
    )
    found.add_argument(
        "--prefer",
        type=Path,
        metavar="DIR",
        help="whose results stay where they differ (default: none)",
    )
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    names = [folder.name for folder in options.folders]
    command = shlex.join(["seqyard", "merge", *names, "--store", options.store.name])
    if options.prefer is not None:
        command += f" --prefer {shlex.quote(options.prefer.name)}"
    merged = merge(options.folders, options.store, command=command, prefer=options.prefer)
    planned, kept = len(merged.manifest["cells"]), len(merged.kept)
    told = {
        "store": str(options.store),
        "plan": merged.manifest["plan"],
        "profile": merged.manifest["profile"],
        "cells": planned,
        "done": kept,
        "left": planned - kept,
        "duplicates": merged.duplicates,
        "unplanned": merged.unplanned,
    }
    if options.json:
        print(json.dumps(told))
        return 0
    words = (
        f"{told['plan']} ({told['profile']}): {kept}/{planned} cells done, merged into {options.store}"
    )
    print(f"{words}; {merged.duplicates} records were duplicates")
    if merged.unplanned:
        print(f"{merged.unplanned} records of cells that are not planned any more were left out")
    print(f"seqyard report {options.store}")
    return 0
