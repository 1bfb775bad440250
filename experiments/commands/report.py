"""``seqyard report [STORE]``: write the report again, without torch."""

import json
from collections.abc import Sequence
from pathlib import Path

from experiments.commands.parser import Parser
from experiments.store import Store
from models.errors import BadInput

EXAMPLES = """\
  seqyard report                          of the newest store under runs/
  seqyard report runs/table1-quick
  seqyard report runs/table1-quick --output reports/table1-quick
"""


def main(arguments: Sequence[str]) -> int:
    """Write a report and say where it is."""
    found = Parser("report", "Write the report of a store: HTML and Markdown, in seconds.", EXAMPLES)
    found.add_argument(
        "store", type=Path, nargs="?", metavar="STORE", help="default: the newest under runs/"
    )
    found.add_argument("--output", type=Path, metavar="FOLDER", help="default: the store itself")
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    folder = planned_store(options.store)
    path = write(folder, options.output)
    words = json.dumps({"store": str(folder), "report": str(path)})
    print(words if options.json else f"report: {path}")
    return 0


def write(folder: Path, output: Path | None) -> Path:
    """Write the report; ``analysis`` stands above this package, so it is imported only here."""
    from analysis import report

    return report.write(folder, output)


def planned_store(folder: Path | None) -> Path:
    """Return a store that has a manifest: the given one, or the newest under runs/.

    Raises:
        BadInput: there is none, or a newer version wrote it.
    """
    if folder is None:
        found = sorted(Path("runs").glob("*/manifest.json"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise BadInput("no store under runs/; `seqyard run table1` makes one, or name yours.")
        folder = found[-1].parent
    if not (folder / "manifest.json").exists():
        raise BadInput(f"store '{folder}' has no manifest.json; `seqyard run PLAN` makes one.")
    Store(folder).check_format()
    return folder
