"""A disk that can be filled: a small one in memory where we may mount, else a limit on files' sizes."""

import contextlib
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any


class Disk:
    """The disk under a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
        try:
            self.mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            self.mounted = False
        self.full = False

    def fill(self) -> None:
        self.full = True
        if not self.mounted:
            return
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 8, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        self.full = False
        (self.folder / "filler").unlink(missing_ok=True)

    def settings(self) -> dict[str, Any]:
        """Return what a process needs to see the disk as it is."""
        return {"preexec_fn": limit} if self.full and not self.mounted else {}

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


def limit() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
