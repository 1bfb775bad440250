"""Fixtures for tests that start workers."""

import tempfile
from pathlib import Path

import pytest

from experiments.store import Store
from tests.experiments import toys

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine lock of this test's own, the toys importable in workers, and a log of what began."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv(toys.LOG, str(tmp_path / "begun.txt"))
    return temporary


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path / "store")
    found.create()
    return found
