"""Locks between processes. The kernel drops them when their holder dies, however it dies."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import BadInput

try:
    import fcntl
except ImportError:  # no such locks on this system: nothing keeps two runs apart
    fcntl = None  # type: ignore[assignment]


class NotAcquired(Exception):
    """Waiting for a lock was given up."""


@contextmanager
def store_lock(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a store for one run, or ``shared`` among the workers of one queue.

    Raises:
        BadInput: another run holds it.
    """
    with _opened(folder / "run.lock") as handle:
        if not _try(handle, shared=shared):
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
            raise BadInput(
                f"--store '{folder}' is in use by another run (process {holder or 'unknown'}); "
                "wait for it, or choose another --store."
            )
        with suppress(OSError):  # a full disk; the number is for people alone
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield


@contextmanager
def machine_lock(
    *, exclusive: bool, waiting: Callable[[float], bool], poll_s: float = 0.5
) -> Iterator[None]:
    """Hold this machine, shared for ordinary work, exclusively for timing.

    While the lock is not free, ``waiting(seconds waited)`` is called at every poll; it returns
    whether to go on waiting.

    Raises:
        NotAcquired: ``waiting`` returned False.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    begun = time.monotonic()
    with _opened(Path(tempfile.gettempdir()) / f"seqyard-{user}.lock") as handle:
        while not _try(handle, shared=not exclusive):
            if not waiting(time.monotonic() - begun):
                raise NotAcquired
            time.sleep(poll_s)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # O_NOFOLLOW: a link that someone else put into a shared folder is not followed
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _try(handle: int, *, shared: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
