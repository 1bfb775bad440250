"""Run a sweep on a real SLURM of one node, disturb it, and check that nothing is lost.

    python -m tests.slurm.one_node                                 a plan of cheap cells, SQLite
    python -m tests.slurm.one_node --storage postgresql            a PostgreSQL of its own
    python -m tests.slurm.one_node --plan long_range               real cells: some ten minutes
    python -m tests.slurm.one_node --install                       with Debian's packages, as root

It starts a cluster in a temporary folder, a sweep with ``--launcher slurm --array 2``, kills one of the
workers with SIGKILL, and has the other one make room twice, at SIGUSR2 (before its time is up) and at
SIGTERM (SLURM preempts it). In the end every cell must have its record, none but those that were in
hand may have been begun twice, only SIGKILL may count as a death, and no process may be left.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from experiments.store import Store
from experiments.sweep.planned import queue_name
from experiments.sweep.queue import Queue
from experiments.sweep.storage import open_storage
from tests.experiments import toys
from tests.slurm.cluster import PACKAGES, Cluster, install, missing, one_node, wait_until

ROOT = Path(__file__).resolve().parents[2]
CHEAP = "tests.slurm.plan:PLAN"
ARRAY = 2


def main() -> int:
    """Run the test; return 0 if nothing was lost."""
    options = arguments()
    if options.install and missing():
        install()
    if missing():
        print(
            f"not installed: {', '.join(missing())}; on Debian: apt install {' '.join(PACKAGES)}, or "
            "this script with --install, as root",
            file=sys.stderr,
        )
        return 2
    if (os.cpu_count() or 1) < ARRAY:
        print(f"{ARRAY} workers need {ARRAY} cores", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="seqyard-slurm-"))
    try:
        for name in ("cluster", "temporary"):
            (folder / name).mkdir()
        with storage(options.storage, folder) as url, one_node(folder / "cluster") as cluster:
            cluster.environment |= {
                "PYTHONPATH": str(ROOT),
                "OMP_NUM_THREADS": "1",
                "TMPDIR": str(folder / "temporary"),  # the lock of this machine is in it
                "SEQYARD_STORAGE": url,
                toys.LOG: str(folder / "begun.txt"),
            }
            faults = Run(cluster, folder, options).faults()
        left = [process.name() for process in cluster.processes()]
    finally:
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    faults += [f"left behind: {name}" for name in left]
    say("SLURM is down again" + ("" if left else ", no process is left"))
    for fault in faults:
        print(f"FAULT: {fault}")
    print("FAILED" if faults else "PASSED")
    return 1 if faults else 0


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.slurm.one_node",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--install", action="store_true", help="install what is missing with apt-get")
    parser.add_argument("--plan", default=CHEAP, help="default: a plan of cheap cells")
    parser.add_argument("--storage", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--patience", type=float, default=1800, help="seconds for the whole sweep")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    return parser.parse_args()


@contextlib.contextmanager
def storage(kind: str, folder: Path) -> Iterator[str]:
    """Yield the address of an empty database."""
    if kind == "sqlite":
        yield str(folder / "queue.db")
        return
    from tests.experiments.sweep.postgres import Postgres, installed

    programs = installed()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed; on Debian: apt install postgresql")
    server = Postgres(programs)
    try:
        yield server.fresh()
    finally:
        server.close()


def say(text: str) -> None:
    """Print with the time of day."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Run:
    """One sweep and its disturbances."""

    def __init__(self, cluster: Cluster, folder: Path, options: argparse.Namespace) -> None:
        self.cluster, self.folder, self.options = cluster, folder, options
        self.store = Store(folder / "store")
        self.in_hand = 0  # cells that were, when their worker was disturbed

    def faults(self) -> list[str]:
        """Run the sweep; return what is wrong in the end."""
        say(f"SLURM runs: {self.cluster.output('sinfo', '-h', '-o', '%N, %c cores, %T')}")
        job = self.start()
        wait_until(lambda: len(self.workers(job)) == ARRAY, "two workers", 300)
        for task in range(ARRAY):
            wait_until(lambda task=task: self.has_cell(job, task), f"a cell of task {task}", 300)
        say(f"{self.recorded()} cells recorded, both workers at work")
        self.kill(job, 0)
        self.preempt(job, 1, "scancel", "--signal=USR2")
        self.preempt(job, 1, "scontrol", "requeue")
        wait_until(lambda: not self.cluster.jobs(), "the end of the array", self.options.patience)
        say(f"the array has ended; {self.recorded()} cells recorded")
        return self.check()

    def start(self) -> str:
        """Start the sweep; return the job's number."""
        words = self.seqyard(
            *("sweep", self.options.plan, "--profile", "smoke", "--store", str(self.store.folder)),
            *("--launcher", "slurm", "--array", str(ARRAY), "--cpus-per-task", "1", "--time", "60"),
            "--shared-nodes",
        )
        print(words)
        jobs = self.cluster.jobs()
        assert jobs, "no job was started"
        return jobs[0][0].partition("_")[0]

    def seqyard(self, *arguments: str) -> str:
        """Run a command of seqyard; return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "experiments.cli", *arguments],
            env=self.cluster.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"seqyard {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def workers(self, job: str) -> dict[int, psutil.Process]:
        """Return the process `seqyard work` of every task of the array."""
        found = {}
        for process in self.cluster.processes():
            with contextlib.suppress(psutil.Error):
                values, command = process.environ(), process.cmdline()
                if values.get("SLURM_ARRAY_JOB_ID") == job and "experiments.cli" in command:
                    found[int(values["SLURM_ARRAY_TASK_ID"])] = process
        return found

    def has_cell(self, job: str, task: int) -> bool:
        """Whether a task's worker has begun something: it has a worker process with a cell."""
        process = self.workers(job).get(task)
        with contextlib.suppress(psutil.Error):
            return process is not None and bool(process.children()) and self.recorded() >= ARRAY
        return False

    def kill(self, job: str, task: int) -> None:
        """Kill a worker as the kernel does when memory is short."""
        process = self.workers(job)[task]
        self.in_hand += 1
        process.send_signal(signal.SIGKILL)
        say(f"killed task {task} with SIGKILL (process {process.pid})")
        name = f"{job}_{task}"
        wait_until(lambda: name not in dict(self.cluster.jobs()), f"the end of {name}")
        say(f"SLURM has ended task {task}; {self.recorded()} cells recorded")

    def preempt(self, job: str, task: int, *command: str) -> None:
        """Have a job make room, and wait until it runs again and works."""
        name, before = f"{job}_{task}", self.workers(job)[task].pid
        self.in_hand += 1
        if not self.cluster.runs(*command, name):
            raise SystemExit(f"{' '.join(command)} {name} failed")
        say(f"{' '.join(command)} {name}: process {before} is to make room")

        def again() -> bool:
            found = self.workers(job).get(task)
            return found is not None and found.pid != before

        wait_until(again, f"{name} to be queued and started again", 300)
        wait_until(lambda: self.has_cell(job, task), f"a cell of task {task}", 300)
        say(f"SLURM runs task {task} again (process {self.workers(job)[task].pid})")

    def recorded(self) -> int:
        """Return how many cells have a record."""
        return len(list(self.store.records.glob("*.json")))

    def check(self) -> Sequence[str]:
        """Return what is wrong."""
        manifest = json.loads(self.store.manifest.read_text())
        records = list(self.store)
        statuses = Counter(record.status for record in records)
        say(f"{len(manifest['cells'])} cells planned, records: {dict(statuses)}")
        found = []
        if {record.key for record in records} != set(manifest["cells"]):
            found.append("cells planned and cells recorded differ")
        if set(statuses) != {"ok"}:
            found.append(f"not every cell is ok: {dict(statuses)}")
        found += self.check_queue()
        if self.options.plan == CHEAP:
            found += self.check_begun()
        found += [f"still runs: {process.name()}" for process in self.cluster.processes()]
        return found

    def check_queue(self) -> list[str]:
        """Return whether the queue tells otherwise than the records."""
        opened = open_storage(self.cluster.environment["SEQYARD_STORAGE"])
        rows = Queue(opened, queue_name(self.store)).rows()
        opened.engine.dispose()
        states = Counter(row.state.name for row in rows)
        deaths = sum(sum(row.deaths.values()) for row in rows)
        say(f"the queue: {dict(states)}, {deaths} deaths counted")
        found = [] if set(states) == {"COMPLETE"} else [f"the queue has {dict(states)}"]
        return found if deaths <= 1 else [*found, f"{deaths} deaths counted where one was"]

    def check_begun(self) -> list[str]:
        """Return whether more cells were begun twice than were in hand."""
        lines = (self.folder / "begun.txt").read_text().splitlines()
        exclusive = {"Together"}
        rounds = 2  # of a timing comparison
        begun = Counter(lines)
        alone = {
            f"{cell['cell']['options']['action']} {cell['cell']['seed']}"
            for cell in json.loads(self.store.manifest.read_text())["cells"].values()
            if cell["cell"]["measure"].rpartition(":")[2] in exclusive
        }
        extra = sum(count - (rounds if name in alone else 1) for name, count in begun.items())
        say(
            f"{len(begun)} cells begun, {extra} of them once more (at most {self.in_hand} were in hand)"
        )
        return [] if 0 <= extra <= self.in_hand else [f"{extra} cells were computed again"]


if __name__ == "__main__":
    raise SystemExit(main())
