"""A training split as tokens on disk: memory-mapped, so that its size does not matter.

N pairs of a split; a pair's tokens are ``tokens[start:end]``, EOS included.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.corpora.cache import cache_folder, draft, publish
from experiments.corpora.corpus import Corpus
from experiments.corpora.subwords import FORMAT, Subwords
from models.errors import BadInput

_SIDES = ("source", "target")
_AT_ONCE = 5000
_LENGTHS_AT_ONCE = 1 << 20


class Side(NamedTuple):
    """One language of a split."""

    tokens: NDArray[np.uint32]  # all sentences one after the other, memory-mapped
    ends: NDArray[np.int64]  # (N,)

    def row(self, index: int) -> NDArray[np.uint32]:
        """Return one sentence's tokens."""
        begin = self.ends[index - 1] if index else 0
        return self.tokens[begin : self.ends[index]]

    def lengths(self) -> NDArray[np.int32]:
        """Return (N,) sentence lengths."""
        found = np.empty(len(self.ends), dtype=np.int32)
        for begin in range(0, len(found), _LENGTHS_AT_ONCE):
            ends = self.ends[begin : begin + _LENGTHS_AT_ONCE]
            before = self.ends[begin - 1] if begin else 0
            found[begin : begin + len(ends)] = np.diff(ends, prepend=before)
        return found


def encoded(corpus: Corpus, subwords: Subwords, split: str) -> tuple[Side, Side]:
    """Return source and target of a split as tokens, encoded now or kept from before."""
    name = encoded_name(corpus, subwords, split)
    folder = cache_folder() / "encoded" / name
    if not folder.is_dir():
        with draft("encoded") as place:
            for side in _SIDES:
                _write(place, side, _rows(corpus, subwords, split, side))
            folder = publish(place, name)
    source, target = (
        Side(
            np.memmap(folder / f"{side}.u32", dtype=np.uint32, mode="r"),
            np.load(folder / f"{side}.ends.npy", mmap_mode="r"),
        )
        for side in _SIDES
    )
    return source, target


def encoded_name(corpus: Corpus, subwords: Subwords, split: str) -> str:
    """Return what identifies the tokens of a split: the corpus' content and the subwords'."""
    mark = subwords.signature.rpartition("hash:")[2]
    return f"{corpus.content}-{mark}-{split}-{FORMAT}"


def _rows(corpus: Corpus, subwords: Subwords, split: str, side: str) -> Iterator[list[int]]:
    for batch in corpus.split(split).iter(_AT_ONCE):
        yield from subwords.encode(side, batch[side])


def _write(folder: Path, side: str, rows: Iterator[list[int]]) -> None:
    ends, total = array("q"), 0
    with (folder / f"{side}.u32").open("wb") as file:
        for row in rows:
            np.asarray(row, dtype=np.uint32).tofile(file)
            total += len(row)
            ends.append(total)
    if not ends:
        raise BadInput("the split has no sentence pair.")
    np.save(folder / f"{side}.ends.npy", np.frombuffer(ends, dtype=np.int64))
