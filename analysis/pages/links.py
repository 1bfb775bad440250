"""From the report to its pages: names in tables lead to them, and failures below each question."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from analysis.agreement import TASK as AGREEMENT
from analysis.formal_languages import LANGUAGES
from analysis.pages.page import Link
from analysis.pages.pairs import BLEU, EXACT, Pair
from analysis.pages.site import Site
from analysis.sections import Section
from analysis.tables.base import Entry, Table

Found = TypeVar("Found", Table, Table | None)

FURTHER_PART = "↳ "
"""What stands before an architecture's name where a row is of a further part of it."""


def linked(table: Found, site: Site) -> Found:
    """Return a table whose architectures' names lead to their pages, and failed scores to theirs.

    A row of an architecture begins with its colour and its name; scores are led on from the table of
    formal languages, whose rows are tasks and whose columns are architectures.
    """
    if table is None:
        return table
    names = {look.label: name for name, look in site.looks.items()}
    columns = [names.get(column.label, "") for column in table.columns]
    rows: list[tuple[Entry, ...]] = []
    for row in table.rows:
        name = names.get(row[0].text.removeprefix(FURTHER_PART), "") if row[0].colour else ""
        first = replace(row[0], href=site.architecture_path(name)) if name else row[0]
        rest: tuple[Entry, ...] = row[1:]
        if table.name == "formal_languages":
            rest = tuple(
                _failed(entry, row[0].text, column, site)
                for entry, column in zip(rest, columns[1:], strict=True)
            )
        rows.append((first, *rest))
    return replace(table, rows=tuple(rows))


def _failed(entry: Entry, task: str, architecture: str, site: Site) -> Entry:
    if not entry.note:  # what is published, not measured
        return entry
    for place, found in site.failures.items():
        pair = found.pair
        if pair.architecture == architecture and pair.task.replace("_", " ") == task:
            return replace(entry, href=site.failure_path(place))
    return entry


def links(sections: Sequence[Section], site: Site) -> dict[str, list[Link]]:
    """Return the failures to name below each question, by its anchor."""
    placed: dict[str, list[Link]] = {section.anchor: [] for section in sections}
    for found in site.failures.values():
        anchor = _anchor(found.pair)
        if anchor not in placed:
            anchor = "memory"
        if anchor in placed:
            placed[anchor].append(site.failure_link(found))
    return placed


def _anchor(pair: Pair) -> str:
    """Return the question that a task belongs to."""
    if pair.task in LANGUAGES:
        return "formal-languages"
    if pair.task == AGREEMENT:
        return "agreement"
    return "translation" if pair.kind in (BLEU, EXACT) else "memory"
