"""Order, environment and display of a run in which nothing goes wrong."""

import json
import os
from pathlib import Path

import pytest

from experiments import allocator, environment
from experiments.allocator import NAME, worker_environment
from experiments.launch import Settings, launch
from experiments.measures.base import Measure, Outcome
from experiments.progress import Display, LineDisplay, LiveDisplay, clock, label
from models.errors import BadInput
from tests.experiments.toys import begun, block, toy

pytestmark = pytest.mark.usefixtures("apart")


class Surroundings(Measure):
    """What a worker finds in its environment."""

    def one(self, cell, context):
        names = ("OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_", "LD_PRELOAD", NAME)
        return Outcome(metrics={name: os.environ.get(name) for name in names})


def surroundings(store, *, threads=1, **settings):
    cell = toy().model_copy(
        update={"measure": f"{__name__}:Surroundings", "options": {}, "threads": threads}
    )
    launch([block(cell)], store, Settings(**settings), Display([cell], {}))
    return store.read(cell.key)


def test_exclusive_blocks_come_after_the_others(store):
    alone = block(toy("sleep", seed=9, measure="Together"), exclusive=True)
    others = [block(toy(seed=seed)) for seed in range(3)]
    cells = [cell for each in (alone, *others) for cell in each.cells]
    assert launch([alone, *others], store, Settings(workers=2), Display(cells, {}))
    assert set(begun()[:3]) == {"value 0", "value 1", "value 2"}
    assert begun()[3:] == ["sleep 9", "sleep 9"]


def test_nothing_is_started_when_nothing_is_missing(store, monkeypatch):
    this = block(toy())
    launch([this], store, Settings(), Display(this.cells, {}))
    monkeypatch.setattr("experiments.worker_process.subprocess.Popen", None)
    assert launch([this], store, Settings(), Display(this.cells, {}))


def test_a_worker_keeps_its_buffers_and_its_threads(store, monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    monkeypatch.setattr(allocator, "find_tcmalloc", lambda: None)
    record = surroundings(store, threads=2)
    assert record.metrics["OMP_NUM_THREADS"] == "2"
    assert record.metrics["MALLOC_TRIM_THRESHOLD_"] == allocator.GLIBC["MALLOC_TRIM_THRESHOLD_"]
    assert record.environment["speed"]["allocator"] == "glibc, buffers kept"


def test_plain_leaves_the_allocator_alone(store, monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    record = surroundings(store, speed="plain")
    assert record.metrics["MALLOC_TRIM_THRESHOLD_"] is None
    assert record.environment["speed"]["allocator"] == "system"


def test_tcmalloc_is_preloaded_where_it_is(tmp_path, monkeypatch):
    (tmp_path / allocator.TCMALLOC).write_bytes(b"")
    monkeypatch.setattr(allocator, "_FOLDERS", (str(tmp_path / "none"), str(tmp_path)))
    monkeypatch.setenv("LD_PRELOAD", "other.so")
    found = worker_environment(1, "fast")
    assert found["LD_PRELOAD"] == f"{tmp_path / allocator.TCMALLOC} other.so"
    assert found[NAME] == "tcmalloc"


def test_the_users_own_allocator_settings_stay(monkeypatch):
    monkeypatch.setattr(allocator, "find_tcmalloc", lambda: None)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1")
    assert "MALLOC_TRIM_THRESHOLD_" not in worker_environment(1, "fast")


def test_the_environment_names_nobody(monkeypatch):
    monkeypatch.setenv("USER", "somebody")
    text = json.dumps(environment.describe(toy()))
    for secret in ("somebody", f"{os.uname().nodename} ", "/home", "/root", str(Path.cwd())):
        assert secret not in text, secret


def test_the_quota_of_a_container_counts(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(environment.Path, "read_text", lambda self, **options: "250000 100000")
    environment.cores.cache_clear()
    assert environment.cores() == 2
    environment.cores.cache_clear()


def test_a_gpu_that_is_not_there_is_bad_input(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert environment.choose_device("auto") == "cpu"
    with pytest.raises(BadInput, match="--device = 'cuda'"):
        environment.choose_device("cuda")


CELLS = [toy(seed=seed) for seed in range(4)]


def recorded(display, count, status="ok", seconds=10.0):
    for cell in CELLS[:count]:
        display.cell_started(0, cell)
        display.cell_recorded(0, cell.key, status, "why", seconds)


def test_time_left_is_the_mean_of_the_measure_times_what_is_left():
    display = Display(CELLS, {})
    assert display.time_left() is None
    recorded(display, 1)
    assert display.time_left() == pytest.approx(30)
    display.cell_started(0, CELLS[1])
    display.cell_started(1, CELLS[2])
    assert display.time_left() == pytest.approx(15)


def test_lines_tell_of_what_has_no_result(capsys):
    with LineDisplay(CELLS, {CELLS[3].key: "ok"}) as display:
        recorded(display, 1, "out_of_memory")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("toys:Act toy: out of memory: why")
    assert lines[1].startswith("2/4 cells · 1 without result · 0:00 elapsed · about 0:20 left")


def test_lines_come_every_ten_seconds(capsys, monkeypatch):
    display = LineDisplay(CELLS, {})
    display.cell_started(0, CELLS[0])
    display.tick()
    assert capsys.readouterr().err == ""
    display.last -= 11
    display.tick()
    assert "running: " in capsys.readouterr().err
    display.tick()
    assert capsys.readouterr().err == ""


def test_the_live_table_shows_workers_and_messages(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with LiveDisplay(CELLS, {}) as display:
        display.cell_started(0, CELLS[0])
        display.message(0, "step 3/10")
        display.tick()
        with display.console.capture() as captured:
            display.console.print(display.live.get_renderable())
        display.waiting("waiting for another run", 61)
    assert "0/4 cells" in captured.get()
    assert "step 3/10" in captured.get()


def test_labels_and_clocks_are_short():
    assert label(toy().model_copy(update={"task": "recall", "measure": "train"})) == (
        "train toy recall seed 0"
    )
    assert (clock(59.9), clock(61), clock(3661)) == ("0:59", "1:01", "1:01:01")
