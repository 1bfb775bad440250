"""``seqyard diff A B``: what changed between two stores beyond noise. No torch."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.commands.parser import Parser
from experiments.commands.report import planned_store

if TYPE_CHECKING:
    from analysis.difference import Comparison
    from analysis.difference.base import Change

KINDS = {
    "scores": "scores over seeds",
    "times": "time ratios over rounds",
    "counts": "exact counts",
}

EXAMPLES = """\
  seqyard diff runs/before runs/after
  seqyard diff reports/table1-quick-cpu runs/table1-quick --all
  seqyard diff runs/before runs/after --json
"""


def main(arguments: Sequence[str]) -> int:
    """Say what changed.

    Raises:
        BadInput: one of them is no store.
    """
    found = Parser("diff", "Show what changed between two stores, or reports, beyond noise.", EXAMPLES)
    found.add_argument("a", type=Path, metavar="A", help="a store, or a report with its records")
    found.add_argument("b", type=Path, metavar="B", help="another")
    found.add_argument("--all", action="store_true", help="also what did not change")
    found.add_argument("--json", action="store_true", help="print JSON")
    options = found.parse(arguments)
    comparison = read(planned_store(options.a), planned_store(options.b))
    if options.json:
        data = dataclasses.asdict(comparison) | {"a": str(options.a), "b": str(options.b)}
        print(json.dumps(data, ensure_ascii=False))
    else:
        print(in_words(comparison, options.a, options.b, everything=options.all))
    return 0


def read(a: Path, b: Path) -> "Comparison":
    """Compare; ``analysis`` stands above this package, so it is imported only here."""
    from analysis.difference import compare
    from analysis.load import Results

    return compare(Results.read(a), Results.read(b))


def in_words(comparison: "Comparison", a: Path, b: Path, *, everything: bool = False) -> str:
    """Return the comparison for people: changes first, then in how much there is none."""
    lines = [f"A {a}", f"B {b}"]
    lines += [
        f"  {name}: {one or '-'} in A, {other or '-'} in B" for name, one, other in comparison.settings
    ]
    lines.append("verdicts:")
    for verdict in comparison.verdicts:
        lines.append(f"  {verdict.id}: {verdict.before} -> {verdict.after}. {verdict.statement}")
        lines += [f"    A: {verdict.effect_before}"] if verdict.effect_before else []
        lines += [f"    B: {verdict.effect_after}"] if verdict.effect_after else []
        lines += [f"    missing in B: {verdict.missing}"] if verdict.missing else []
    if not comparison.verdicts:
        lines.append("  the same for every claim")
    for kind, words in KINDS.items():
        mine = [change for change in comparison.changes if change.kind == kind]
        changed = [change for change in mine if change in comparison.changed]
        others = sorted({change.outcome for change in mine} - {"changed"})
        counts = [f"{sum(change.outcome == other for change in mine)} {other}" for other in others]
        lines.append(f"{words}: {', '.join([f'{len(changed)} changed', *counts])}")
        lines += [_line(change) for change in (mine if everything else changed)]
    for name, subjects in (("A", comparison.only_before), ("B", comparison.only_after)):
        if subjects:
            lines.append(f"only in {name}: {'; '.join(subjects)}")
    return "\n".join(lines)


def _line(change: "Change") -> str:
    outcome = "" if change.outcome == "changed" else f" ({change.outcome})"
    text = (
        f"  {change.architecture}, {change.what}: {_number(change.before)} -> {_number(change.after)}"
    )
    if change.interval is not None:
        low, high = (_number(bound) for bound in change.interval)
        points = " and ".join(str(count) for count in dict.fromkeys(change.points))
        of = "ratio" if change.kind == "times" else "difference"
        text += f", {of} 95% [{low}, {high}] over {points} {change.covers}"
    if change.adjusted_p is not None:
        text += f", p = {change.adjusted_p:.2g} after Holm's correction"
    return text + outcome + (f"; {change.note}" if change.note else "")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
