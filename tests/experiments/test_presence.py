import json
import os
import subprocess
import sys
import time

import pytest

from experiments import presence
from experiments.presence import Presence, present
from experiments.sweep.identity import me
from tests.experiments.toys import block, toy

CELLS = [toy(seed=seed) for seed in range(3)]
BLOCK = block(*CELLS)


@pytest.fixture
def told(store, monkeypatch):
    """A presence that writes at every tick."""
    monkeypatch.setattr(presence, "LOOK_S", 0.0)
    monkeypatch.setattr(presence, "LOOK_EXCLUSIVE_S", 0.0)
    return Presence(store)


def files(store):
    return sorted((store.folder / "running").glob("*"))


def test_who_is_where(store, told):
    told.at(0, 111, BLOCK, CELLS[0])
    told.at(3, 112, BLOCK, CELLS[1])
    told.tick()
    first, second = present(store)
    assert [row["cell"] for row in (first, second)] == [CELLS[0].key, CELLS[1].key]
    assert (first["worker"], first["worker_pid"], first["pid"]) == (0, 111, os.getpid())
    assert (first["host"], first["block_name"]) == (me()["host"], BLOCK.name)
    told.at(0, 111, BLOCK, CELLS[2])
    told.idle(3)
    told.tick()
    assert [row["cell"] for row in present(store)] == [CELLS[2].key]
    told.close()
    assert not (store.folder / "running").exists()


def test_short_cells_write_nothing(store):
    told = Presence(store)
    for cell in CELLS:
        told.at(0, 1, BLOCK, cell)
        told.tick()
        told.idle(0)
    told.close()
    assert not (store.folder / "running").exists()


def test_a_sign_of_life_now_and_then(store, told, monkeypatch):
    told.at(0, 1, BLOCK, CELLS[0])
    told.tick()
    (path,) = files(store)
    os.utime(path, (1, 1))
    told.tick()
    assert path.stat().st_mtime == 1
    assert present(store) == []  # without a sign of life for years
    monkeypatch.setattr(presence, "BEAT_S", 0.0)
    told.tick()
    assert len(present(store)) == 1


def write(store, **changes):
    folder = store.folder / "running"
    folder.mkdir(exist_ok=True)
    row = {**me(), "worker": 0, "cell": CELLS[0].key, "since": "2026-01-01T00:00:00+00:00", **changes}
    path = folder / f"{changes.get('host', 'here')}-{row['pid']}.json"
    path.write_text(json.dumps(row))
    return path


def test_the_dead_are_left_out_and_removed(store):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    path = write(store, pid=process.pid, host="here")
    assert present(store) == []
    elsewhere = write(store, pid=process.pid, host="far", machine="another")
    assert [row["host"] for row in present(store)] == ["far"]
    old = write(store, pid=5, host="long", machine="another")
    long_ago = time.time() - presence.FORGOTTEN_S - 60
    os.utime(old, (long_ago, long_ago))
    Presence(store)
    assert (path.exists(), elsewhere.exists(), old.exists()) == (False, True, False)


def test_files_of_nobody_are_passed_over(store):
    path = write(store)
    path.with_name("half.json").write_text('{"cell"')
    path.with_name("list.json").write_text("[1]")
    path.with_name("other.json").write_text("{}")
    assert len(present(store)) == 1


def test_a_full_disk_stops_nobody(store, told, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(presence.tempfile, "mkstemp", full)
    told.at(0, 1, BLOCK, CELLS[0])
    told.tick()
    assert present(store) == []
    told.close()


def test_two_processes_of_one_number_on_two_machines_do_not_share_a_file(store, told, monkeypatch):
    told.at(0, 1, BLOCK, CELLS[0])
    told.tick()
    twin = {**me(), "id": "another", "machine": "another"}
    monkeypatch.setattr(presence, "me", lambda: twin)
    other = Presence(store)
    other.at(0, 1, BLOCK, CELLS[1])
    other.tick()
    assert len(files(store)) == 2
