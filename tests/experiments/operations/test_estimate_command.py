"""``seqyard run PLAN --estimate``."""

import json
import sys
from pathlib import Path

import pytest

from experiments import cli
from experiments.commands.estimating import in_words
from experiments.store import Store
from tests.experiments.toy_plan import ACTIONS

PLAN = "tests.experiments.toy_plan:PLAN"


@pytest.fixture(autouse=True)
def folder(apart, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ACTIONS, str(tmp_path / "actions.txt"))
    return tmp_path


def run(capsys, *extra, actions):
    Path("actions.txt").write_text("\n".join(actions))
    arguments = ["run", PLAN, "--profile", "smoke", "--only", "lstm", "--no-report", *extra]
    assert cli.main(arguments) == 0
    return capsys.readouterr().out


def test_nothing_is_invented_and_nothing_is_written(capsys):
    text = run(capsys, "--estimate", actions=["value"] * 3)
    assert "3 cells, 0 done, 3 left" in text
    assert "nothing like these cells was measured yet" in text
    assert "wall clock" not in text
    assert not Path("runs").exists()


def test_what_was_measured_says_what_the_rest_costs(capsys):
    run(capsys, actions=["value"] * 2)
    cell = next(iter(Store("runs/toys-smoke"))).key
    for path in Path("runs/toys-smoke/records").glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"duration_s": 40.0}))
    found = json.loads(run(capsys, "--estimate", "--json", "--workers", "2", actions=["value"] * 5))
    assert (found["planned"], found["cells"], found["workers"]) == (5, 3, 2)
    assert found["evidence"] == {"budget": 0, "same": 3, "scaled": 0, "related": 0}
    assert found["cpu_time"]["seconds"] == pytest.approx(120.0)
    assert found["wall"]["seconds"] == pytest.approx(80.0)
    assert found["stores"] == ["runs/toys-smoke"]
    text = in_words(found)
    assert "wall clock with 2 workers, once started: 1:20 (" in text
    assert "3 of a size that was measured" in text
    assert Store("runs/toys-smoke").has(cell)
    assert len(list(Store("runs/toys-smoke"))) == 2


def test_a_plan_that_is_done_costs_nothing(capsys):
    run(capsys, actions=["value"])
    text = run(capsys, "--estimate", actions=["value"])
    assert text == "toys (smoke): 1 cells, 1 done, 0 left\n"


def test_what_is_unknown_is_said_beside_what_is_known():
    row = {"seconds": 3600.0, "low": 1800.0, "high": 7200.0}
    nothing = {"seconds": 0.0, "low": 0.0, "high": 0.0}
    text = in_words(
        {
            "plan": "p",
            "profile": "full",
            "planned": 12,
            "cells": 12,
            "by_measure": {
                "train": {"cells": 10, **row, "evidence": {"scaled": 10}, "unknown": 0},
                "path": {"cells": 2, **nothing, "evidence": {}, "unknown": 2},
            },
            "unknown": {"path": 2},
            "cpu_time": row,
            "gpu_time": nothing,
            "workers": 1,
            "wall": row,
            "wall_exclusive": nothing,
            "disk": {"record_bytes": 5e6, "artifact_bytes": 0},
            "beyond_time_limit": ["a"],
            "observations": 4,
            "stores": ["runs/x"],
        }
    )
    assert "1 CPU hours (0.5 to 2)" in text
    assert "GPU" not in text
    assert "wall clock with 1 worker, once started: 1:00:00 (30:00 to 2:00:00)" in text
    assert "without 2 cells of which nothing is known: 2 path" in text
    assert "1 cells may be ended by their time limit" in text
