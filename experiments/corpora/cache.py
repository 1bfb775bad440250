"""Where corpora, tokenisers and encoded text are kept: by content, written atomically.

All of it is made by one user for that user alone: a corpus may be private.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import BadInput

try:
    import fcntl
except ImportError:  # no such locks on this system: only age tells what a killed process left
    fcntl = None  # type: ignore[assignment]

_DRAFT = ".draft."
_LEFT_S = 86_400.0
"""A draft of this age is left over, where nothing tells whether its process is there."""

_YOUNG_S = 60.0
"""A draft of less than this age may not be locked yet."""


def cache_folder() -> Path:
    """Return ``$SEQYARD_CACHE``, else ``seqyard`` in the user's cache folder."""
    given = os.environ.get("SEQYARD_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqyard"


def kind_folder(kind: str) -> Path:
    """Return the cache's folder for a kind of thing, made if missing; only its owner may enter it.

    Raises:
        OSError: it cannot be made.
    """
    folder = cache_folder() / kind
    for made in (folder.parent, folder):
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def draft(kind: str) -> Iterator[Path]:
    """Give a new folder beside those of a kind; what is not published is removed at the end.

    What a killed process left of its drafts is removed, too.

    Raises:
        BadInput: the cache cannot be written.
    """
    parent = cache_folder() / kind
    try:
        parent = kind_folder(kind)
        remove_left_over()
        folder = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=parent))
    except OSError as error:
        raise BadInput(
            f"cache '{parent}' cannot be written ({error.strerror}); "
            "set SEQYARD_CACHE to a folder that can."
        ) from error
    try:
        with _locked(folder):
            yield folder
    except OSError as error:
        raise BadInput(f"cache '{parent}' cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, name: str) -> Path:
    """Move a draft into place, whole; if another process was first, its equal result stays.

    Its files are on the disk before they have their name: a machine that stops leaves no torn ones.
    """
    place = folder.parent / name
    for path in folder.iterdir():
        flush(path)
    flush(folder)
    try:
        folder.rename(place)
    except OSError:
        if not place.is_dir():
            raise
    flush(folder.parent)
    return place


def flush(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on the disk."""
    if path.is_dir() and os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_left_over() -> None:
    """Remove drafts whose process is gone, or that are a day old where nothing tells that."""
    for folder in cache_folder().glob(f"*/{_DRAFT}*"):
        try:
            age_s = time.time() - folder.stat().st_mtime
            left = age_s > _YOUNG_S and _is_left(folder, age_s)
        except OSError:  # another process was faster
            continue
        if left:
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path, age_s: float) -> bool:
    with _locked(folder) as free:
        return age_s > _LEFT_S if free is None else free


@contextmanager
def _locked(folder: Path) -> Iterator[bool | None]:
    """Hold a folder while its process lives: True, or False if another does; None: not to be had."""
    if fcntl is None:
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found: bool | None = True
        except BlockingIOError:
            found = False
        except OSError:  # some network file systems lock no folders
            found = None
        yield found
    finally:
        os.close(handle)
