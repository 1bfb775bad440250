"""Pretrained word vectors from files: word2vec, GloVe and fastText text, and ``.npy`` matrices.

Files are read once, line by line, and only the words that are asked for are kept: memory does not grow
with the file. N words found, E dimensions.
"""

import gzip
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput, nearest

WORD_LISTS = ("words.txt", "vocab.txt")
"""Names of a word list that lies beside a matrix, after that of the matrix itself with ``.txt``."""


class WordVectors(NamedTuple):
    """The vectors of some words."""

    words: tuple[str, ...]
    vectors: NDArray[np.float32]  # (N, E)


def read_vectors(place: Path, wanted: Collection[str]) -> WordVectors:
    """Return the vectors that a file has of the wanted words, in their order.

    A word that the file has in lower case alone takes that vector. Of a word that occurs twice the
    first vector counts.

    Args:
        place: text with one word and its numbers a line, plain or gzipped: with a first line of the
            number of words and of dimensions (word2vec, fastText ``.vec``) or without (GloVe); or a
            ``.npy`` matrix (words, E) with a list of its words beside it, one a line, in a file of its
            name with ``.txt``, ``words.txt`` or ``vocab.txt``; or the folder with one such matrix.
        wanted: words.

    Raises:
        BadInput: it is not there, none of the words is in it, or a line of it is wrong, which is named.
    """
    names = {form for word in wanted for form in (word, word.lower())}
    if place.is_dir() or place.suffix == ".npy":
        found = _from_matrix(_matrix_of(place), names)
    else:
        found = _from_text(place, names)
    there = [(word, form) for word in wanted if (form := _form(word, found)) is not None]
    if not there:
        raise BadInput(
            f"vectors '{place}': none of the {len(wanted)} words of the vocabulary is in it."
        )
    return WordVectors(
        tuple(word for word, _ in there),
        np.stack([found[form] for _, form in there]).astype(np.float32, copy=False),
    )


def _form(word: str, found: Collection[str]) -> str | None:
    return next((form for form in (word, word.lower()) if form in found), None)


# Text ------------------------------------------------------------------------------------------------


def _from_text(path: Path, names: Collection[str]) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    size, announced, number = 0, None, 0
    with _opened(path) as file:
        for number, raw in enumerate(_lines(file, path), start=1):
            line = raw.rstrip()
            fields = line.count(b" ") + 1
            if number == 1:
                announced = _header(line)
                size = announced[1] if announced else fields - 1
                if size < 1:
                    raise _wrong(path, 1, "write a word and its numbers, with spaces between them")
                if announced:
                    continue
            if not line:
                raise _wrong(path, number, "it is empty")
            if fields < size + 1:
                raise _wrong(path, number, f"{fields - 1} numbers, where others have {size}")
            # a few words of GloVe have spaces in them: the numbers are the last fields
            word_bytes = line.rsplit(b" ", size)[0]
            if fields > size + 1 and (announced or _is_number(word_bytes.rpartition(b" ")[2])):
                raise _wrong(path, number, f"{fields - 1} numbers, where others have {size}")
            word = _decoded(word_bytes, path, number)
            if word in names and word not in found:
                found[word] = _numbers(line[len(word_bytes) + 1 :], size, path, number)
    if number == 0:
        raise BadInput(f"vectors '{path}' is empty.")
    if announced and number - 1 != announced[0]:
        raise _wrong(path, number, f"the file ends after {number - 1} of {announced[0]} words")
    return found


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, beside) if 0 < len(beside) <= 20 else ""
        raise BadInput(f"vectors '{path}': no such file.{hint}")
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            yield packed  # type: ignore[misc]
    else:
        with path.open("rb") as file:
            yield file


def _lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from file
    except (OSError, EOFError) as error:
        raise BadInput(f"vectors '{path}' cannot be read: {error}.") from error


def _header(line: bytes) -> tuple[int, int] | None:
    """Return the number of words and of dimensions, where the first line says them."""
    fields = line.split()
    return (
        (int(fields[0]), int(fields[1]))
        if len(fields) == 2 and line.replace(b" ", b"").isdigit()
        else None
    )


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _decoded(word: bytes, path: Path, number: int) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _wrong(
            path, number, "not UTF-8; is this word2vec’s binary format? Save it as text"
        ) from error


def _numbers(text: bytes, size: int, path: Path, number: int) -> NDArray[np.float32]:
    try:
        values = np.array(text.split(), dtype=np.float32)
    except ValueError:
        values = np.zeros(0, dtype=np.float32)
    if len(values) != size or not np.isfinite(values).all():
        raise _wrong(path, number, f"{size} finite numbers should follow the word")
    return values


def _wrong(path: Path, number: int, what: str) -> BadInput:
    return BadInput(f"{path.name}, line {number}: {what}.")


# Matrices --------------------------------------------------------------------------------------------


def _matrix_of(place: Path) -> Path:
    if not place.is_dir():
        if not place.is_file():
            raise BadInput(f"vectors '{place}': no such file.")
        return place
    found = sorted(place.glob("*.npy"))
    if len(found) != 1:
        raise BadInput(f"vectors '{place}': one .npy matrix should be in it, not {len(found)}.")
    return found[0]


def _from_matrix(path: Path, names: Collection[str]) -> dict[str, NDArray[np.float32]]:
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"vectors '{path}' is no matrix of numbers: {error}.") from error
    if matrix.ndim != 2 or matrix.dtype.kind != "f" or not matrix.shape[1]:
        raise BadInput(
            f"vectors '{path}': a matrix (words, dimensions) of floats is needed, not {matrix.dtype} "
            f"of shape {matrix.shape}."
        )
    lists = [path.with_suffix(".txt"), *(path.parent / name for name in WORD_LISTS)]
    beside = next((place for place in lists if place.is_file()), None)
    if beside is None:
        raise BadInput(
            f"vectors '{path}': no list of its words beside it; looked for "
            f"{', '.join(dict.fromkeys(place.name for place in lists))}."
        )
    words = _listed(beside)
    if len(words) != len(matrix):
        raise BadInput(f"{beside.name}: {len(words)} words, but {path.name} has {len(matrix)} rows.")
    found: dict[str, NDArray[np.float32]] = {}
    for row, word in enumerate(words):
        if word in names and word not in found:
            found[word] = np.asarray(matrix[row], dtype=np.float32)
            if not np.isfinite(found[word]).all():
                raise BadInput(f"{path.name}, row {row + 1} ('{word}'): not finite.")
    return found


def _listed(path: Path) -> Sequence[str]:
    with path.open("rb") as file:
        return [
            _decoded(line.rstrip(b"\r\n"), path, number) for number, line in enumerate(file, start=1)
        ]
