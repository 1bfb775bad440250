"""``seqyard retry STORE``: have cells measured again. No torch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from experiments.commands.parser import Parser, choice
from experiments.commands.planned_cells import check_keys, open_planned
from experiments.locks import store_lock
from experiments.operations.retry import FAULTS, FOLDER, retry
from experiments.progress import label
from experiments.record import Status
from experiments.store import Store
from models.errors import BadInput

EXAMPLES = f"""\
  seqyard retry runs/table1-quick                                  {", ".join(FAULTS)}
  seqyard retry runs/table1-quick --status timed_out out_of_memory
  seqyard retry runs/table1-quick 0123456789abcdef                 this cell, whatever its status
  seqyard retry runs/table1-quick --status skipped                 takes `seqyard cancel` back
"""


def main(arguments: Sequence[str]) -> int:
    """Set records aside and say which.

    Raises:
        BadInput: an argument or the store is wrong, or a run is using it.
    """
    found = Parser(
        "retry",
        f"Set records aside, into STORE/{FOLDER}, so that the next `seqyard run` or `seqyard sweep` "
        "measures their cells again.",
        EXAMPLES,
    )
    found.add_argument("store", type=Path, metavar="STORE", help="a store of `run` or `sweep`")
    found.add_argument("keys", nargs="*", metavar="KEY", help="these cells alone")
    found.add_argument(
        "--status",
        nargs="+",
        action="extend",
        type=choice("status", get_args(Status)),
        default=[],
        metavar="STATUS",
        help=f"these statuses alone (default: {', '.join(FAULTS)}; with KEY: any)",
    )
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    store, planned = open_planned(options.store)
    cells = planned.cells
    check_keys(options.keys, cells, store)
    unmeasured = [key for key in options.keys if not store.has(key)]
    if unmeasured:
        raise BadInput(f"cell '{unmeasured[0]}' has no record yet: there is nothing to retry.")
    with store_lock(store.folder, shared=True):
        moved = retry(
            store, cells, planned.blocks.values(), keys=set(options.keys), statuses=set(options.status)
        )
    rows = [
        {
            "key": each.record.key,
            "cell": label(each.record.cell),
            "status": each.record.status,
            "reason": each.record.reason,
            "because": each.why,
            "moved_to": str(each.path),
        }
        for each in moved
    ]
    if options.json:
        print(json.dumps({"store": str(store.folder), "retried": rows}))
        return 0
    for row in rows:
        said = row["because"] or ": ".join(
            part for part in (row["status"].replace("_", " "), row["reason"]) if part
        )
        print(f"{row['cell']} ({row['key']}): {said}")
    print(_next(store, planned.plan, len(rows)))
    return 0


def _next(store: Store, plan: str, count: int) -> str:
    if not count:
        return "nothing to retry"
    command = "sweep" if (store.folder / "sweep.json").exists() else "run"
    kept = store.folder / FOLDER
    return f"{count} records set aside in {kept}; `seqyard {command} {plan} ...` measures them again"
