"""What a table is: columns, entries as text, the numbers behind them, and the cells they came from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Kind = Literal["", "good", "bad", "open", "muted"]
"""How an entry is coloured."""


@dataclass(frozen=True)
class Column:
    """A heading; ``num`` is set flush right, ``theory`` in italics."""

    label: str
    align: Literal["text", "num", "theory"] = "text"
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """One entry: text, a smaller note below it, and how it is coloured."""

    text: str
    note: str = ""
    kind: Kind = ""
    colour: str = ""  # a dot before a row's name: the architecture's colour
    verbatim: bool = False  # text as it was found: ``n^2`` is not set as a power
    href: str = ""  # a page that the text leads to, from the report's folder


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of entries; the first entry of a row is its name."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    data: pd.DataFrame  # the numbers, unrounded
    keys: tuple[str, ...]
    caption: str = ""
    groups: tuple[tuple[str, int], ...] = ()  # headings over several columns: (label, how many)
    notes: tuple[str, ...] = field(default_factory=tuple)

    def headings(self) -> list[str]:
        """Return one line of headings, the group's before the column's, for formats without spans."""
        groups = [label for label, count in self.groups for _ in range(count)]
        labels = [column.label for column in self.columns]
        if not groups:
            return labels
        return [
            f"{group}: {label}" if group else label for group, label in zip(groups, labels, strict=True)
        ]


def keys_of(*groups: Iterable[str]) -> tuple[str, ...]:
    """Return record keys, each once, in order."""
    return tuple(sorted({key for group in groups for key in group}))


NOT_MEASURED = Entry("not measured", kind="muted")
