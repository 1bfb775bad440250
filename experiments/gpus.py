"""The GPUs of this machine, shared out among worker processes. No torch."""

import os
import shutil
import subprocess
from collections.abc import Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"


def gpus() -> tuple[str, ...]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if VISIBLE in os.environ:
        return tuple(name.strip() for name in os.environ[VISIBLE].split(",") if name.strip())
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        listed = subprocess.run(
            [tool, "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in listed.splitlines() if line.strip())


def share(names: Sequence[str], worker: int, each: int = 1) -> str:
    """Return the GPUs of one worker, ``each`` of them; more workers than GPUs share them in turn."""
    chosen = dict.fromkeys(names[(worker * each + i) % len(names)] for i in range(each))
    return ",".join(chosen)
