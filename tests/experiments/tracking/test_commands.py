"""W&B's own commands, unchanged, against a server on loopback: sync, sweep, agent; and ours."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from experiments.commands import dashboard, trial
from experiments.plans import PLANS
from experiments.store import Store
from experiments.tracking.options import observed
from experiments.tracking.sweep_files import text
from models.errors import BadInput
from models.search import Choice, Range
from tests.experiments.tracking.records import cell, offline_runs, record, written

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.usefixtures("apart")


def run(folder: Path, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    found = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=540,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )
    assert found.returncode == code, found.stderr
    return found


@pytest.mark.slow
def test_offline_files_of_a_sweep_are_synced_later(store, server):
    cells = [cell(seed) for seed in range(2)]
    given = {each.key: each for each in written(store, *cells)}
    with observed("offline", store, "sweep", lambda line: None) as observer:
        for of in cells:
            observer.recorded(of.key)
    folders = [str(folder) for (folder,) in offline_runs(store).values()]
    run(store.folder, str(BIN / "wandb"), "sync", "--yes", *folders)
    assert set(server.runs) == set(given)
    for key, found in server.runs.items():
        assert (found["groupName"], found["exit_code"]) == ("sweep", 0)
        assert {name: found["summary"].get(name) for name in given[key].metrics} == given[key].metrics
        curve = [row["curves/validation"] for row in found["history"] if "curves/validation" in row]
        assert curve == [y for _, y in given[key].curves["validation"]]


@pytest.mark.slow
def test_an_agent_runs_trials_of_a_sweep_file_end_to_end(server, tmp_path):
    config = dashboard.sweep_configurations("smoke", 2, ["scan"])["scan"]["lstm"]
    path = tmp_path / "lstm.yaml"
    path.write_text(yaml.safe_dump(config))
    told = run(tmp_path, str(BIN / "wandb"), "sweep", str(path))
    sweep = re.search(r"wandb agent (\S+)", re.sub(r"\x1b\[\d+m", "", told.stderr))[1]
    assert yaml.safe_load(server.sweeps[sweep.rpartition("/")[2]])["parameters"] == config["parameters"]
    server.offered = [
        {"recipe.learning_rate": 0.005, "recipe.warmup_steps": 2, "model.forget_bias": "chrono"},
        {"recipe.learning_rate": 0.001, "recipe.warmup_steps": 2.0, "model.dropout": 0.25},
    ]
    run(tmp_path, str(BIN / "wandb"), "agent", sweep)
    assert {name: found["exit_code"] for name, found in server.runs.items()} == {
        "trial1": 0,
        "trial0": 0,
    }
    records = {}
    for folder in sorted((tmp_path / "runs" / "trials-scan").iterdir()):
        (of,) = Store(folder)
        records[folder.name.rpartition("-")[2]] = of
    assert records["trial1"].cell.model["forget_bias"] == "chrono"
    assert records["trial0"].cell.model["dropout"] == 0.25
    for name, of in records.items():
        found = server.runs[name]
        assert found["sweep"] == sweep.rpartition("/")[2]
        assert found["summary"]["validation"] == of.metrics["validation"]
        assert found["config"]["key"]["value"] == of.key
    assert server.offered == []


@pytest.mark.slow
def test_a_dashboard_and_a_report_are_published(server, tmp_path):
    command = [str(BIN / "seqyard"), "dashboard"]
    told = run(tmp_path, *command, "--publish", "--entity", "tester", "--project", "p")
    (view,) = server.views
    assert (view["entityName"], view["projectName"], view["type"]) == ("tester", "p", "project-view")
    assert "slices/test/distance" in view["spec"]
    assert server.url in told.stdout
    kept = shutil.copytree(ROOT / "reports" / "table1-quick-cpu", tmp_path / "kept")
    run(tmp_path, *command, str(kept), "--report", "--publish", "--entity", "tester", "--project", "p")
    page = server.views[1]
    assert (page["displayName"], page["type"]) == ("Table 1, measured: table1-quick", "runs")
    assert "Transformer" in page["spec"]


def test_publishing_says_what_is_missing(tmp_path):
    with pytest.raises(BadInput, match="--entity"):
        dashboard.main(["--publish"])
    command = [str(BIN / "seqyard"), "dashboard", "--publish", "--entity", "me"]
    told = run(tmp_path, *command, code=1)
    assert told.stderr.strip() == (
        "seqyard: error: http://127.0.0.1:9 does not answer; --out FILE builds without it"
    )
    with pytest.raises(BadInput, match="name the STORE"):
        dashboard.main(["--report"])


def test_values_outside_the_space_are_refused():
    space = {
        "recipe.warmup_steps": Range(1, 64, log=True, integer=True),
        "model.forget_bias": Choice(("zero", "one")),
    }
    assert trial.checked({"recipe.warmup_steps": 2.0, "model.forget_bias": "one"}, space) == {
        "recipe.warmup_steps": 2,
        "model.forget_bias": "one",
    }
    with pytest.raises(BadInput, match=r"--recipe.warmup_step: .*'recipe.warmup_steps'"):
        trial.checked({"recipe.warmup_step": 2}, space)
    with pytest.raises(BadInput, match="must be 1 to 64"):
        trial.checked({"recipe.warmup_steps": 65}, space)
    with pytest.raises(BadInput, match="must be zero, one"):
        trial.checked({"model.forget_bias": "chrono"}, space)


@pytest.mark.parametrize(
    "plan",
    [
        name if name in ("scan", "translation") else pytest.param(name, marks=pytest.mark.slow)
        for name in PLANS
        if name not in dashboard.JOINED
    ],
)
def test_sweep_files_are_those_of_the_search_spaces(plan):
    """`seqyard dashboard --sweep-files experiments/wandb_sweeps` brings them up to date."""
    configs = dashboard.sweep_configurations("quick", plans=[plan]).get(plan, {})
    folder = ROOT / "experiments" / "wandb_sweeps" / plan
    assert {path.stem: path.read_text() for path in folder.glob("*.yaml")} == {
        name: text(config) for name, config in configs.items()
    }


def test_dashboards_are_the_same_bytes(tmp_path):
    texts = []
    for name in ("a.json", "b.json"):
        assert dashboard.main(["--out", str(tmp_path / name)]) == 0
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    kept = Path(__file__).parent / "dashboard.json"
    assert json.loads(texts[0]) == json.loads(kept.read_text()), (
        f"if that is meant: seqyard dashboard --out {kept.relative_to(ROOT)}"
    )


def test_every_chart_draws_what_a_record_logs():
    """The names in the charts are names that content gives."""
    from experiments.tracking import content
    from experiments.tracking.panels import sections

    trained = record(cell(), curves={"bleu_by_flops": [[1, 2]], "validation": [[1, 2]]})
    timed = record(cell(measure="step_time", options={"n": 8}), metrics={"tokens_per_second": 2.0})
    logged = {
        name
        for of in (trained, timed)
        for series in content.series(of)
        for name in (series.name, series.axis)
    }
    charts = {charts.name: charts.panels for charts in sections(["distance"])}
    for section, title in {
        "Span against distance": "Accuracy by distance",
        "Throughput against length": "Throughput: tokens/s",
        "BLEU against FLOPs": "BLEU by training FLOPs",
        "Training": "Validation",
    }.items():
        chart = next(chart for chart in charts[section] if chart.title == title)
        assert {chart.x, *chart.y} <= logged
