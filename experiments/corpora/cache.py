"""Where corpora, tokenisers and encoded text are kept: by content, written atomically."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import BadInput


def cache_folder() -> Path:
    """Return ``$SEQYARD_CACHE``, else ``seqyard`` in the user's cache folder."""
    given = os.environ.get("SEQYARD_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqyard"


@contextmanager
def draft(kind: str) -> Iterator[Path]:
    """Give a new folder beside those of a kind; what is not published is removed at the end.

    Raises:
        BadInput: the cache cannot be written.
    """
    parent = cache_folder() / kind
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".draft.", dir=parent))
    except OSError as error:
        raise BadInput(
            f"cache '{parent}' cannot be written ({error.strerror}); "
            "set SEQYARD_CACHE to a folder that can."
        ) from error
    try:
        yield folder
    except OSError as error:
        raise BadInput(f"cache '{parent}' cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, name: str) -> Path:
    """Move a draft into place, whole; if another process was first, its equal result stays."""
    place = folder.parent / name
    try:
        folder.rename(place)
    except OSError:
        if not place.is_dir():
            raise
    return place
