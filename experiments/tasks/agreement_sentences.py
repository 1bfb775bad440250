"""Sentences up to the verb with the verb's number: read from files, kept by their content.

A cell names a corpus by name and content hash, never by a path: the same sentences are the same
corpus on every machine, and an edited file is another one.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from experiments.corpora.cache import cache_folder, draft, publish
from experiments.corpora.reading import lines
from models.errors import BadInput, nearest

FORMAT = 1
NUMBERS = ("singular", "plural")
SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("validation", "valid", "dev"),
    "test": ("test",),
}
"""Split → the names that its file may have."""

_SUFFIXES = (".jsonl", ".jsonl.gz")
_KIND = "agreement"
_TENTH = 10


class Sentence(NamedTuple):
    """What stands before the verb. ``number``: 0 singular, 1 plural."""

    words: tuple[str, ...]
    number: int
    distance: int | None = None  # tokens from subject to verb; None: the file does not say
    attractors: int | None = None  # nouns of the other number between them


@dataclass(frozen=True)
class Sentences:
    """The sentences of one split."""

    rows: tuple[Sentence, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def plural_share(self) -> float:
        """Return which share of the verbs is plural."""
        return sum(row.number for row in self.rows) / max(1, len(self.rows))


@dataclass(frozen=True)
class Corpus:
    """``train``, ``validation`` and ``test``."""

    name: str
    splits: Mapping[str, Sentences]

    def lines(self) -> Iterator[str]:
        """Yield every sentence as one line of JSON: what is kept, and what the content hash covers."""
        for split, sentences in self.splits.items():
            for row in sentences.rows:
                yield json.dumps([split, *row], ensure_ascii=False, separators=(",", ":"))


def import_corpus(place: str) -> tuple[str, str]:
    """Read a folder or file, check every line, keep the sentences; return name and content hash.

    A folder has ``train``, ``dev`` (or ``validation``) and ``test`` as ``.jsonl`` or ``.jsonl.gz``. A
    held-out split that has no file, and those of a single file, are a tenth of the training sentences
    each, chosen by the hash of their words in lower case: equal sentences stay in one split.

    Raises:
        BadInput: nothing is there, or a line is wrong; it names the file and the line.
    """
    path = Path(place).expanduser()
    files = _files(path)
    found = {split: tuple(read(file)) for split, file in files.items()}
    name = path.resolve().name
    for file in files.values():
        name = name if path.is_dir() else file.name.partition(".")[0]
    for tenth, split in enumerate(("validation", "test")):
        if split not in found:
            found[split] = tuple(row for row in found["train"] if _hash(row) % _TENTH == tenth)
            found["train"] = tuple(row for row in found["train"] if _hash(row) % _TENTH != tenth)
    corpus = Corpus(name, {split: Sentences(found[split]) for split in SPLITS})
    for split, sentences in corpus.splits.items():
        if not sentences.rows:
            raise BadInput(f"corpus '{name}': the {split} split has no sentence.")
    for key in ("distance", "attractors"):
        if len({getattr(row, key) is None for s in corpus.splits.values() for row in s.rows}) > 1:
            raise BadInput(
                f"corpus '{name}': some lines have '{key}' and some have not; "
                "give it in every line, or in none."
            )
    return name, keep(corpus.lines(), _KIND)


@lru_cache(maxsize=4)
def open_corpus(name: str, content: str) -> Corpus:
    """Return a corpus that was imported before.

    Raises:
        BadInput: it is not in this machine's cache.
    """
    splits: dict[str, list[Sentence]] = {split: [] for split in SPLITS}
    for split, words, *rest in kept_lines(content, _KIND, f"--corpus '{name}'"):
        splits[split].append(Sentence(tuple(words), *rest))
    return Corpus(name, {split: Sentences(tuple(rows)) for split, rows in splits.items()})


def keep(rows: Iterable[str], kind: str) -> str:
    """Write lines to the cache, whole or not at all; return the hash that they are found by."""
    text = "".join(row + "\n" for row in rows)
    content = hashlib.sha256(f"{FORMAT}\n{text}".encode()).hexdigest()[:16]
    if not (cache_folder() / kind / content).is_dir():
        with draft(kind) as folder:
            with gzip.open(folder / "rows.jsonl.gz", "wt", encoding="utf-8") as file:
                file.write(text)
            publish(folder, content)
    return content


def kept_lines(content: str, kind: str, what: str) -> Iterator[Any]:
    """Yield what ``keep`` wrote, parsed.

    Raises:
        BadInput: it is not in this machine's cache.
    """
    file = cache_folder() / kind / content / "rows.jsonl.gz"
    if not file.exists():
        raise BadInput(
            f"{what} (content {content}) is not in the cache {cache_folder()}; "
            "name it once more with its place: --corpus PATH."
        )
    for line in lines(file):
        yield json.loads(line)


def read(path: Path) -> Iterator[Sentence]:
    """Yield the sentences of a JSONL file, plain or gzipped.

    Keys: ``tokens`` (separated by spaces), ``verb_index`` (from 0), ``number``; ``distance`` and
    ``attractors`` where known.

    Raises:
        BadInput: it cannot be read, is not UTF-8, or a line is not such an object.
    """
    for number, line in enumerate(lines(path), start=1):
        where = f"{path.name}, line {number}"
        try:
            found = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{where}: not JSON ({error}).") from error
        if not isinstance(found, dict):
            raise BadInput(f"{where}: not a JSON object.")
        yield _sentence(found, where)


def _sentence(found: dict[str, Any], where: str) -> Sentence:
    for key in ("tokens", "verb_index", "number"):
        if key not in found:
            raise BadInput(f"{where}: no key '{key}'.{nearest(key, map(str, found))}")
    tokens = found["tokens"]
    words = tokens.split() if isinstance(tokens, str) else tokens
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise BadInput(f"{where}: tokens = {tokens!r:.60}: one text, or a list of words.")
    verb = found["verb_index"]
    if type(verb) is not int or not 0 < verb < len(words):
        raise BadInput(
            f"{where}: verb_index = {verb!r}: a whole number from 1 to {len(words) - 1}, "
            "so that a word stands before the verb."
        )
    if found["number"] not in NUMBERS:
        raise BadInput(
            f"{where}: number = {found['number']!r}.{nearest(str(found['number']), NUMBERS)}"
        )
    counts = {key: found.get(key) for key in ("distance", "attractors")}
    for key, value in counts.items():
        if value is not None and (type(value) is not int or value < 0):
            raise BadInput(f"{where}: {key} = {value!r}: a whole number from 0 on.")
    return Sentence(tuple(words[:verb]), NUMBERS.index(found["number"]), **counts)


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {"train": path}
    if not path.is_dir():
        raise BadInput(
            f"corpus = '{path}': no such folder or file; 'generated' (the default) needs none."
        )
    found: dict[str, Path] = {}
    for split, names in SPLITS.items():
        for file in (path / f"{name}{suffix}" for name in names for suffix in _SUFFIXES):
            if file.is_file():
                found.setdefault(split, file)
    if "train" not in found:
        present = ", ".join(sorted(file.name for file in path.iterdir())) or "nothing"
        raise BadInput(f"corpus = '{path}': no train.jsonl or train.jsonl.gz in it; found: {present}.")
    return found


def _hash(row: Sentence) -> int:
    text = " ".join(row.words).lower()
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
