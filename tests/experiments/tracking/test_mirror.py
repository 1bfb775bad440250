"""What is mirrored agrees with the records to the last digit, once, and whatever happens to W&B."""

import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from experiments.store import Store
from experiments.tracking import content, mirror_process
from experiments.tracking.mirror import Mirror
from experiments.tracking.options import observed
from experiments.tracking.target import Target
from tests.experiments.tracking.records import cell, inspect, offline_runs, record, written
from tests.experiments.tracking.stub_server import StubServer

COST_S = 5.0
"""What a server that is not there may cost a whole sweep."""


def mirror(store: Store, mode: str = "offline", **target: object) -> tuple[Mirror, list[str]]:
    notes: list[str] = []

    def note(line: str) -> None:
        if "left to write" not in line:  # said on a slow machine alone
            notes.append(line)

    return Mirror(store, Target("sweep", **target), mode, note), notes


def until(condition, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def idle(observer: Mirror) -> bool:
    return observer.queue.empty() and observer.process is not None and observer.process.url != ""


def points(history: list[dict], axis: str, name: str) -> list[list[float]]:
    return [[row[axis], row[name]] for row in history if name in row]


def nested(flat: dict) -> dict:
    """Return dotted names as W&B's reader gives them as nested dictionaries."""
    found: dict = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return found


def test_offline_files_agree_with_the_records_to_the_last_digit(store):
    of = cell()
    (given,) = written(store, of)
    observer, notes = mirror(store, everything=False)
    observer.started(of)
    for x, y in given.curves["validation@0.001"][:2]:  # live; the record has them again, and one more
        observer.point(of.key, "validation@0.001", x, y)
    observer.recorded(of.key)
    observer.close()
    ((key, (folder,)),) = offline_runs(store).items()
    found = inspect(folder)
    assert (key, found["exit"]) == (of.key, 0)
    assert (found["run"]["run_group"], found["run"]["job_type"]) == ("sweep", "train")
    assert not {"host", "email", "username"} & {name for name, v in found["run"].items() if v}
    config = {name: value for name, value in found["config"].items() if name != "_wandb"}
    assert config == content.config(of, block="", environment=given.environment)
    summary = nested({n: v for n, v in found["summary"].items() if not n.startswith("_")})
    assert summary == nested(content.summary(given))
    for series in content.series(given):
        assert points(found["history"], series.axis, series.name) == [[x, y] for x, y in series.points]
        assert found["metrics"][series.name]["step_metric"] == series.axis
    assert notes == [
        f"W&B: 1 run in files; `wandb sync {store.folder}/wandb/offline-run-*` uploads them"
    ]


@pytest.mark.slow
def test_a_run_is_logged_once_and_what_was_missing_later(store):
    first, second, broken = cell(0), cell(1), cell(2)
    written(store, first)
    with observed("offline", store, "sweep", lambda line: None) as observer:
        observer.recorded(first.key)
    written(store, second)
    written(store, broken, status="timed_out", reason="more than 1 s", metrics={}, curves={}, slices=[])
    half = store.folder / "wandb" / f"offline-run-20260101_000000-{second.key}"  # of a killed process
    half.mkdir()
    (half / "run-x.wandb").write_bytes(b"cut off")
    with observed("offline", store, "sweep", lambda line: None) as observer:
        observer.recorded(first.key)
    runs = offline_runs(store)
    assert {key: len(folders) for key, folders in runs.items()} == {
        first.key: 1,
        second.key: 1,
        broken.key: 1,
    }
    assert runs[second.key] != [half]
    found = inspect(runs[broken.key][0])
    assert found["exit"] == 1
    assert (found["summary"]["status"], found["summary"]["reason"]) == ("timed_out", "more than 1 s")


@pytest.mark.slow
def test_the_report_has_its_figures_and_a_run_for_each_architecture(store, tmp_path):
    folder = tmp_path / "report"
    for name, text in {
        "report.html": "<p>all",
        "report.md": "# all",
        "figures/a.svg": "<svg/>",
        "figures/a.csv": "x\n1\n",
        "tables/exponents.csv": "architecture,kernel,time_n\nlstm,C++ loop,1.25\nlstm,fused,inf\n",
        "tables/cells.csv": "architecture,key\nlstm,1\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with observed("offline", store, "sweep", lambda line: None) as observer:
        observer.reported(folder)
    with observed("offline", store, "sweep", lambda line: None) as observer:
        observer.reported(folder)  # as it was
    runs = offline_runs(store)
    assert {key: len(folders) for key, folders in runs.items()} == {"sweep-report": 1, "sweep-lstm": 1}
    media = [path.name for path in runs["sweep-report"][0].rglob("*.html")]
    assert sorted(name.partition("_")[0] for name in media) == ["a", "report"]
    compared = inspect(runs["sweep-lstm"][0])
    assert compared["config"]["architecture"] == "lstm"
    numbers = {name: v for name, v in compared["summary"].items() if name.startswith("exponents")}
    assert numbers == {"exponents/time_n": 1.25, "exponents/C_loop/time_n": 1.25}


@contextmanager
def nowhere(kind: str) -> Iterator[str]:
    """Yield the address of a server that refuses, or one that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        if kind == "black hole":
            yield url
            return
    yield url


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["refused", "black hole"])
def test_an_unreachable_server_costs_little_and_loses_nothing(store, kind, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    cells = [cell(seed) for seed in range(4)]
    with nowhere(kind) as url:
        monkeypatch.setenv("WANDB_BASE_URL", url)
        observer, notes = mirror(store, "online")
        held = 0.0
        for of in cells:  # training would take longer than W&B's start: wait that long for the first
            begun = time.monotonic()
            observer.started(of)
            observer.point(of.key, "validation", 1, 0.5)
            written(store, of)
            observer.recorded(of.key)
            held += time.monotonic() - begun
            until(lambda: idle(observer))
        begun = time.monotonic()
        observer.close()
        held += time.monotonic() - begun
    assert held < COST_S
    assert set(offline_runs(store)) == {of.key for of in cells}
    assert all(inspect(folder)["exit"] == 0 for (folder,) in offline_runs(store).values())
    assert [note for note in notes if "does not answer" in note] == notes[:1]
    assert "sync" in notes[-1]


@pytest.mark.slow
def test_a_server_that_stops_answering_costs_little_and_loses_nothing(store, server):
    cells = [cell(seed) for seed in range(3)]
    observer, notes = mirror(store, "online")
    written(store, cells[0])
    observer.started(cells[0])
    observer.recorded(cells[0].key)
    until(lambda: observer.wrote["online"] == 1)
    assert server.runs[cells[0].key]["summary"]["test"] == 0.1 + 0.7
    server.close()
    written(store, *cells[1:])
    observer.started(cells[1])
    observer.point(cells[1].key, "validation@0.001", 0, 0.25)
    until(lambda: observer.queue.empty())
    for of in cells[1:]:
        observer.recorded(of.key)
    until(lambda: observer.wrote["offline"] == 2, 120)  # the second process needs its time to start
    begun = time.monotonic()
    observer.close()
    assert time.monotonic() - begun < COST_S
    assert set(offline_runs(store)) == {of.key for of in cells[1:]}
    live = inspect(offline_runs(store)[cells[1].key][0])["history"]
    assert points(live, "curves/validation/rate_0_001_step", "curves/validation/rate_0_001")[0] == [
        0,
        0.25,
    ]
    assert any("does not answer any more" in note for note in notes)


PRETENDERS = {
    "absent": "raise ImportError('no module named wandb')",
    "broken": "import sys; sys.exit(3)",
    "hanging": "import time; time.sleep(600)",
}


@pytest.mark.parametrize("kind", list(PRETENDERS))
def test_whatever_is_wrong_with_wandb_a_run_goes_on(store, kind, tmp_path, monkeypatch):
    module = tmp_path / "shadow" / "wandb.py"
    module.parent.mkdir()
    module.write_text(PRETENDERS[kind])
    monkeypatch.setenv("PYTHONPATH", str(module.parent), prepend=os.pathsep)
    monkeypatch.setattr(mirror_process, "START_S", 2.0)
    of = cell()
    written(store, of)
    observer, notes = mirror(store)
    begun = time.monotonic()
    observer.started(of)
    observer.point(of.key, "validation", 1, math.pi)
    observer.recorded(of.key)
    assert time.monotonic() - begun < 1
    observer.close()
    assert "The records are complete" in notes[0]
    assert len(notes) == 1


def test_an_interrupted_wait_leaves_what_is_left(store, monkeypatch):
    observer, notes = mirror(store)
    until(lambda: idle(observer))
    monkeypatch.setattr(
        observer.thread, "join", lambda timeout=None: signal.raise_signal(signal.SIGINT)
    )
    observer.close()
    assert "interrupted" in notes[0]


WATCH = (
    "import sys, time\n"
    "from experiments.store import Store\n"
    "from experiments.tracking.mirror import Mirror\n"
    "from experiments.tracking.target import Target\n"
    "observer = Mirror(Store(sys.argv[1]), Target('sweep'), 'offline', print)\n"
    "while observer.process is None or not observer.process.url: time.sleep(0.05)\n"
    "print(observer.process.process.pid, flush=True)\n"
    "time.sleep(600)\n"
)


def test_nothing_outlives_a_killed_supervisor(store):
    with subprocess.Popen(
        [sys.executable, "-c", WATCH, str(store.folder)], stdout=subprocess.PIPE, text=True
    ) as watching:
        family = psutil.Process(int(watching.stdout.readline()))
        family = [family, *family.children(recursive=True)]
        watching.kill()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive


def test_nothing_is_written_while_something_is_timed(store):
    written(store, cell())
    observer, _ = mirror(store)
    until(lambda: idle(observer) and offline_runs(store))
    observer.phase(exclusive=True)
    of = cell(1)
    written(store, of)
    observer.recorded(of.key)
    time.sleep(1.5)
    assert of.key not in offline_runs(store)
    observer.close()
    assert of.key in offline_runs(store)


@pytest.mark.slow
def test_online_runs_are_resumed_and_hold_no_secrets(store, server: StubServer, tmp_path: Path):
    of = cell()
    observer, notes = mirror(store, "online", everything=False)
    observer.started(of)
    observer.point(of.key, "validation@0.001", 0, (0.1 + 0.2) / 7)
    until(lambda: of.key in server.runs)
    observer.close()  # as a run that is interrupted
    assert server.runs[of.key]["exit_code"] == 1
    written(store, of)
    observer, notes = mirror(store, "online")
    observer.close()
    found = server.runs[of.key]
    assert found["exit_code"] == 0
    assert found["summary"]["digits_1"] == 1 / 3
    assert found["config"]["model"]["value"] == of.model
    assert notes == [f"W&B: 1 run at {server.url}/tester/seqyard, group sweep"]
    assert not offline_runs(store)
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if os.environ["WANDB_API_KEY"].encode() in path.read_bytes()]
    assert record(of).model_dump(mode="json") == store.read(of.key).model_dump(mode="json")
