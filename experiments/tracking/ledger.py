"""Which records W&B has: one line a run, so that nothing is logged twice and nothing is forgotten."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # no such locks on this system: two mirrors of one store may both log a run
    fcntl = None  # type: ignore[assignment]


class Ledger:
    """An append-only file of ``{key, content}``; ``content`` is the hash of what was logged."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        self._handle = os.open(path, flags, 0o644)
        self._read = 0  # bytes
        self._known: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the file and of every claim."""
        os.close(self._handle)

    def has(self, key: str, content: str) -> bool:
        """Whether this content of the run ``key`` is logged, by this process or another."""
        self._catch_up()
        return self._known.get(key) == content

    def knows(self, key: str) -> bool:
        """Whether any content of the run is logged."""
        self._catch_up()
        return key in self._known

    def add(self, key: str, content: str) -> None:
        """Note that the run is logged, whole."""
        line = json.dumps({"key": key, "content": content}) + "\n"
        os.write(self._handle, line.encode())

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Keep other processes from logging this run meanwhile; False: one of them does already."""
        if fcntl is None:
            yield True
            return
        place = int(hashlib.sha256(key.encode()).hexdigest()[:15], 16)  # a byte of the file, far away
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, place)

    def _catch_up(self) -> None:
        size = os.fstat(self._handle).st_size
        data = os.pread(self._handle, size - self._read, self._read)
        whole = data[: data.rfind(b"\n") + 1]  # another process may be writing the rest
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
                self._known[row["key"]] = row["content"]
            except (ValueError, KeyError, TypeError):  # cut off when the disk was full
                continue


def content_hash(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
