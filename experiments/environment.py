"""What a result depends on besides its cell: device, versions, commit, settings. No torch import.

Nothing here names a person, a host or a folder.
"""

import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from experiments.allocator import NAME as ALLOCATOR
from experiments.cell import Cell
from experiments.replicas import devices
from models.errors import BadInput

_PACKAGES = {"torch": "torch", "lightning": "pytorch-lightning", "numpy": "numpy", "seqyard": "seqyard"}


def describe(cell: Cell) -> dict[str, Any]:
    """Return the environment part of a record measured in this process."""
    return {
        "device_model": cell.device_model or device_model(cell.device),
        "cores": cores(),
        "threads": cell.threads,
        "devices": devices(),
        "python": platform.python_version(),
        **{name: _version(package) for name, package in _PACKAGES.items()},
        "commit": commit(),
        "platform": _platform(),
        "speed": {"allocator": os.environ.get(ALLOCATOR, "system"), **_speed()},
    }


def choose_device(wanted: str) -> Literal["cpu", "cuda"]:
    """Return "cpu" or "cuda" for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        BadInput: ``cuda`` is wanted and torch sees no GPU.
    """
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise BadInput("--device = 'cuda': torch sees no CUDA device here; choose 'cpu' or 'auto'.")
    return "cpu"


@functools.cache
def training_precision(device: str) -> Literal["float32", "bfloat16"]:
    """Return the precision in which corpora are trained on: bfloat16 where the device computes in it.

    On a CPU with AVX512-BF16 or AMX a Transformer's step then takes 0.7 of its time in float32, that of
    an attentional LSTM 0.6.
    """
    if device == "cuda":
        return "bfloat16"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return "float32"
    return "bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"


def device_model(device: str) -> str:
    """Return the brand of the processor or the GPU."""
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Hardware") and value.strip():
                return value.strip()
    except OSError:
        pass
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.processor() or platform.machine()


@functools.cache
def cores() -> int:
    """Return the number of cores that this process may use: affinity and container quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return count


@functools.cache
def commit() -> str | None:
    """Return the commit of this source, with ``+dirty`` if it was edited; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    top = _output("git", "-C", str(root), "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != root:
        return None
    head = _output("git", "-C", str(root), "rev-parse", "--short=12", "HEAD")
    edited = _output(
        "git", "-C", str(root), "status", "--porcelain", "--", "models", "experiments", "analysis"
    )
    return f"{head}+dirty" if head and edited else head or None


def _speed() -> dict[str, Any]:
    settings = sys.modules.get("models.speed")  # only if the cell used torch
    return dict(settings.current().as_dict()) if settings else {}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _platform() -> str:
    libc = "-".join(platform.libc_ver()).strip("-")
    return " ".join(part for part in (platform.system(), platform.machine(), libc) if part)


def _output(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
