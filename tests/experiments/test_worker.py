"""The worker's protocol: one JSON a line, in the order in which things happen."""

import json
import subprocess
import sys

import pytest

from tests.experiments.toys import block, toy

pytestmark = pytest.mark.usefixtures("apart")


def events_of(store, tmp_path, *blocks):
    command = [sys.executable, "-m", "experiments.worker", "--store", str(store.folder)]
    command += ["--log", str(tmp_path / "worker.log")]
    found = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for each in blocks:
            print(each.model_dump_json(), file=process.stdin, flush=True)
            while not found or found[-1]["event"] not in ("done", "error"):
                found.append(json.loads(process.stdout.readline()))
            found.append({"event": "next"})
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    return found[:-1]


def test_events_come_in_order(store, tmp_path):
    first, second = toy("sleep"), toy("memory")
    events = events_of(store, tmp_path, block(first, second))
    names = [event["event"] for event in events]
    assert names == ["ready", "started", "progress", "recorded", "started", "recorded", "done"]
    assert [event["key"] for event in events if "key" in event] == [first.key] * 2 + [second.key] * 2
    assert events[2]["message"] == "asleep"
    assert (events[5]["status"], events[5]["reason"]) == ("out_of_memory", "MemoryError: ")


def test_a_worker_takes_block_after_block(store, tmp_path):
    cells = [toy(seed=seed) for seed in range(3)]
    events_of(store, tmp_path, *(block(cell) for cell in cells))
    assert len({record.metrics["pid"] for record in store}) == 1


def test_progress_is_not_sent_at_every_step(store, tmp_path):
    events = events_of(store, tmp_path, block(*(toy("sleep", seed=seed) for seed in range(30))))
    assert sum(event["event"] == "recorded" for event in events) == 30
    assert sum(event["event"] == "progress" for event in events) < 30


def test_what_is_printed_does_not_disturb_the_events(store, tmp_path):
    names = [event["event"] for event in events_of(store, tmp_path, block(toy("print")))]
    assert names == ["ready", "started", "recorded", "done"]
    assert "noise" in (tmp_path / "worker.log").read_text()


@pytest.mark.parametrize(
    ("action", "kind", "message"),
    [
        ("bad input", "bad_input", "distance = -3: must be more than 0."),
        ("full", "write", "No space left on device"),
        ("exit", "fault", "SystemExit: 3"),
    ],
)
def test_what_ends_a_run_is_an_error_event(store, tmp_path, action, kind, message):
    error = events_of(store, tmp_path, block(toy(action)))[-1]
    assert error == {"event": "error", "kind": kind, "message": message}


def test_a_file_of_the_current_folder_hides_no_module(store, tmp_path, monkeypatch):
    from experiments.launch import Settings, launch
    from experiments.progress import Display

    monkeypatch.chdir(tmp_path)
    for name in ("json.py", "models.py", "experiments.py", "pydantic.py"):
        (tmp_path / name).write_text("raise RuntimeError('the wrong module')\n")
    this = block(toy())
    launch([this], store, Settings(), Display(this.cells, {}))
    assert store.read(this.cells[0].key).status == "ok"
