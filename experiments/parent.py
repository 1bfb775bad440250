"""Processes that must not outlive the one that started them."""

import contextlib
import ctypes
import os
import signal
import sys

PARENT = "SEQYARD_PARENT"
"""Variable that tells a process who started it."""


def parenthood() -> dict[str, str]:
    """Return what a child of this process needs in its environment for ``die_with_parent``."""
    return {PARENT: str(os.getpid())}


def die_with_parent() -> None:
    """On Linux, have the kernel end this process when the thread that started it ends."""
    if sys.platform != "linux":
        return
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.environ.get(PARENT, str(os.getppid())) != str(os.getppid()):
        os._exit(1)  # the parent died before that
