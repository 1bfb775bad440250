"""Which files of a folder hold which split of a parallel corpus.

Three layouts, each plain or gzipped:

- line-aligned text: ``train.en`` and ``train.de``, ``val.en`` ...
- tab-separated: ``train.tsv`` or ``en-de.train.tsv``, source TAB target
- JSON lines: ``train.jsonl`` or ``en-de.train.jsonl``, with a key for each language, or both below
  ``translation``; an optional key ``doc`` names the document
"""

import re
from pathlib import Path
from typing import NamedTuple

from experiments.tasks.base import Split
from models.errors import BadInput, nearest

_SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


class Files(NamedTuple):
    """The files of one split: two of aligned lines, or one with both languages."""

    kind: str  # "text", "tsv" or "jsonl"
    paths: tuple[Path, ...]
    swapped: bool = False  # the file has the target first


class Found(NamedTuple):
    """The files of each split; there may be several test sets, by name."""

    train: Files
    validation: Files | None
    tests: dict[str, Files]


def find_files(folder: Path, source: str, target: str) -> Found:
    """Return the files of a corpus from language ``source`` to ``target``.

    Raises:
        BadInput: no training or test files for this pair; the message says what there is instead.
    """
    if not folder.is_dir():
        there = [path.name for path in folder.parent.glob("*/")] if folder.parent.is_dir() else []
        raise BadInput(f"corpus '{folder}': there is no such folder.{nearest(folder.name, there)}")
    by_stem: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        name = path.name.removesuffix(".gz")
        if path.is_file() and "." in name:
            stem, _, ending = name.rpartition(".")
            by_stem.setdefault(stem, {}).setdefault(ending, path)
    files: dict[str, Files] = {}
    for stem, endings in by_stem.items():
        found = _files(stem, endings, source, target)
        if found is not None:
            files[found[0]] = found[1]
    splits = {split: _named(files, names) for split, names in _SPLITS.items()}
    if not splits["train"] or not splits["test"]:
        lacking = "train" if not splits["train"] else "test"
        raise BadInput(
            f"corpus '{folder}' has no {lacking} split for the pair {source}-{target}: "
            f"{_pairs_there(folder)}. Expected {lacking}.{source} and {lacking}.{target}, "
            f"{source}-{target}.{lacking}.tsv or {lacking}.jsonl (each may end in .gz)."
        )
    validation = next(iter(splits["validation"].values()), None)
    return Found(next(iter(splits["train"].values())), validation, splits["test"])


def _files(stem: str, endings: dict[str, Path], source: str, target: str) -> tuple[str, Files] | None:
    if source in endings and target in endings:
        return stem, Files("text", (endings[source], endings[target]))
    for kind in ("tsv", "jsonl"):
        if kind not in endings:
            continue
        pair, _, split = stem.rpartition(".")
        if pair in ("", f"{source}-{target}"):
            return split, Files(kind, (endings[kind],))
        if pair == f"{target}-{source}":
            return split, Files(kind, (endings[kind],), swapped=kind == "tsv")
    return None


def _named(files: dict[str, Files], names: tuple[str, ...]) -> dict[str, Files]:
    return {
        name: found
        for name, found in files.items()
        if any(re.fullmatch(rf"{known}([-_.].*)?", name) for known in names)
    }


def _pairs_there(folder: Path) -> str:
    names = {path.name.removesuffix(".gz") for path in folder.iterdir() if path.is_file()}
    pairs = {name.split(".")[0] for name in names if re.match(r"[a-z]{2,3}-[a-z]{2,3}\.", name)}
    languages = {name.split(".")[-1] for name in names if re.fullmatch(r"train\.[a-z]{2,3}", name)}
    if pairs:
        return f"it has {', '.join(sorted(pairs))}"
    if languages:
        return f"it has {', '.join(sorted(languages))}"
    return "it has no parallel text"
