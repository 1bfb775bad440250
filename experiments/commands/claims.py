"""``seqyard claims [ID] [STORE]``: the textbook's sentences and what records say of them. No torch."""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.commands.claims_shown import VERDICTS, describe, in_full, in_lines
from experiments.commands.parser import Parser, choice
from experiments.commands.report import planned_store
from models.errors import BadInput, nearest

if TYPE_CHECKING:
    from analysis.claims.catalogue import Entry

_ID = re.compile(r"[A-Za-z]{1,2}[0-9]+")

EXAMPLES = """\
  seqyard claims                                     every sentence, and whether it has a test
  seqyard claims runs/table1-quick --verdict refuted
  seqyard claims --topic speed
  seqyard claims L4 runs/table1-quick                one, with its evidence
  seqyard claims --json
"""


def main(arguments: Sequence[str]) -> int:
    """List claims, or show one.

    Raises:
        BadInput: there is no such claim, topic, verdict or store.
    """
    options = parser().parse(arguments)
    name, store = _named(options.what)
    folder = None if store is None else planned_store(Path(store))
    entries = read(folder)
    if name is not None:
        if name not in entries:
            raise BadInput(f"unknown claim '{name}'.{nearest(name, entries)}")
        shown = describe(entries[name])
        print(json.dumps(shown, ensure_ascii=False) if options.json else in_full(shown, folder))
        return 0
    kept = chosen(entries, options, folder)
    if options.json:
        listed = [describe(entry) for entry in kept.values()]
        print(json.dumps(listed, ensure_ascii=False))
    else:
        print(in_lines(kept, folder))
    return 0


def parser() -> Parser:
    """Return the command's parser."""
    found = Parser("claims", "Show the textbook's sentences and what records say of them.", EXAMPLES)
    found.add_argument(
        "what", nargs="*", metavar="[ID] [STORE]", help="one claim; a store, for the verdicts"
    )
    found.add_argument(
        "--verdict", type=choice("verdict", VERDICTS), help=f"{', '.join(VERDICTS)}; needs a STORE"
    )
    found.add_argument(
        "--topic", metavar="TOPIC", help="only this family, or the beginning of its name"
    )
    found.add_argument("--json", action="store_true", help="print JSON")
    return found


def read(folder: Path | None) -> "dict[str, Entry]":
    """Return every claim; ``analysis`` stands above this package, so it is imported only here."""
    from analysis.claims.catalogue import catalogue
    from analysis.load import Results

    return catalogue(None if folder is None else Results.read(folder))


def chosen(
    entries: "Mapping[str, Entry]", options: argparse.Namespace, folder: Path | None
) -> "dict[str, Entry]":
    """Return the claims that were asked for.

    Raises:
        BadInput: a verdict is asked for without a store, or there is no such topic.
    """
    from analysis.claims.catalogue import topics

    if options.verdict is not None and folder is None:
        raise BadInput(f"--verdict {options.verdict}: verdicts are of a STORE; name one.")
    known = topics(entries)
    matching = known
    if options.topic is not None:
        asked = options.topic.lower()
        matching = [topic for topic in known if topic.lower().startswith(asked)]
        if not matching:
            raise BadInput(f"unknown topic '{options.topic}'.{nearest(options.topic, known)}")
    return {
        name: entry
        for name, entry in entries.items()
        if entry.claim.topic in matching
        and (
            options.verdict is None
            or (entry.verdict is not None and entry.verdict.verdict == options.verdict)
        )
    }


def _named(given: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the claim's id and the store that were given, in either order."""
    names = [text for text in given if _ID.fullmatch(text)]
    stores = [text for text in given if not _ID.fullmatch(text)]
    if len(names) > 1 or len(stores) > 1:
        raise BadInput(f"claims: {' '.join(given)}: give one claim and one store at most.")
    return (names[0].upper() if names else None), (stores[0] if stores else None)
