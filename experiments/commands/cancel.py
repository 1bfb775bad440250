"""``seqyard cancel STORE``: planned cells that shall not be measured any more. No torch."""

import json
from collections.abc import Sequence
from pathlib import Path

from experiments.commands.parser import Parser
from experiments.commands.planned_cells import check_keys, open_planned
from experiments.operations.cancel import cancel, with_dependents
from experiments.presence import present
from experiments.progress import label

EXAMPLES = """\
  seqyard cancel runs/table1-quick                        all that is left; what is in hand is ended
  seqyard cancel runs/table1-quick --keep-running         cells in hand are finished
  seqyard cancel runs/table1-quick 0123456789abcdef --reason "too large for this machine"
"""


def main(arguments: Sequence[str]) -> int:
    """Write records of cancelled cells and say which.

    Raises:
        BadInput: an argument or the store is wrong.
    """
    found = Parser(
        "cancel",
        "Give cells that have no record one with the status skipped: no run measures them, and whoever "
        "has them in hand ends them. `seqyard retry STORE --status skipped` takes it back.",
        EXAMPLES,
    )
    found.add_argument("store", type=Path, metavar="STORE", help="a store of `run` or `sweep`")
    found.add_argument("keys", nargs="*", metavar="KEY", help="these cells alone (default: all left)")
    found.add_argument("--reason", default="", metavar="TEXT", help="goes into the records")
    found.add_argument("--keep-running", action="store_true", help="let cells in hand be finished")
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    store, planned = open_planned(options.store)
    cells = planned.cells
    check_keys(options.keys, cells, store)
    keys = with_dependents(options.keys, cells) if options.keys else set(cells)
    running = {row["cell"] for row in present(store)}
    kept = keys & running if options.keep_running else set()
    blocks = {cell.key: block.key for block in planned.blocks.values() for cell in block.cells}
    done = cancel(store, keys - kept, cells, blocks, " ".join(options.reason.split()))
    ended = [key for key in done if key in running]
    if options.json:
        rows = [{"key": key, "cell": label(cells[key]), "was_running": key in running} for key in done]
        print(json.dumps({"store": str(store.folder), "cancelled": rows, "kept": sorted(kept)}))
        return 0
    if options.keys:
        for key in done:
            print(f"{label(cells[key])} ({key})")
    words = [f"{len(done)} cells cancelled"]
    if ended:
        words.append(f"{len(ended)} of them are in hand and end now")
    if kept:
        words.append(f"{len(kept)} in hand are finished")
    recorded = sum(store.has(key) for key in keys) - len(done)
    if options.keys and recorded:
        words.append(f"{recorded} had records already")
    print("; ".join(words))
    return 0
