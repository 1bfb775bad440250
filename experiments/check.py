"""``seqyard check``: the conformance suite on one architecture, from the repository or outside."""

import json as jsonlib
import sys
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from models.conformance import CHECKS, Result, applicable, cases, check
from models.registry import architecture

_COLOURS = {"passed": "green", "failed": "bold red", "exempt": "yellow"}


def run_check(name: str, json: bool = False) -> int:
    """Run every check on every case of an architecture, print the outcome, return the exit code.

    Args:
        name: a registered name, an entry point or ``"module:Class"``.
        json: print one JSON object instead of a table.

    Returns:
        0 if nothing failed, else 1.

    Raises:
        BadInput: there is no such architecture, or it is none.
    """
    cls = architecture(name)
    todo = [(case, check_name) for case in cases(cls) for check_name in applicable(case.problem)]
    console = Console(stderr=True)
    results: list[tuple[str, Result]] = []
    columns = (SpinnerColumn(), TextColumn("{task.completed}/{task.total}  {task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(todo))
        for case, check_name in todo:
            progress.update(bar, description=f"{check_name}  {case.id}")
            results.append((case.id, check(case, check_name)))
            progress.advance(bar)
    rows = [_summary(check_name, results) for check_name in CHECKS]
    failed = [row["check"] for row in rows if row["status"] == "failed"]
    if json:
        everything = [{"case": case, **vars(result)} for case, result in results]
        answer = {"architecture": name, "ok": not failed, "checks": rows, "results": everything}
        sys.stdout.write(jsonlib.dumps(answer, indent=1) + "\n")
    else:
        _print(name, rows, failed)
    return 1 if failed else 0


def _summary(name: str, results: list[tuple[str, Result]]) -> dict[str, Any]:
    """Return one row about a check: the worst that any case gave."""
    own = [(case, result) for case, result in results if result.name == name]
    found = {result.status for _, result in own}
    status = next(status for status in ("failed", "exempt", "passed") if status in found)
    same = [(case, result.detail) for case, result in own if result.status == status]
    reason = "" if status == "passed" else f"{same[0][0]}: {same[0][1]}"
    return {
        "check": name,
        "property": CHECKS[name].description,
        "status": status,
        "cases": len(own),
        "cases_with_status": len(same),
        "reason": reason,
        "seconds": round(sum(result.seconds for _, result in own), 3),
    }


def _print(name: str, rows: list[dict[str, Any]], failed: list[str]) -> None:
    console = Console()
    table = Table(title=f"Conformance of {name}", title_justify="left")
    for header in ("check", "result", "cases", "s"):
        table.add_column(header, no_wrap=True, justify="right" if header in ("cases", "s") else "left")
    table.add_column("property, or why not", overflow="fold")
    for row in rows:
        table.add_row(
            row["check"],
            Text(row["status"], style=_COLOURS[row["status"]]),
            f"{row['cases_with_status']}/{row['cases']}",
            f"{row['seconds']:.1f}",
            Text(row["reason"] or row["property"], style="" if row["reason"] else "dim"),
        )
    console.print(table)
    if failed:
        console.print(Text(f"{name} fails: {', '.join(failed)}", style="bold red"))
    else:
        console.print(Text(f"{name} conforms.", style="green"))
