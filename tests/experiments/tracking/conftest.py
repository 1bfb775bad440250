"""A W&B that stays on loopback and keeps everything in the test's folder."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.experiments.tracking.stub_server import KEY, StubServer


@pytest.fixture(autouse=True)
def own_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is logged in; settings, cache and data are the test's own; the server is nowhere."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("CONFIG_DIR", "CACHE_DIR", "DATA_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / "wandb home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def nothing_left_behind(own_wandb: None) -> Iterator[None]:
    """No process that a test started outlives it, whoever its parent is by now."""
    yield
    _, alive = psutil.wait_procs(list(started()), timeout=10)
    assert not alive


def started() -> Iterator[psutil.Process]:
    """Yield the processes that have this test's environment."""
    name = "WANDB_CONFIG_DIR"
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(name) == os.environ[name] and process.pid != os.getpid():
                yield process


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    """A server that answers, with a user who is logged in."""
    stub = StubServer()
    monkeypatch.setenv("WANDB_BASE_URL", stub.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    yield stub
    stub.close()
