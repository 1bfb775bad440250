"""Databases for the queue: a file of SQLite, and a PostgreSQL that the tests start themselves."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.store import Store
from experiments.sweep import storage
from tests.experiments.sweep.planned_stores import start_work
from tests.experiments.sweep.postgres import Postgres, installed


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the connections of every storage that a test opens."""
    opened = []

    class Closed(storage.RDBStorage):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            opened.append(self)

    monkeypatch.setattr(storage, "RDBStorage", Closed)
    yield
    for each in opened:
        each.remove_session()
        each.engine.dispose()


@pytest.fixture
def work(apart: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start `seqyard work`; what still runs at the end of the test is ended."""
    started = []

    def start(store: Store, url: str, *options: str, **settings: Any) -> "subprocess.Popen[str]":
        started.append(start_work(store, url, *options, **settings))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = installed()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    pytest.importorskip("psycopg")
    server = Postgres(programs)
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "queue.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh()
