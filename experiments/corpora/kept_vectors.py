"""Word vectors kept by their content, so that no cell depends on where a file lies.

What is kept is what a vocabulary takes from a file: the same vectors in another format, or in a larger
file, are the same content.
"""

import hashlib
from pathlib import Path

import numpy as np

from experiments.corpora.cache import cache_folder, draft, publish
from experiments.corpora.word_vectors import WordVectors
from models.errors import BadInput

_KIND, _WORDS, _MATRIX = "vectors", "words.txt", "vectors.npy"


def content_of(found: WordVectors) -> str:
    """Return the hash (SHA-256) of words and vectors, 16 hexadecimal digits."""
    hashes = hashlib.sha256("\n".join(found.words).encode())
    hashes.update(f"\n{found.vectors.shape}".encode())
    hashes.update(np.ascontiguousarray(found.vectors, dtype="<f4").tobytes())
    return hashes.hexdigest()[:16]


def keep_vectors(found: WordVectors, name: str = "") -> str:
    """Keep vectors in the cache, under their content or under ``name``; return which.

    Raises:
        BadInput: the cache cannot be written.
    """
    name = name or content_of(found)
    if not (cache_folder() / _KIND / name).is_dir():
        with draft(_KIND) as folder:
            (folder / _WORDS).write_bytes("\n".join(found.words).encode())
            np.save(folder / _MATRIX, found.vectors)
            publish(folder, name)
    return name


def vectors_named(name: str) -> WordVectors | None:
    """Return what was kept under a name; None if there is nothing, or nothing usable."""
    folder = cache_folder() / _KIND / name
    try:
        words = tuple((folder / _WORDS).read_bytes().decode().split("\n"))
        vectors = np.load(folder / _MATRIX, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    usable = vectors.ndim == 2 and vectors.dtype == np.float32 and len(vectors) == len(words)
    return WordVectors(words, vectors) if usable else None


def kept_vectors(content: str, name: str) -> WordVectors:
    """Return vectors that were kept by their content.

    Raises:
        BadInput: they are not in this machine's cache, or were changed there.
    """
    found = vectors_named(content)
    folder: Path = cache_folder() / _KIND / content
    if found is None:
        raise BadInput(
            f"vectors '{name}' (content {content}) are not in the cache {cache_folder()}; "
            "name them once more with their place: vectors = PATH."
        )
    if content_of(found) != content:
        raise BadInput(f"vectors '{name}': {folder} was changed; remove it and import them again.")
    return found
