"""`seqyard sweep --launcher slurm`, without SLURM; tests/slurm runs a real one.

A program of the tests stands for sbatch; the job itself runs under submitit's local executor, which
sends the signals that SLURM sends and starts a job again.
"""

import json
import os
import pickle
import queue as queues
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from experiments import cli
from experiments.commands.sweep import command_line
from experiments.store import Store, read_json
from experiments.sweep import slurm
from experiments.sweep.queue import Queue
from experiments.worker_process import Event, WorkerProcess
from models.errors import BadInput
from tests.experiments.sweep.planned_stores import begun, logged, named, plan, wait_until
from tests.experiments.toy_plan import ACTIONS

submitit = pytest.importorskip("submitit")

PLAN = ["tests.experiments.toy_plan:PLAN", "--profile", "smoke", "--only", "lstm"]
SBATCH = """\
#!/bin/sh
cat "$1" > {folder}/submitted.sh
printf '%s' "$SEQYARD_STORAGE" > {folder}/storage
{end}
"""
ACCEPTED = "echo Submitted batch job 4711"
REFUSED = "echo 'sbatch: error: invalid partition specified: nowhere' >&2; exit 1"


@pytest.fixture(autouse=True)
def folder(apart, tmp_path, monkeypatch):
    """An empty current folder, two toy cells, and a machine without SLURM."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv("SEQYARD_STORAGE", raising=False)
    (tmp_path / "actions.txt").write_text("value\nvalue")
    monkeypatch.setenv(ACTIONS, str(tmp_path / "actions.txt"))
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "cat", "git"):
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(programs))
    return tmp_path


@pytest.fixture
def cluster(folder):
    """Programs that stand for SLURM's: sbatch accepts, sinfo counts two nodes."""
    program(folder, "sbatch", SBATCH.format(folder=folder, end=ACCEPTED))
    program(folder, "srun", "#!/bin/sh\nexit 1\n")
    program(folder, "sinfo", "#!/bin/sh\nprintf 'node1\\nnode2\\n'\n")
    return folder


def program(folder: Path, name: str, text: str) -> None:
    path = folder / "programs" / name
    path.write_text(text)
    path.chmod(0o755)


def sweep(*options: str, storage: str = "queue.db") -> int:
    return cli.main(["sweep", *PLAN, "--storage", storage, "--launcher", "slurm", *options])


def directives(text: str) -> dict[str, str]:
    """Return the options of a script."""
    lines = [line.removeprefix("#SBATCH --") for line in text.splitlines() if "#SBATCH" in line]
    return dict(line.partition("=")[::2] for line in lines)


def test_a_dry_run_prints_the_job_and_leaves_nothing(folder, capsys):
    before = sorted(folder.iterdir())
    options = ["--array", "3", "--partition", "gpu", "--account", "lab", "--time", "90"]
    needs = ["--cpus-per-task", "4", "--mem", "16G", "--setup", "module load x", "export A=1"]
    assert sweep(*options, *needs, "--sbatch", "qos=long", "oversubscribe", "--dry-run") == 0
    text = capsys.readouterr().out
    found = directives(text)
    assert found["array"] == "0-2%3"
    assert (found["partition"], found["account"], found["time"]) == ("gpu", "lab", "90")
    assert (found["cpus-per-task"], found["mem"], found["qos"]) == ("4", "16G", "long")
    assert {"requeue", "oversubscribe"} <= set(found)
    assert "exclusive" not in found
    assert found["open-mode"] == "append"
    assert text.index("module load x") < text.index("export A=1") < text.index("srun ")
    step = next(line for line in text.splitlines() if line.startswith("srun"))
    assert {"--ntasks=1", "--cpus-per-task=4"} <= set(step.split()), (
        "SLURM 22.05 takes neither from above"
    )
    assert sorted(folder.iterdir()) == before


def test_the_array_is_what_the_dry_run_says(cluster, capsys):
    options = ["--array", "2", "--cpus-per-task", "2", "--store", "store"]
    assert sweep(*options, "--dry-run") == 0
    dry = capsys.readouterr().out
    assert sweep(*options, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["job"], told["blocks"], told["added"]) == ("4711", 2, 2)
    sent = (cluster / "submitted.sh").read_text()
    assert sent.split() == dry[: dry.index("# each job")].split()
    folder = cluster / "store" / "slurm"
    assert folder.stat().st_mode & 0o777 == 0o700
    for task in range(2):
        job = slurm_job(folder / f"4711_{task}_submitted.pkl")
        assert job.arguments[:2] == ("--storage", f"sqlite:///{cluster}/queue.db")
        assert job.arguments[2:4] == ("--store", f"{cluster}/store")
        assert f"seqyard work {' '.join(job.arguments)}" in dry
    assert [cell["cell"]["threads"] for cell in manifest(cluster)["cells"].values()] == [1, 1]


def slurm_job(path: Path) -> slurm.Worker:
    found = pickle.loads(path.read_bytes()).function
    assert isinstance(found, slurm.Worker)
    return found


def manifest(folder: Path) -> dict:
    return read_json(folder / "store" / "manifest.json")


