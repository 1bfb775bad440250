"""The set-up script: what it installs where, and that it needs nothing but the standard library."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def start() -> ModuleType:
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse((ROOT / "start.py").read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported <= sys.stdlib_module_names


def test_help_installs_nothing(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "start.py"), "--help"],
        capture_output=True,
        text=True,
        env={"SEQYARD_VENV": str(tmp_path / "venv")},
        check=True,
    )
    assert "python3 start.py test" in result.stdout
    assert not (tmp_path / "venv").exists()


def test_without_a_gpu_no_cuda_build_is_asked_for(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEQYARD_TORCH", raising=False)
    monkeypatch.setattr(start.sys, "platform", "linux")
    monkeypatch.setattr(start, "has_gpu", lambda: False)
    assert start.torch_requirement() == start.CPU_TORCH
    monkeypatch.setattr(start, "has_gpu", lambda: True)
    assert start.torch_requirement() == start.GPU_TORCH
    monkeypatch.setenv("SEQYARD_TORCH", "torch==2.9.0")
    assert start.torch_requirement() == "torch==2.9.0"


def test_a_broken_driver_is_no_gpu(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    monkeypatch.setattr(start.shutil, "which", lambda name: str(tool))
    assert not start.has_gpu()


def test_what_is_installed_is_installed_once(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[list[str]] = []

    def call(command: list, quiet: bool = False) -> int:
        words = [str(word) for word in command]
        ran.append(words)
        if words[1:3] == ["-m", "venv"]:
            start.PYTHON.parent.mkdir(parents=True)
            start.PYTHON.touch()
        return 0

    monkeypatch.setattr(start, "call", call)
    monkeypatch.setattr(start, "VENV", tmp_path / "venv")
    monkeypatch.setattr(start, "PYTHON", tmp_path / "venv" / "bin" / "python")
    start.set_up("test")
    assert any(f"{ROOT}[test]" in words for words in ran)
    assert any(str(start.CONSTRAINTS) in words for words in ran)
    ran.clear()
    start.set_up("test")
    assert ran == []


def test_every_dependency_is_constrained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    missing = [
        item
        for item in asked
        if item.split(">")[0].split("[")[0].lower() not in names and not item.startswith("torch>")
    ]
    assert missing == [], "start.py would install another version next year"
