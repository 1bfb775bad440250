import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from experiments import cli
from experiments.operations import overview as module
from experiments.operations.overview import Overview, grouped
from experiments.sweep.identity import me
from tests.experiments.operations.stores import (
    planned,
    record,
    timed_block,
    timing,
    trained_block,
)
from tests.experiments.sweep.planned_stores import wait_until

TRAINED = [trained_block(seed) for seed in range(5)]
TIMES = timed_block(timing(64), timing(128))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store whose neighbours know nothing."""
    monkeypatch.setattr(module, "known_stores", lambda store: [])
    return planned(tmp_path / "store", [*TRAINED, TIMES])


def status(capsys, store, *arguments):
    assert cli.main(["status", str(store.folder), *arguments]) == 0
    return capsys.readouterr().out


def state_of(capsys, store, *arguments):
    return json.loads(status(capsys, store, "--json", *arguments))


def at_work(store, cell, seconds=0.0, **changes):
    since = datetime.now(UTC) - timedelta(seconds=seconds)
    row = {**me(), "worker": 0, "worker_pid": 77, "cell": cell.key, "since": since.isoformat()}
    folder = store.folder / "running"
    folder.mkdir(exist_ok=True)
    (folder / f"{cell.key}.json").write_text(json.dumps(row | changes))


def test_done_and_left_and_why(store, capsys):
    record(store, TRAINED[0])
    for block in TRAINED[1:]:
        reason = f"loss not finite at step {block.cells[0].seed * 7}"
        record(store, block, block.cells[0], status="diverged", reason=reason)
    record(store, TRAINED[1], TRAINED[1].cells[1], status="failed", reason="KeyError: 'x'")
    found = state_of(capsys, store)
    assert (found["cells"], found["done"]) == (12, 7)
    assert found["statuses"] == {"diverged": 4, "failed": 1, "ok": 2}
    assert found["left"] == {"gradient": 3, "step_time": 2}
    assert [(row["status"], len(row["keys"])) for row in found["why"]] == [
        ("diverged", 4),
        ("failed", 1),
    ]
    text = status(capsys, store)
    assert "7/12 cells done" in text
    assert "3 left: gradient" in text
    assert text.count("diverged: loss not finite at step") == 3
    assert "... and 1 more for the same reason" in text
    key = TRAINED[1].cells[1].key
    assert f"gradient lstm recall seed 1 ({key}): failed: KeyError: 'x'" in text


def test_reasons_that_differ_in_words_are_apart():
    rows = [
        {"key": str(i), "status": "failed", "reason": reason}
        for i, reason in enumerate(["a 1.5e-3", "a 2", "b 2"])
    ]
    assert [group["keys"] for group in grouped(rows)] == [["0", "1"], ["2"]]


def test_who_is_at_work_where_since_when(store, capsys):
    first, second = TRAINED[0].cells[0], TRAINED[1].cells[0]
    at_work(store, first, seconds=90)
    at_work(store, second, host="node7", machine="another", worker_pid=88)
    record(store, TRAINED[2])
    at_work(store, TRAINED[2].cells[0])  # just done: its file is a moment late
    at_work(store, TRAINED[3].cells[0], pid=2**22 + 1)  # no such process
    rows = {row["key"]: row for row in state_of(capsys, store)["running"]}
    assert set(rows) == {first.key, second.key}
    assert rows[first.key]["host"] == me()["host"]
    assert rows[first.key]["seconds"] >= 90
    assert (rows[second.key]["host"], rows[second.key]["pid"]) == ("node7", 88)
    text = status(capsys, store)
    assert "train lstm recall seed 1" in text
    assert "on node7, process 88" in text
    assert "for 1:3" in text


def test_the_time_left_follows_from_what_was_measured_here(store, capsys):
    record(store, TRAINED[0], TRAINED[0].cells[0], duration_s=100.0)
    record(store, TRAINED[0], TRAINED[0].cells[1], duration_s=1.0)
    left = state_of(capsys, store)["time_left"]
    assert left["workers"] == 0
    assert left["seconds"] == pytest.approx(4 * 101, rel=0.01)
    assert left["low"] < left["seconds"] < left["high"]
    assert left["unknown"] == {"step_time": 2}
    assert "for one worker; nobody is at work; 2 cells are unknown" in status(capsys, store)
    at_work(store, TRAINED[1].cells[0], seconds=60)
    at_work(store, TRAINED[2].cells[0], seconds=0)
    left = state_of(capsys, store)["time_left"]
    assert left["workers"] == 2
    assert left["seconds"] == pytest.approx(101 + 101, rel=0.05)  # beside (101 - 60) + 101
    assert "with 2 at work" in status(capsys, store)


def test_where_nothing_is_known_nothing_is_told(store, capsys):
    assert "time left: unknown" in status(capsys, store)


def test_other_stores_help_where_this_one_knows_nothing(store, tmp_path, monkeypatch):
    other = planned(tmp_path / "other", [TIMES])
    record(other, TIMES, duration_s=7.0)
    record(store, TRAINED[0], duration_s=10.0)
    monkeypatch.setattr(module, "known_stores", lambda store: [other.folder])
    found = Overview(store).read()["time_left"]
    assert found["unknown"] == {}
    assert found["seconds"] == pytest.approx(4 * 20 + 14, rel=0.01)


def test_all_done_has_no_time_left(store, capsys):
    for block in (*TRAINED, TIMES):
        record(store, block)
    assert state_of(capsys, store)["time_left"] is None
    assert status(capsys, store).splitlines()[1:] == ["     12 ok"]


def test_records_that_stay_are_read_once(store, monkeypatch):
    record(store, TRAINED[0])
    overview = Overview(store)
    reads = []
    extract = module._extract
    monkeypatch.setattr(module, "_extract", lambda path: reads.append(path.stem) or extract(path))
    assert overview.read()["done"] == 2
    record(store, TRAINED[1], TRAINED[1].cells[0])
    record(store, TRAINED[0], TRAINED[0].cells[1], status="failed", reason="now")
    found = overview.read()
    assert found["statuses"] == {"failed": 1, "ok": 2}
    assert sorted(reads) == sorted(
        [*(cell.key for cell in TRAINED[0].cells), TRAINED[1].cells[0].key, TRAINED[0].cells[1].key]
    )
    store.path(TRAINED[0].cells[0].key).unlink()
    assert overview.read()["done"] == 2


def test_a_plan_that_is_extended_meanwhile_is_read_again(store):
    overview = Overview(store)
    assert overview.read()["cells"] == 12
    time.sleep(0.01)
    planned(store.folder, [*TRAINED, TIMES, trained_block(9)])
    assert overview.read()["cells"] == 14


@pytest.mark.parametrize("terminal", [False, True])
def test_watching_ends_with_the_work(store, capsys, monkeypatch, terminal):
    for block in TRAINED:
        record(store, block)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    looks = []
    read = Overview.read

    def looked(self, queue=None):
        looks.append(time.monotonic())
        return read(self, queue)

    monkeypatch.setattr(Overview, "read", looked)

    def finish():
        wait_until(lambda: len(looks) >= 2)
        record(store, TIMES)

    worker = threading.Thread(target=finish)
    worker.start()
    text = status(capsys, store, "--watch", "--every", "0.05")
    worker.join()
    assert len(looks) >= 3
    if terminal:
        assert "12/12 cells done" in text
    else:
        lines = text.splitlines()
        assert lines[0].startswith("10/12 cells")
        assert lines[-1] == "12/12 cells"


def test_watching_in_json_is_a_line_a_look(store, capsys):
    for block in (*TRAINED, TIMES):
        record(store, block)
    (line,) = status(capsys, store, "--watch", "--json").splitlines()
    assert json.loads(line)["done"] == 12


def test_ctrl_c_ends_watching(store, monkeypatch, capsys):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    assert len(status(capsys, store, "--watch").splitlines()) == 1


def test_a_damaged_record_is_named(store, capsys):
    key = TRAINED[0].cells[0].key
    store.path(key).write_text("[]")
    assert cli.main(["status", str(store.folder)]) == 2
    assert f"{key}.json is no record" in capsys.readouterr().err


def test_manifests_without_time_limits_are_read(store, capsys):
    """Kept reports of earlier versions have none."""
    manifest = json.loads(store.manifest.read_text())
    for row in manifest["blocks"]:
        del row["timeout_s"]
    store.write_json(store.manifest, manifest)
    assert state_of(capsys, store)["cells"] == 12
