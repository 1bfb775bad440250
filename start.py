#!/usr/bin/env python3
"""Set Seqyard up and run it, with nothing but Python 3.11 or newer.

  python3 start.py              make .venv, install, run the quick profile, say where the report is
  python3 start.py test         the same for the test suite (more arguments go to pytest)
  python3 start.py lint         ruff (lint and format) and mypy
  python3 start.py run PLAN ... any seqyard command: run, report, list, train, check, status

Environment:
  SEQYARD_VENV   where the environment is made           (default: .venv beside this file)
  SEQYARD_TORCH  the torch requirement to install         (default: the CPU build where there is no GPU)
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = Path(os.environ.get("SEQYARD_VENV", HERE / ".venv"))
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
CONSTRAINTS = HERE / "constraints.txt"
CPU_TORCH = "torch==2.13.0+cpu"  # a build that needs no CUDA packages: gigabytes less
GPU_TORCH = "torch==2.13.0"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
OLDEST = (3, 11)


def main(arguments: list[str]) -> int:
    """Run the command named first; return its exit code."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if sys.version_info < OLDEST:
        print(
            f"start.py: error: Python {sys.version.split()[0]} is too old; Seqyard needs 3.11 or newer."
        )
        return 2
    command = arguments[0] if arguments else "quick"
    extras = {"test": "test", "lint": "lint"}.get(command, "")
    begun = time.monotonic()
    set_up(extras)
    say(f"set-up took {time.monotonic() - begun:.0f} s ({VENV})")
    begun = time.monotonic()
    code = act(command, arguments[1:])
    say(f"'{command}' took {time.monotonic() - begun:.0f} s, exit code {code}")
    return code


def act(command: str, rest: list[str]) -> int:
    """Run a command inside the environment."""
    if command == "quick":
        return call([BIN / "seqyard", "run", "table1", "--profile", "quick"])
    if command == "test":
        return call([PYTHON, "-m", "pytest", "-n", "auto", *rest])
    if command == "lint":
        return (
            call([PYTHON, "-m", "ruff", "check", "."])
            or call([PYTHON, "-m", "ruff", "format", "--check", "."])
            or call([PYTHON, "-m", "mypy"])
        )
    return call([BIN / "seqyard", command, *rest])


def set_up(extras: str) -> None:
    """Make the environment and install Seqyard, unless that was done for these very files."""
    stamp = VENV / f"installed-{extras.replace(',', '-') or 'plain'}"
    wanted = fingerprint(extras)
    if stamp.exists() and stamp.read_text() == wanted and PYTHON.exists():
        return
    if not PYTHON.exists():
        say(f"making {VENV}")
        check([sys.executable, "-m", "venv", VENV])
    install(torch_requirement())
    install("-e", f"{HERE}[{extras}]" if extras else str(HERE), "-c", str(CONSTRAINTS))
    stamp.write_text(wanted)


def fingerprint(extras: str) -> str:
    """Hash what the installation depends on."""
    files = [HERE / "pyproject.toml", CONSTRAINTS]
    text = b"".join(path.read_bytes() for path in files) + extras.encode() + str(HERE).encode()
    return hashlib.sha256(text + os.environ.get("SEQYARD_TORCH", "").encode()).hexdigest()


def torch_requirement() -> str:
    """Return the torch to install: without a working NVIDIA driver on Linux, one without CUDA."""
    override = os.environ.get("SEQYARD_TORCH")
    if override:
        return override
    if sys.platform.startswith("linux") and not has_gpu():
        return CPU_TORCH
    return GPU_TORCH


def has_gpu() -> bool:
    """Whether nvidia-smi is there and works."""
    tool = shutil.which("nvidia-smi")
    return bool(tool) and subprocess.run([tool], capture_output=True, check=False).returncode == 0


def install(*requirements: str) -> None:
    """Install with uv where it is at hand, otherwise with pip."""
    say(f"installing {' '.join(requirements)}")
    uv = shutil.which("uv")
    if uv:
        links = os.environ.get("PIP_FIND_LINKS")
        tool: list[str | Path] = [
            uv,
            "pip",
            "install",
            "--python",
            PYTHON,
            *(["--find-links", links] if links else []),
        ]
    else:
        tool = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if requirements[0] != CPU_TORCH:
        check([*tool, *requirements])
    elif call([*tool, *requirements], quiet=True) != 0:
        # the configured index does not serve that build: PyTorch's own does
        check([*tool, *requirements, "--extra-index-url", CPU_INDEX])


def call(command: list[str | Path], quiet: bool = False) -> int:
    """Run a command in the repository; return its exit code."""
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(
        [str(part) for part in command], cwd=HERE, stdout=output, stderr=output, check=False
    ).returncode


def check(command: list[str | Path]) -> None:
    """Run a command that must succeed, or end with its exit code and one line."""
    code = call(command)
    if code != 0:
        say(f"error: {' '.join(str(part) for part in command)} failed with exit code {code}")
        raise SystemExit(code)


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"start.py: {message}", flush=True)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
