"""The parallel corpus that needs neither files nor network: SCAN, generated from its grammar."""

from collections.abc import Iterable
from typing import cast

from experiments.corpora.reading import Row
from experiments.tasks.base import Split

NAME, PAIR = "scan", "command-actions"


def rows() -> dict[str, Iterable[Row]]:
    """Return the commands and actions of the split ``simple`` (Lake and Baroni 2018)."""
    from experiments.tasks.scan import parts

    found = parts("simple")
    return {
        split: [Row(phrase.command, phrase.answer) for phrase in getattr(found, split)]
        for split in cast(tuple[Split, ...], ("train", "validation", "test"))
    }
