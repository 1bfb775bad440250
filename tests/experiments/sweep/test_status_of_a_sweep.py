"""``seqyard status STORE --storage URL``: what the queue knows beside the records."""

import json

import pytest

from experiments import cli
from experiments.operations import overview
from tests.experiments.sweep.planned_stores import logged, named, other_worker, plan

NEEDS = ["cpu"]


@pytest.fixture
def blocks(monkeypatch):
    monkeypatch.setattr(overview, "known_stores", lambda store: [])
    return [named(f"block {seed}", logged(seed)) for seed in range(4)]


def state_of(capsys, store, *arguments):
    assert cli.main(["status", str(store.folder), "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_waits_runs_and_cannot_be_run(store, url, blocks, capsys, monkeypatch):
    queue = plan(store, url, blocks)
    node = other_worker(queue, "node7", pid=88)
    node.take(exclusive=False, needs=NEEDS)
    unfit = node.take(exclusive=False, needs=NEEDS)
    node.fail(unfit.trial, "no such task")
    found = state_of(capsys, store, "--storage", url)
    assert found["queue"] == {
        "waiting": 2,
        "running": 1,
        "cannot_be_run": [{"block": "block 1", "error": "no such task"}],
    }
    (row,) = found["running"]
    assert (row["host"], row["pid"], row["key"]) == ("node7", 88, blocks[0].cells[0].key)
    assert cli.main(["status", str(store.folder), "--storage", url]) == 0
    text = capsys.readouterr().out
    assert "queue: 2 blocks waiting, 1 in hand" in text
    assert "cannot be run: block 1: no such task" in text
    monkeypatch.setenv("SEQYARD_STORAGE", url)
    assert "queue" in state_of(capsys, store)


def test_a_store_without_a_queue_does_not_ask_for_one(store, blocks, capsys, monkeypatch):
    from tests.experiments.sweep.planned_stores import write_plan

    write_plan(store, blocks)
    monkeypatch.setenv("SEQYARD_STORAGE", "postgresql://localhost:1/nothing")
    assert "queue" not in state_of(capsys, store)


def test_a_storage_that_is_not_there_is_one_line(store, blocks, tmp_path, capsys):
    plan(store, str(tmp_path / "queue.db"), blocks)
    code = cli.main(["status", str(store.folder), "--storage", str(tmp_path / "other.db")])
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2
    assert "there is no such file" in line
