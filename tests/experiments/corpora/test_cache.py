"""The cache: drafts of killed processes go, those of living ones stay; only the owner can read it."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.corpora import cache as module
from experiments.corpora.cache import draft, publish
from tests.experiments.conftest import ROOT

DRAFTING = """
import time
from experiments.corpora.cache import draft

with draft("things") as folder:
    (folder / "half").write_text("x")
    print(folder, flush=True)
    time.sleep(600)
"""


def aged(folder: Path, seconds: float) -> Path:
    past = time.time() - seconds
    os.utime(folder, (past, past))
    return folder


@pytest.fixture
def elsewhere(cache: Path):
    """Another process that is writing a draft, and the draft."""
    command = [sys.executable, "-c", DRAFTING]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_what_a_killed_process_left_is_removed(elsewhere) -> None:
    process, left = elsewhere
    aged(left, 3600)
    with draft("other"):
        assert left.is_dir()  # it is still being written
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert left.is_dir()
    with draft("other"):
        assert not left.exists()


def test_without_locks_age_decides(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fcntl", None)
    young, old = (cache / "things" / f".draft.{name}" for name in ("young", "old"))
    for folder in (young, old):
        folder.mkdir(parents=True)
    aged(young, 3600)
    aged(old, 90_000)
    with draft("things"):
        assert young.is_dir()
        assert not old.exists()


def test_a_draft_is_not_taken_before_its_process_holds_it(cache: Path) -> None:
    new = cache / "things" / ".draft.new"
    new.mkdir(parents=True)
    with draft("things"):
        assert new.is_dir()


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
def test_only_its_owner_can_enter_the_cache(cache: Path) -> None:
    with draft("things") as folder:
        (folder / "file").write_text("a private corpus", encoding="utf-8")
        place = publish(folder, "name")
    for made in (cache, cache / "things", place):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_files_are_on_the_disk_before_they_have_their_name(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []

    def remember(path: Path) -> None:
        flushed.append((path.name, (cache / "things" / "name").exists()))

    monkeypatch.setattr(module, "flush", remember)
    with draft("things") as folder:
        (folder / "file").write_text("", encoding="utf-8")
        publish(folder, "name")
    assert flushed == [("file", False), (folder.name, False), ("things", True)]


def test_the_first_of_two_equal_results_stays(cache: Path) -> None:
    places = []
    for text in ("first", "second"):
        with draft("things") as folder:
            (folder / "file").write_text(text, encoding="utf-8")
            places.append(publish(folder, "name"))
    assert places[0] == places[1]
    assert (places[0] / "file").read_text(encoding="utf-8") == "first"
    assert [path.name for path in (cache / "things").iterdir()] == ["name"]