def test_what_to_watch_is_told(cluster, capsys):
    assert sweep("--array", "2", "--store", "store") == 0
    printed = capsys.readouterr().out
    for words in ("job 4711: 2 workers", "squeue --jobs 4711", "seqyard status store --watch"):
        assert words in printed
    assert "use PostgreSQL" in printed.splitlines()[-1]


def test_one_node_may_share_a_file(cluster, capsys):
    program(cluster, "sinfo", "#!/bin/sh\nprintf 'node1\\nnode1\\n'\n")
    assert sweep("--array", "2") == 0
    assert "PostgreSQL" not in capsys.readouterr().out


def test_nothing_is_started_where_nothing_is_left(cluster, capsys):
    code = cli.main(["sweep", *PLAN, "--storage", "queue.db", "--store", "store", "--no-report"])
    assert code == 0
    capsys.readouterr()
    assert sweep("--store", "store") == 0
    assert "nothing is left to do" in capsys.readouterr().out
    assert not (cluster / "submitted.sh").exists()


def test_launch_options_are_no_part_of_the_recorded_command(cluster):
    given = [*PLAN, "--storage", "queue.db", "--launcher", "slurm", "--setup", "source /home/me/secret"]
    recorded = command_line([*given, "--array", "2", "--shared-nodes", "--sbatch", "comment=mine"])
    assert recorded == f"seqyard sweep {' '.join(PLAN)} --storage queue.db"


def test_a_password_goes_to_the_jobs_alone(store, cluster, monkeypatch):
    address = "postgresql://me:open-sesame@head:5432/sweeps"
    from experiments.commands import slurm as command
    from experiments.commands.sweep import parser

    options = parser().parse([*PLAN, "--storage", address, "--launcher", "slurm", "--workers", "3"])
    job, environment = command.worker(options, store)
    assert "sesame" not in " ".join(job.arguments)
    assert job.arguments[job.arguments.index("--workers") + 1] == "3"
    slurm.submit(job, slurm.Resources(name="toys"), store.folder / "slurm", environment)
    assert (cluster / "storage").read_text() == address
    assert "SEQYARD_STORAGE" not in os.environ
    kept = [path for path in store.folder.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"sesame" in path.read_bytes()]


