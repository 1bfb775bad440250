"""Read sentence pairs from files, strictly: what is wrong is named by file and line."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from experiments.corpora.layout import Files
from models.errors import BadInput


class Row(NamedTuple):
    """One sentence pair; neighbours with the same document stand next to each other in it."""

    source: str
    target: str
    document: str = ""


def read(files: Files, source: str, target: str) -> Iterator[Row]:
    """Yield the pairs of one split in order, white space at the ends removed.

    ``source`` and ``target`` are the keys of JSON lines.

    Raises:
        BadInput: a file cannot be read, is not UTF-8, has an empty side, or the sides differ in length.
    """
    if files.kind == "text":
        yield from _aligned(*files.paths)
    elif files.kind == "tsv":
        yield from _tabbed(files.paths[0], swapped=files.swapped)
    else:
        yield from _json_lines(files.paths[0], source, target)


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, plain or gzipped; only a line feed ends a line.

    Raises:
        BadInput: it cannot be read, or is not UTF-8.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from decoded(file, path.name)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path.name} cannot be read: {error}.") from error


def decoded(raw: Iterable[bytes], name: str) -> Iterator[str]:
    """Yield lines of UTF-8 without their ends.

    Raises:
        BadInput: one is not UTF-8; the line is named.
    """
    for number, line in enumerate(raw, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{name}, line {number}: not UTF-8 (byte 0x{error.object[error.start]:02x}); "
                "convert the file, for example with `iconv -t utf-8`."
            ) from error


def _aligned(source: Path, target: Path) -> Iterator[Row]:
    for number, pair in enumerate(zip_longest(lines(source), lines(target)), start=1):
        if None in pair:
            counts = [sum(1 for _ in lines(path)) for path in (source, target)]
            raise BadInput(
                f"{source.name} has {counts[0]} lines and {target.name} {counts[1]}: "
                "line i of each must be the same sentence."
            )
        yield _row(source, number, str(pair[0]), str(pair[1]), names=(source.name, target.name))


def _tabbed(path: Path, *, swapped: bool) -> Iterator[Row]:
    for number, line in enumerate(lines(path), start=1):
        columns = line.split("\t")
        if len(columns) < 2:
            raise BadInput(f"{path.name}, line {number}: no tab between source and target.")
        left, right = columns[:2]
        yield _row(path, number, *((right, left) if swapped else (left, right)))


def _json_lines(path: Path, source: str, target: str) -> Iterator[Row]:
    for number, line in enumerate(lines(path), start=1):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{path.name}, line {number}: not JSON ({error}).") from error
        if not isinstance(found, dict):
            raise BadInput(f"{path.name}, line {number}: not a JSON object.")
        yield row_of(found, path.name, number, source, target)


def row_of(found: dict[str, Any], where: str, number: int, source: str, target: str) -> Row:
    """Return the pair in an object with the languages as keys, or below ``translation``.

    Raises:
        BadInput: a language is missing, no text, or empty.
    """
    texts = found.get("translation", found)
    for language in (source, target):
        if not isinstance(texts, dict) or not isinstance(texts.get(language), str):
            keys = ", ".join(sorted(map(str, texts))) if isinstance(texts, dict) else "none"
            raise BadInput(f"{where}, row {number}: no text under '{language}'; keys: {keys}.")
    document = str(found.get("doc", ""))
    return _row(Path(where), number, texts[source], texts[target], document)


def _row(
    path: Path,
    number: int,
    source: str,
    target: str,
    document: str = "",
    names: tuple[str, str] | None = None,
) -> Row:
    # a line feed inside a sentence would break the files that scores are computed from
    row = Row(" ".join(source.split()), " ".join(target.split()), document)
    if not row.source or not row.target:
        side = 0 if not row.source else 1
        where = names[side] if names else path.name
        raise BadInput(
            f"{where}, line {number}: the {('source', 'target')[side]} is empty; "
            "remove the pair from the corpus."
        )
    return row
