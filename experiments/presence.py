"""Who works on which cell: one small file a worker in ``STORE/running``, for `seqyard status`.

These files are for people. Nothing is decided by them, and where they cannot be written the work goes
on. What is certain is told by the records.
"""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from experiments.cell import Block, Cell
from experiments.run import now
from experiments.store import Store
from experiments.sweep.identity import known_dead, me

BEAT_S = 15.0  # between two signs of life
STALE_S = 120.0
"""Without a sign of life for so long a worker is taken for gone."""
FORGOTTEN_S = 86400.0  # then what is left of it is removed
LOOK_S = 1.0  # cells that are done sooner are never told of
LOOK_EXCLUSIVE_S = 10.0  # a timing is disturbed as little as can be


class Presence:
    """Tells which cells the workers of this process are at. Belongs to the supervisor."""

    def __init__(self, store: Store) -> None:
        self.folder = store.folder / "running"
        self.current: dict[int, dict[str, Any]] = {}  # worker -> what its file is to say
        self.written: dict[int, tuple[str, float]] = {}  # worker -> what it says, since when
        self.looked = time.monotonic()
        _remove_dead(self.folder)

    def at(self, worker: int, process: int, block: Block, cell: Cell) -> None:
        """A worker (by its index and process number) turned to a cell."""
        self.current[worker] = {
            **me(),
            "worker": worker,
            "worker_pid": process,
            "block": block.key,
            "block_name": block.name,
            "cell": cell.key,
            "since": now(),
            "exclusive": block.exclusive,
        }

    def idle(self, worker: int) -> None:
        """A worker is at no cell any more."""
        self.current.pop(worker, None)

    def tick(self) -> None:
        """Write and remove files, now and then; to be called several times a second."""
        exclusive = any(row["exclusive"] for row in self.current.values())
        if time.monotonic() - self.looked >= (LOOK_EXCLUSIVE_S if exclusive else LOOK_S):
            self.looked = time.monotonic()
            self._write()

    def close(self) -> None:
        """Remove every file of this process."""
        self.current.clear()
        self._write()
        with contextlib.suppress(OSError):  # others are at work, or there is none
            self.folder.rmdir()

    def _write(self) -> None:
        for worker in [each for each in self.written if each not in self.current]:
            del self.written[worker]
            with contextlib.suppress(OSError):
                self._path(worker).unlink(missing_ok=True)
        for worker, row in self.current.items():
            said, at = self.written.get(worker, ("", 0.0))
            key = f"{row['cell']} {row['since']}"
            if said != key or time.monotonic() - at >= BEAT_S:
                self.written[worker] = (key, time.monotonic())
                with contextlib.suppress(OSError):
                    self.folder.mkdir(exist_ok=True)
                    _replace(self._path(worker), json.dumps(row))

    def _path(self, worker: int) -> Path:
        about = me()
        host = "".join(c if c.isalnum() or c in "-_." else "_" for c in about["host"]) or "host"
        return self.folder / f"{host}-{about['pid']}-{about['id']}-{worker}.json"


def present(store: Store) -> list[dict[str, Any]]:
    """Return who is at work on a store: rows of ``host``, ``pid``, ``worker``, ``cell``, ``since`` ...

    Left out is who is known to be gone: the process on this machine, or without a sign of life.
    """
    return [row for path, row in _files(store.folder / "running") if _alive(path, row)]


def _files(folder: Path) -> Iterable[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.glob("*.json")):
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # removed meanwhile, or nobody's
            continue
        if isinstance(row, dict) and {"cell", "host", "pid", "worker", "since"} <= row.keys():
            yield path, row


def _alive(path: Path, row: dict[str, Any]) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return False
    return age <= STALE_S and not known_dead(row)


def _remove_dead(folder: Path) -> None:
    for path, row in list(_files(folder)):
        with contextlib.suppress(OSError):
            if known_dead(row) or time.time() - path.stat().st_mtime > FORGOTTEN_S:
                path.unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    """Write a file that is whole whenever it is read; after a crash it may be gone."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
