"""Who holds a block: this process, told apart from every other on every machine."""

import functools
import os
import platform
import sys
import uuid
from pathlib import Path
from typing import Any

import psutil

BORN_WITHIN_S = 2.0  # clocks that are set shift the time at which a process seems to have begun


@functools.cache
def me() -> dict[str, Any]:
    """Return this process as plain data: ``id`` (unique), ``host``, ``machine``, ``pid``, ``born``."""
    return {
        "id": uuid.uuid4().hex[:12],
        "host": platform.node(),
        "machine": machine(),
        "pid": os.getpid(),
        "born": round(psutil.Process().create_time(), 1),
    }


@functools.cache
def machine() -> str:
    """Return what tells this boot of this machine, and its process numbers, from every other.

    Two containers may have the same host name, and a pid means nothing outside its namespace.
    """
    if sys.platform == "linux":
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
        except OSError:
            pass
    return f"{platform.node()} {uuid.getnode():x} {psutil.boot_time():.0f}"


def known_dead(worker: dict[str, Any] | None) -> bool:
    """Whether a worker ran on this machine and is gone; of other machines nothing is known."""
    if not worker or worker.get("machine") != machine():
        return False
    try:
        process = psutil.Process(int(worker["pid"]))
        return (
            process.status() == psutil.STATUS_ZOMBIE
            or abs(process.create_time() - float(worker["born"])) > BORN_WITHIN_S
        )
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
