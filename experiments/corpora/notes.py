"""Notes of what was imported before: from a stamp of where it came from to the content it gave.

A note is only a short cut: without it, or when its corpus is gone, the import runs again.
"""

import contextlib
import hashlib
import json
import os
from typing import Any

from experiments.corpora.cache import cache_folder, kind_folder

_KIND = "imports"


def stamp_of(*parts: str) -> str:
    """Return 16 hexadecimal digits for where something comes from."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def read_note(stamp: str) -> dict[str, Any]:
    """Return what was noted; nothing if there is no note, or a damaged one."""
    path = cache_folder() / _KIND / f"{stamp}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_note(stamp: str, note: dict[str, Any]) -> None:
    """Keep a note, whole or not at all; a cache that cannot be written keeps none."""
    with contextlib.suppress(OSError):
        path = kind_folder(_KIND) / f"{stamp}.json"
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(note), encoding="utf-8")
        part.replace(path)
