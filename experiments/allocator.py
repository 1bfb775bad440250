"""Environment of a worker process: the memory allocator and the number of threads.

Both must be set before the process starts. glibc gives big buffers back to the kernel after every
training step and faults them in again at the next; tcmalloc, or glibc told to keep them, does not.
"""

import os
from pathlib import Path

TCMALLOC = "libtcmalloc_minimal.so.4"
_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
)

# Bytes: more than any machine has, so that nothing is given back. With a limit of 1 GiB explicit
# attention at n = 4,096 (two times 4 heads) took 8 times as long as without, all of it page faults.
_KEEP = str(1 << 40)
GLIBC = {
    "MALLOC_TOP_PAD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": _KEEP,
    "MALLOC_MMAP_THRESHOLD_": _KEEP,
}
NAME = "SEQYARD_ALLOCATOR"
"""Variable that tells the worker which allocator it runs with, for the records."""


def worker_environment(threads: int, speed: str, device: str = "cpu") -> dict[str, str]:
    """Return the variables to add to a worker's environment.

    With ``speed`` "plain" the allocator stays as the system has it. Variables that the user has set
    already are left alone.
    """
    found = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        NAME: "system",
    }
    if speed == "plain" or device != "cpu":
        return found
    library = find_tcmalloc()
    if library is not None:
        preloaded = os.environ.get("LD_PRELOAD", "")
        found |= {"LD_PRELOAD": f"{library} {preloaded}".strip(), NAME: "tcmalloc"}
    elif os.name == "posix":
        found |= {key: value for key, value in GLIBC.items() if key not in os.environ}
        found[NAME] = "glibc, buffers kept"
    return found


def find_tcmalloc() -> Path | None:
    """Return tcmalloc's path, if it is installed in a usual place."""
    for folder in _FOLDERS:
        path = Path(folder) / TCMALLOC
        if path.exists():
            return path
    return None
