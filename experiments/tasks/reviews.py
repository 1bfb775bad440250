"""Generated documents with a label, and labelled documents from files: lines of label TAB text."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.tasks.base import Split
from experiments.tasks.text_files import read_text
from models.errors import BadInput

SEED = 2004
WORDS, SIGNALS = 500, 20
"""Generated: different words without meaning, and with, for each label."""

_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
_ENDINGS = (".tsv", ".tsv.gz", ".txt", ".txt.gz")


class Document(NamedTuple):
    """A text, its words separated by white space, and its class by name."""

    label: str
    text: str


Documents = dict[Split, tuple[Document, ...]]


@lru_cache(maxsize=2)
def generated(count: int) -> Documents:
    """Return documents of 50 to 400 words, the label that of most signal words; split 8 : 1 : 1.

    About every tenth word is a signal word, ``good1`` or ``bad7``; their number is odd. The others are
    drawn from Zipf's law.
    """
    generator = np.random.default_rng([SEED, count])
    weights = 1 / np.arange(1, WORDS + 1)
    names = np.array([f"w{number}" for number in range(1, WORDS + 1)], dtype=object)
    found = []
    for number in range(count):
        label = ("bad", "good")[number % 2]
        length = int(np.exp(generator.uniform(np.log(50), np.log(400))))
        words = names[generator.choice(WORDS, size=length, p=weights / weights.sum())]
        signals = length // 20 * 2 + 1
        for_label = int(generator.integers(signals // 2 + 1, signals + 1))
        sides = np.where(np.arange(signals) < for_label, label, "good" if label == "bad" else "bad")
        numbers = generator.integers(1, SIGNALS + 1, size=signals)
        places = generator.choice(length, size=signals, replace=False)
        words[places] = [f"{side}{k}" for side, k in zip(sides, numbers, strict=True)]
        found.append(Document(label, " ".join(words.tolist())))
    low, high = count * 8 // 10, count * 9 // 10
    return {
        "train": tuple(found[:low]),
        "validation": tuple(found[low:high]),
        "test": tuple(found[high:]),
    }


def from_place(place: Path) -> Documents:
    """Return the documents of a folder with files for each split, or of one file, split by hash.

    Raises:
        BadInput: a file or a split is missing, or a line is wrong; it is named.
    """
    if not place.is_dir():
        documents = _lines(place)
        tenths = [sha256(found.text.encode()).digest()[0] % 10 for found in documents]
        chosen: Documents = {
            "train": tuple(d for d, tenth in zip(documents, tenths, strict=True) if tenth > 1),
            "validation": tuple(d for d, tenth in zip(documents, tenths, strict=True) if tenth == 0),
            "test": tuple(d for d, tenth in zip(documents, tenths, strict=True) if tenth == 1),
        }
    else:
        chosen = {split: _lines(_file(place, names)) for split, names in _NAMES.items()}
    _check(chosen, place.name)
    return chosen


def _file(folder: Path, names: tuple[str, ...]) -> Path:
    tried = [folder / f"{name}{ending}" for name in names for ending in _ENDINGS]
    for path in tried:
        if path.is_file():
            return path
    raise BadInput(
        f"corpus '{folder}': no file for the {names[0]} split; looked for {', '.join(names)} with the "
        f"endings {', '.join(_ENDINGS)}."
    )


def _lines(path: Path) -> tuple[Document, ...]:
    found = []
    for number, line in enumerate(read_text(path).removesuffix("\n").split("\n"), start=1):
        label, tab, text = line.partition("\t")
        if not (tab and label.strip() and text.strip()):
            raise BadInput(f"{path.name}, line {number}: write label, tab and text.")
        found.append(Document(label.strip(), " ".join(text.split())))
    return tuple(found)


def _check(documents: Documents, name: str) -> None:
    empty = [split for split, found in documents.items() if not found]
    if empty:
        raise BadInput(f"corpus '{name}': the {empty[0]} split has no document.")
    labels = {document.label for document in documents["train"]}
    if len(labels) < 2:
        raise BadInput(f"corpus '{name}': every training document has the label '{labels.pop()}'.")
    for split, found in documents.items():
        strange = {document.label for document in found} - labels
        if strange:
            raise BadInput(
                f"corpus '{name}': label '{min(strange)}' of the {split} split is not in training."
            )


def as_text(documents: Documents) -> str:
    """Return all documents as one text, for the cache."""
    return "".join(
        f"{split}\t{document.label}\t{document.text}\n"
        for split, found in documents.items()
        for document in found
    )


def from_text(text: str) -> Documents:
    """Return the documents that ``as_text`` wrote."""
    found: dict[Split, list[Document]] = {"train": [], "validation": [], "test": []}
    for line in text.removesuffix("\n").split("\n"):
        split, label, body = line.split("\t")
        found[split].append(Document(label, body))  # type: ignore[index]
    return {split: tuple(documents) for split, documents in found.items()}
