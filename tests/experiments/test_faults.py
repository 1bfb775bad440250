"""Faults that are caused, not imagined: killed workers, killed supervisors, full disks, two runs."""

import json
import resource
import signal
import subprocess
import sys
import time

import psutil
import pytest

from experiments.launch import RunStopped, Settings, launch
from experiments.progress import Display
from models.errors import BadInput
from tests.experiments.toys import begun, block, toy

pytestmark = pytest.mark.usefixtures("apart")


class Recorder(Display):
    def __init__(self, blocks):
        super().__init__([cell for block in blocks for cell in block.cells], {})
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def run(store, *blocks, **settings):
    display = Recorder(blocks)
    launch(blocks, store, Settings(**settings), display)
    return display


def test_many_blocks_on_many_workers_are_each_done_once(store):
    blocks = [block(toy(seed=2 * i), toy(seed=2 * i + 1)) for i in range(6)]
    run(store, *blocks, workers=3)
    assert sorted(begun()) == sorted(f"value {i}" for i in range(12))
    assert {record.status for record in store} == {"ok"}


def test_a_worker_that_dies_once_costs_nothing(store):
    cell = toy("kill once")
    display = run(store, block(cell))
    assert store.read(cell.key).status == "ok"
    assert begun() == ["kill once 0"] * 2
    assert "SIGSEGV" in display.notes[0]


def test_a_cell_that_kills_its_worker_twice_is_recorded_and_the_run_goes_on(store):
    before, deadly, after = toy(seed=1), toy("kill"), toy(seed=2)
    run(store, block(before, deadly, after), block(toy(seed=3)))
    record = store.read(deadly.key)
    assert record.status == "killed"
    assert "SIGKILL" in record.reason
    assert record.environment["device_model"]
    assert begun().count("kill 0") == 2
    assert [store.read(cell.key).status for cell in (before, after)] == ["ok", "ok"]
    assert begun().count("value 1") == 1  # what was finished before the death is not repeated


def test_in_a_comparison_the_deadly_cell_is_left_out_and_the_rest_measured(store):
    good, deadly = toy(measure="Together"), toy("kill", measure="Together")
    run(store, block(good, deadly, exclusive=True))
    assert store.read(deadly.key).status == "killed"
    assert store.read(good.key).status == "ok"


def test_a_cell_that_takes_too_long_is_recorded(store):
    slow, after = toy("sleep", seconds=60), toy(seed=1)
    begin = time.monotonic()
    run(store, block(slow, after, timeout_s=0.5))
    assert time.monotonic() - begin < 30
    record = store.read(slow.key)
    assert (record.status, record.reason) == ("timed_out", "more than 0.5 s")
    assert record.duration_s >= 0.5
    assert store.read(after.key).status == "ok"


def test_a_slow_block_of_quick_cells_is_not_too_long(store):
    cells = [toy("sleep", seed=seed, seconds=0.3) for seed in range(4)]
    run(store, block(*cells, timeout_s=0.9))
    assert {record.status for record in store} == {"ok"}


def test_a_measure_that_leaves_the_process_stops_the_run_in_one_line(store):
    with pytest.raises(RunStopped, match="SystemExit") as error:
        run(store, block(toy("exit")))
    assert "\n" not in str(error.value)


def test_bad_input_comes_back_from_the_worker(store):
    with pytest.raises(BadInput, match="distance = -3"):
        run(store, block(toy("bad input")))


def test_what_a_measure_prints_goes_to_the_log(store):
    run(store, block(toy("print")))
    assert "noise on standard output" in (store.folder / "logs" / "worker-0.log").read_text()


def test_a_full_disk_stops_the_run_and_loses_nothing(store, monkeypatch):
    cells = [toy(seed=seed) for seed in range(3)]
    run(store, block(cells[0]))
    # the kernel refuses to let any file of the worker grow: as a full disk does, with another number
    monkeypatch.setattr("experiments.worker_process.subprocess.Popen", limited_popen)
    with pytest.raises(RunStopped, match="cannot be written") as error:
        run(store, block(cells[1]), block(cells[2]))
    assert "\n" not in str(error.value)
    assert [path.name for path in store.records.iterdir()] == [f"{cells[0].key}.json"]
    monkeypatch.undo()
    store.read(cells[0].key)


POPEN = subprocess.Popen


def limited_popen(*arguments, **options):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))

    return POPEN(*arguments, **options, preexec_fn=limit)


def test_a_worker_that_cannot_start_is_explained(store, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RunStopped, match="cannot start"):
        run(store, block(toy()))


def test_after_the_time_limit_nothing_new_is_begun(store):
    blocks = [block(toy("sleep", seed=seed, seconds=0.4)) for seed in range(20)]
    display = run(store, *blocks, seconds=1.0)
    assert 1 <= len(display.new) < 20
    assert len(list(store)) == len(display.new)


SUPERVISOR = """
import sys
from experiments.launch import Settings, launch
from experiments.progress import Display
from experiments.store import Store
from tests.experiments.toys import block, toy
store = Store(sys.argv[1])
blocks = [block(toy("sleep", seed=seed, seconds=float(sys.argv[2]))) for seed in range(4)]
launch(blocks, store, Settings(workers=2), Display([c for b in blocks for c in b.cells], {}))
"""


def supervisor(store, seconds):
    return subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(store.folder), str(seconds)])


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_kill_9_of_the_supervisor_leaves_no_worker_and_loses_no_record(store):
    with supervisor(store, 1.0) as process:
        wait_until(lambda: len(list(store.records.glob("*.json"))) >= 2 and len(begun()) >= 4)
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) == 2
        process.kill()
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() for worker in workers)
    kept = {record.key for record in store}
    assert 2 <= len(kept) < 4
    assert {record.status for record in store} == {"ok"}
    count = len(begun())
    with supervisor(store, 1.0) as process:
        assert process.wait(timeout=60) == 0
    assert len(begun()) == count + 4 - len(kept)
    assert len(list(store)) == 4


def test_a_closed_input_ends_a_worker_in_the_middle_of_a_cell(store, tmp_path):
    command = [sys.executable, "-m", "experiments.worker", "--store", str(store.folder)]
    command += ["--log", str(tmp_path / "log.txt")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        print(block(toy("sleep", seconds=60)).model_dump_json(), file=process.stdin, flush=True)
        assert json.loads(process.stdout.readline())["event"] == "ready"
        assert json.loads(process.stdout.readline())["event"] == "started"
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_ctrl_c_stops_the_workers(store):
    with supervisor(store, 60) as process:
        wait_until(lambda: len(begun()) >= 2)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() for worker in workers)


def test_a_worker_does_not_import_torch_for_a_measure_without(store):
    run(store, block(toy()))
    code = "import sys, experiments.worker, experiments.launch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_worker_that_is_killed_before_it_is_ready_costs_nothing(store, monkeypatch):
    killed = []

    def popen(*arguments, **options):
        process = POPEN(*arguments, **options)
        if len(killed) < 2:
            process.kill()
            killed.append(process)
        return process

    monkeypatch.setattr("experiments.worker_process.subprocess.Popen", popen)
    run(store, block(toy()))
    assert (len(killed), begun()) == (2, ["value 0"])


def test_workers_that_are_always_killed_before_they_are_ready_stop_the_run(store, monkeypatch):
    def popen(*arguments, **options):
        process = POPEN(*arguments, **options)
        process.kill()
        return process

    monkeypatch.setattr("experiments.worker_process.subprocess.Popen", popen)
    with pytest.raises(RunStopped, match="cannot start: the worker was ended by SIGKILL"):
        run(store, block(toy()))
