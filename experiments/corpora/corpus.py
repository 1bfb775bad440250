"""A parallel corpus, kept by its content: Arrow files that are memory-mapped, whatever their size.

A cell names a corpus by name and content hash, never by a path: the same text is the same corpus on
every machine, and an edited file is another one.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from experiments.corpora import embedded, hub
from experiments.corpora.cache import cache_folder, draft, publish
from experiments.corpora.layout import Found, find_files
from experiments.corpora.notes import read_note, stamp_of, write_note
from experiments.corpora.reading import Row, read
from models.errors import BadInput

FORMAT = 1
CONTENT = re.compile(r"[0-9a-f]{16}")
HELD_OUT = 1000  # training pairs that become the validation split where there is none, at most 5 %
_AT_ONCE = 10_000  # pairs written at a time


class Corpus:
    """The pairs of every split. Splits: ``train``, ``validation``, and each test set by its name."""

    def __init__(self, folder: Path, name: str = "") -> None:
        self.folder, self.name = folder, name
        self.facts: dict[str, Any] = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        self._loaded: dict[str, Any] = {}

    @property
    def content(self) -> str:
        """Return the hash of all text, 16 hexadecimal digits."""
        return self.folder.name

    @property
    def tests(self) -> list[str]:
        """Return the names of the test sets; the first is the default."""
        return list(self.facts["tests"])

    def split(self, name: str) -> Any:
        """Return a memory-mapped ``datasets.Dataset`` with columns source, target and document."""
        if name not in self._loaded:
            import datasets

            held = self.facts["held_out"]
            stored = "train" if name == "validation" and held else name
            found = datasets.Dataset.from_file(str(self.folder / f"{stored}.arrow"))
            if held and stored == "train":
                cut = len(found) - held
                found = found.select(range(cut) if name == "train" else range(cut, len(found)))
            self._loaded[name] = found
        return self._loaded[name]

    def rows(self, name: str) -> Iterator[Row]:
        """Yield the pairs of a split in document order."""
        for batch in self.split(name).iter(_AT_ONCE):
            for row in zip(batch["source"], batch["target"], batch["document"], strict=True):
                yield Row(*row)

    def size(self, name: str) -> int:
        """Return how many pairs a split has."""
        return int(self.facts["sizes"][name])


def import_corpus(corpus: str, pair: str, columns: tuple[str, str] | None = None) -> Corpus:
    """Read a corpus from a folder or from the hub, check every line, and keep it by content.

    ``scan`` is generated and needs neither. ``columns`` name source and target in JSON lines and on the
    hub, where they are not the languages of the pair. Files that were read before, and have neither
    another size nor another time, are not read again; nor is the hub asked again for what it gave,
    unless a revision is named that is no commit, or another one: ``org/name@main``.

    Raises:
        BadInput: the pair is malformed, the corpus is not there, or a line of it is wrong.
    """
    source, target = languages(pair)
    if corpus == embedded.NAME:
        if pair != embedded.PAIR:
            raise BadInput(f"pair = '{pair}': corpus '{corpus}' has the pair {embedded.PAIR} only.")
        return _keep(embedded.rows(), ["test"], name=corpus, pair=pair)
    try:
        folder = Path(corpus).expanduser()
    except RuntimeError as error:
        raise BadInput(f"corpus '{corpus}': {error}") from error
    if folder.exists() or corpus.startswith((".", "/", "~")) or _depth(corpus) > 1:
        return _from_files(folder, source, target, columns or (source, target))
    return _from_hub(corpus, source, target, columns or (source, target))


def _depth(corpus: str) -> int:
    """Return how many folders a name goes down; a name on the hub has one, and a revision any."""
    return corpus.partition("@")[0].count("/")


def open_corpus(content: str, name: str) -> Corpus:
    """Open a corpus that was imported before.

    Raises:
        BadInput: it is not in this machine's cache.
    """
    known = _known({"content": content}, name)
    if known is None:
        raise BadInput(
            f"corpus '{name}' (content {content}) is not in the cache {cache_folder()}; "
            "name it once more with its place: --corpus PATH."
        )
    return known


def languages(pair: str) -> tuple[str, str]:
    """Return source and target language of a pair like ``en-de``.

    Raises:
        BadInput: it is no pair.
    """
    source, dash, target = pair.partition("-")
    if not (dash and source and target) or source == target:
        raise BadInput(f"pair = '{pair}': write source and target language with a dash, such as en-de.")
    return source, target


def _from_files(folder: Path, source: str, target: str, columns: tuple[str, str]) -> Corpus:
    name = folder.resolve().name
    found = find_files(folder, source, target)
    stamp = _stamp(found, f"{FORMAT} {source}-{target} {columns}")
    known = _known(read_note(stamp), name)
    if known is not None:
        return known
    rows: dict[str, Iterable[Row]] = {"train": read(found.train, *columns)}
    if found.validation is not None:
        rows["validation"] = read(found.validation, *columns)
    rows |= {name: read(files, *columns) for name, files in found.tests.items()}
    corpus = _keep(rows, list(found.tests), name=name, pair=f"{source}-{target}")
    write_note(stamp, {"content": corpus.content})
    return corpus


def _from_hub(corpus: str, source: str, target: str, columns: tuple[str, str]) -> Corpus:
    place = hub.Place.of(corpus)
    stamp = stamp_of(
        f"hub {FORMAT}", place.repository, place.configuration, f"{source}-{target} {columns}"
    )
    note = read_note(stamp)
    if place.revision in ("", note.get("revision")):
        known = _known(note, corpus)
        if known is not None:
            return known
    found = hub.load(corpus, source, target, columns)
    rows: dict[str, Iterable[Row]] = {split: found.rows(split) for split in found.splits}
    kept = _keep(rows, ["test"], name=corpus, pair=f"{source}-{target}")
    write_note(
        stamp, {"content": kept.content, "repository": place.repository, "revision": found.revision}
    )
    return kept


def _known(note: Mapping[str, Any], name: str) -> Corpus | None:
    """Return the corpus of a note, if it is still there."""
    content = str(note.get("content", ""))
    folder = cache_folder() / "corpora" / content
    if CONTENT.fullmatch(content) and (folder / "corpus.json").is_file():
        return Corpus(folder, name)
    return None


def _stamp(found: Found, what: str) -> str:
    groups = [found.train, *([found.validation] if found.validation else []), *found.tests.values()]
    parts = [what]
    for path in (path for files in groups for path in files.paths):
        facts = path.stat()
        parts.append(f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns}")
    return stamp_of(*parts)


def _keep(rows: Mapping[str, Iterable[Row]], tests: list[str], *, name: str, pair: str) -> Corpus:
    """Write all splits in one pass; what went through names the folder."""
    hashes, sizes = hashlib.sha256(f"{FORMAT} {pair}".encode()), {}
    with draft("corpora") as folder:
        for split, pairs in rows.items():
            hashes.update(f"\n# {split}\n".encode())
            sizes[split] = _write_arrow(folder / f"{split}.arrow", pairs, hashes)
        held = 0
        if "validation" not in sizes:
            held = min(HELD_OUT, sizes["train"] // 20)
            sizes |= {"validation": held, "train": sizes["train"] - held}
        empty = [split for split, size in sizes.items() if not size]
        if empty:
            raise BadInput(f"corpus '{name}': the {empty[0]} split has no sentence pair.")
        facts = {"name": name, "pair": pair, "tests": tests, "sizes": sizes, "held_out": held}
        (folder / "corpus.json").write_text(json.dumps(facts), encoding="utf-8")
        return Corpus(publish(folder, hashes.hexdigest()[:16]), name)


def _write_arrow(path: Path, rows: Iterable[Row], hashes: Any) -> int:
    from datasets import Features, Value
    from datasets.arrow_writer import ArrowWriter

    features = Features({name: Value("string") for name in Row._fields})
    written, remaining = 0, iter(rows)
    with ArrowWriter(path=str(path), features=features) as writer:
        while batch := list(islice(remaining, _AT_ONCE)):
            for row in batch:
                hashes.update("\t".join(row).encode() + b"\n")
            columns = zip(*batch, strict=True)
            writer.write_batch(dict(zip(Row._fields, map(list, columns), strict=True)))
            written += len(batch)
        if written:
            writer.finalize()
    return written
