"""Minimal pairs: two sentences that differ in one verb, of which one is grammatical.

Targeted syntactic evaluation (Marvin and Linzen 2018): a model is right where it prefers the
grammatical verb, here the number of that verb, given what stands before it.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from experiments.corpora.reading import lines
from experiments.tasks.agreement_sentences import keep, kept_lines
from models.errors import BadInput

COLUMNS = ("construction", "condition", "grammatical", "ungrammatical", "index")
REFLEXIVE = "reflexive"
"""Constructions so called differ in a pronoun after the verb, not in the verb: left out."""

_KIND = "agreement_pairs"
_SINGULAR = {"is": "are", "was": "were", "has": "have", "does": "do"}


class Pair(NamedTuple):
    """What stands before the verb, and the number of the grammatical verb (0 singular, 1 plural)."""

    words: tuple[str, ...]
    number: int
    construction: str
    mismatch: int  # 1 where the sentence's two nouns differ in number


def import_pairs(place: str, most: int) -> tuple[str, str]:
    """Read the pairs of a folder or TSV file, keep them; return name and content hash.

    Columns, separated by tabs: construction, condition, grammatical sentence, ungrammatical sentence,
    index of the word that differs. Of each construction and condition at most ``most`` are kept, those
    with the smallest hash.

    Raises:
        BadInput: nothing is there, or a line is wrong; it names the file and the line.
    """
    path = Path(place).expanduser()
    file = _file(path)
    groups: dict[tuple[str, str], dict[bytes, Pair]] = {}
    for condition, pair in read(file):
        group = groups.setdefault((pair.construction, condition), {})
        group[_hash(pair)] = pair
    chosen = [
        group[key]
        for name in sorted(groups)
        for group in [groups[name]]
        for key in sorted(group)[:most]
    ]
    if not chosen:
        raise BadInput(f"{file.name}: no pair that differs in a verb.")
    name = path.resolve().name if path.is_dir() else file.name.partition(".")[0]
    rows = (json.dumps(pair, ensure_ascii=False, separators=(",", ":")) for pair in chosen)
    return name, keep(rows, _KIND)


@lru_cache(maxsize=2)
def open_pairs(name: str, content: str) -> tuple[Pair, ...]:
    """Return pairs that were imported before.

    Raises:
        BadInput: they are not in this machine's cache.
    """
    return tuple(
        Pair(tuple(words), *rest) for words, *rest in kept_lines(content, _KIND, f"pairs = '{name}'")
    )


def read(path: Path) -> Iterator[tuple[str, Pair]]:
    """Yield condition and pair of each line, reflexives left out.

    Raises:
        BadInput: a line has other columns, or the two words are not two numbers of one verb.
    """
    for number, line in enumerate(lines(path), start=1):
        where = f"{path.name}, line {number}"
        cells = line.split("\t")
        if len(cells) != len(COLUMNS):
            raise BadInput(f"{where}: {len(cells)} columns, not {len(COLUMNS)}: {', '.join(COLUMNS)}.")
        construction, condition, *sentences, index = cells
        if REFLEXIVE in construction:
            continue
        right, wrong = (sentence.split() for sentence in sentences)
        if not index.isdigit() or not 0 < int(index) < min(len(right), len(wrong)):
            raise BadInput(f"{where}: index = {index!r}: the place of a word after the first, from 0.")
        place = int(index)
        plural = number_of(right[place], wrong[place])
        if plural is None:
            raise BadInput(
                f"{where}: '{right[place]}' and '{wrong[place]}' are not singular and plural of a verb."
            )
        numbers = [part for part in condition.split("_") if part in ("sing", "plur")]
        yield condition, Pair(tuple(right[:place]), plural, construction, int(len(set(numbers)) > 1))


def number_of(verb: str, other: str) -> int | None:
    """Return 0 if ``verb`` is the singular of ``other``, 1 if its plural, None if neither.

    >>> number_of("swims", "swim"), number_of("are", "is"), number_of("swim", "sinks")
    (0, 1, None)
    """
    if _is_singular(verb, other):
        return 0
    return 1 if _is_singular(other, verb) else None


def _is_singular(verb: str, plural: str) -> bool:
    regular = {plural + "s", plural + "es", plural.removesuffix("y") + "ies"}
    return _SINGULAR.get(verb) == plural or verb in regular


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.name.endswith((".tsv", ".tsv.gz")))
        if found:
            return found[0]
    raise BadInput(f"pairs = '{path}': no TSV file with minimal pairs there.")


def _hash(pair: Pair) -> bytes:
    return hashlib.sha256(json.dumps(pair, ensure_ascii=False).encode()).digest()
