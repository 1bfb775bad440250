"""A cache of its own for every test, and small corpora in every layout."""

import gzip
import json
from pathlib import Path

import pytest

PAIRS = {
    "train": [(f"the dog sees {n} cats", f"der Hund sieht {n} Katzen") for n in range(60)],
    "val": [("a dog & a <cat>", "ein Hund & eine <Katze>"), ("a cat", "eine Katze")],
    "test": [("the cat sees a dog", "die Katze sieht einen Hund"), ("dogs", "Hunde")],
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SEQYARD_CACHE", str(folder))
    return folder


def write_text(folder: Path, pairs: dict | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in (pairs or PAIRS).items():
        for side, language in enumerate(("en", "de")):
            text = "".join(f"{row[side]}\n" for row in rows)
            (folder / f"{split}.{language}").write_text(text, encoding="utf-8")
    return folder


def write_tsv(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for split, rows in PAIRS.items():
        text = "".join(f"{source}\t{target}\n" for source, target in rows)
        with gzip.open(folder / f"en-de.{split.replace('val', 'dev')}.tsv.gz", "wb") as file:
            file.write(text.encode())
    return folder


def write_jsonl(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for split, rows in PAIRS.items():
        text = "".join(
            json.dumps({"doc": "d", "n": n, "en": source, "de": target}) + "\n"
            for n, (source, target) in enumerate(rows)
        )
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return folder