def test_a_job_that_submits_forgets_its_own_settings(store, cluster, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "64")
    monkeypatch.setenv("SLURM_CONF", "/somewhere/slurm.conf")
    monkeypatch.setenv("SBATCH_ACCOUNT", "lab")
    names = "$SLURM_CPUS_PER_TASK|$SLURM_CONF|$SBATCH_ACCOUNT"
    seen = f'#!/bin/sh\nprintf "%s" "{names}" > "{{}}"\necho job 12\n'
    program(cluster, "sbatch", seen.format(cluster / "seen"))
    assert slurm.submit(slurm.Worker(()), slurm.Resources(name="x"), store.folder / "slurm", {}) == "12"
    assert (cluster / "seen").read_text() == "|/somewhere/slurm.conf|lab"
    assert os.environ["SLURM_CPUS_PER_TASK"] == "64"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--launcher", "slum"], "unknown launcher 'slum'. Did you mean 'slurm'"),
        (["--array", "2"], "--array is for --launcher slurm"),
        (["--shared-nodes"], "--shared-nodes is for --launcher slurm"),
        (["--launcher", "slurm", "--array", "0"], "--array: 0 is not at least 1"),
        (["--launcher", "slurm", "--time", "1"], "--time: 1 is not at least 5"),
        (["--launcher", "slurm", "--mem", "much"], "'much' is no amount of memory"),
        (["--launcher", "slurm", "--sbatch", "a b=1"], "'a b=1' is no option of sbatch"),
        (["--launcher", "slurm", "--plan-only"], "choose one of them"),
        (["--launcher", "slurm", "--gpus-per-node", "1", "--device", "cpu"], "plan on a node"),
        (["--launcher", "slurm"], "there is no sbatch on this machine"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(options, words, folder, capsys):
    assert cli.main(["sweep", *PLAN, "--storage", "queue.db", *options]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said
    assert not (folder / "queue.db").exists()


def test_submitit_is_optional(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert sweep("--dry-run") == 2
    assert "pip install 'seqyard[cluster]'" in capsys.readouterr().err


def test_a_refusal_of_slurm_is_one_line(cluster, capsys):
    program(cluster, "sbatch", SBATCH.format(folder=cluster, end=REFUSED))
    assert sweep("--partition", "nowhere") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("seqyard: error: --launcher slurm: ")
    assert "invalid partition specified: nowhere" in said[-1]


def test_whole_nodes_cannot_share_a_file(cluster):
    from experiments.commands import slurm as command

    several = slurm.Resources(name="x", array=2, exclusive=True)
    with pytest.raises(BadInput, match="use PostgreSQL, or one worker"):
        command.sharing("queue.db", several)
    assert command.sharing("postgresql://me@head/sweeps", several) is None
    assert command.sharing("queue.db", slurm.Resources(name="x", array=1, exclusive=True)) is None


def test_times_are_measured_on_whole_nodes():
    from experiments.commands import slurm as command
    from experiments.commands.request import find_plan
    from experiments.commands.sweep import parser

    options = parser().parse([*PLAN, "--storage", "q.db", "--launcher", "slurm"])
    alone = named("alone", logged(1, kind="LoggedTogether"), exclusive=True)
    toys = find_plan(PLAN[0])
    assert command.resources(options, toys, [alone]).exclusive
    assert not command.resources(options, toys, [named("not", logged(1))]).exclusive
    options.shared_nodes = True
    assert not command.resources(options, toys, [alone]).exclusive


@pytest.fixture
def job(store, tmp_path):
    """Start a worker's job under submitit's local executor; nothing is left of it."""
    started = []

    def start(url: str) -> "submitit.Job[None]":
        executor = submitit.LocalExecutor(tmp_path / "jobs")
        executor.update_parameters(timeout_min=10)
        arguments = ("--storage", url, "--store", str(store.folder), "--workers", "1")
        started.append(executor.submit(slurm.Worker(arguments)))
        return started[-1]

    yield start
    for each in started:
        for process in family(each):
            process.kill()
        each._process.kill()
        each._process.wait()


def family(job) -> list[psutil.Process]:
    """Return the processes that a job has started."""
    try:
        return psutil.Process(job._process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def find(job, module: str) -> psutil.Process | None:
    """Return the process of a job that runs a module."""
    for process in family(job):
        try:
            if module in process.cmdline():
                return process
        except psutil.Error:
            continue
    return None


@pytest.mark.slow
def test_a_job_whose_time_is_up_gives_its_blocks_back_and_runs_again(store, tmp_path, job):
    url = str(tmp_path / "queue.db")
    queue = plan(store, url, [named(f"{seed}", logged(seed, 0.5)) for seed in range(8)])
    first = job(url)
    wait_until(lambda: len(list(store)) >= 2, 90)
    before = find(first, "experiments.cli")
    for process in family(first):  # as SLURM does: to every process of the job
        if "submitit.local._local" not in process.cmdline():
            process.send_signal(signal.SIGUSR2)
    wait_until(lambda: not before.is_running(), 60)
    wait_until(lambda: first._process.poll() is not None, 120)
    assert first._process.returncode == 0
    check_done(store, queue, again=1)


@pytest.mark.slow
def test_a_job_that_is_preempted_waits_for_slurm_to_end_it(store, tmp_path, job):
    url = str(tmp_path / "queue.db")
    queue = plan(store, url, [named(f"{seed}", logged(seed, 0.5)) for seed in range(6)])
    first = job(url)
    wait_until(lambda: len(list(store)) >= 1, 90)
    callers = [find(first, "experiments.cli"), find(first, "experiments.worker")]
    for process in family(first):
        process.send_signal(signal.SIGTERM)
    wait_until(lambda: not any(process.is_running() for process in callers), 60)
    assert first._process.poll() is None, "an end of its own would be taken for success"
    assert not [row for row in queue.rows() if row.state.name == "RUNNING"], "given back"
    for process in family(first):
        process.kill()
    second = job(url)
    wait_until(lambda: second._process.poll() is not None, 120)
    check_done(store, queue, again=1)


def check_done(store: Store, queue: Queue, *, again: int) -> None:
    """Check that all is done, that no death was counted, and how often cells were begun again."""
    assert {record.status for record in store} == {"ok"}
    assert Counter(row.state.name for row in queue.rows()) == {"COMPLETE": len(list(store))}
    assert not [row.deaths for row in queue.rows() if row.deaths]
    seeds = [seed for seed, _ in begun()]
    assert len(set(seeds)) == len(list(store))
    assert len(seeds) - len(set(seeds)) <= again


def test_a_cell_ends_by_its_supervisor_alone(store):
    """SLURM signals every process of a job; a cell that ended by that would be recorded as failed."""
    events: queues.Queue[Event] = queues.Queue()
    worker = WorkerProcess(0, store, {}, events, "0")
    try:
        assert events.get(timeout=60).name == "ready"
        worker.give(named("one", logged(1, 0.5)))
        assert events.get(timeout=60).name == "started"
        worker.process.send_signal(signal.SIGTERM)
        worker.process.send_signal(signal.SIGUSR2)
        said = [events.get(timeout=60).name for _ in range(3)]
        assert said == ["progress", "recorded", "done"]
    finally:
        worker.kill()
    assert [record.status for record in store] == ["ok"]


def test_training_is_no_part_of_the_job_that_it_runs_in(monkeypatch):
    """Lightning takes a job of SLURM for its own, and waits for processes that nobody starts."""
    from experiments.fit import build_trainer
    from models.recipe import Recipe

    for name, value in {"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "seqyard", "SLURM_JOB_ID": "1"}.items():
        monkeypatch.setenv(name, value)
    assert build_trainer(Recipe(steps=1), logged(1), []).world_size == 1


def test_a_worker_that_fails_fails_its_job(tmp_path):
    worker = slurm.Worker(("--storage", str(tmp_path / "none.db"), "--store", str(tmp_path)))
    with pytest.raises(RuntimeError, match="exit code 2"):
        worker()
