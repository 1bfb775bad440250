"""Start the workers of a sweep as an array of SLURM jobs, through submitit, which is optional.

A job runs ``seqyard work``. Before its time is up, or when it makes room for another, SLURM sends
SIGUSR2 or SIGTERM: the worker gives back its blocks, and the job is queued again.
"""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from experiments.parent import die_with_parent
from models.errors import BadInput

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission
    from submitit.slurm.slurm import SlurmExecutor

TIMES_AGAIN = 1000
"""How often a job whose time is up is queued again; the queue ends it when nothing is left."""
WARNING_S = 90  # how long before its end a job is told
STOP_S = 45.0  # for a worker to give back its blocks
POLL_S = 0.2
INTERRUPTED = (130, -signal.SIGTERM)  # exit codes of `seqyard work` after SIGTERM; before it has begun
KILLED_WITHIN_S = 600.0  # of SIGTERM, when SLURM sent it


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What an array asks of SLURM, in the words of ``sbatch``; None: the cluster's default."""

    name: str
    array: int = 1  # jobs, one worker each
    time: int = 240  # minutes
    partition: str | None = None
    account: str | None = None
    cpus_per_task: int = 1
    gpus_per_node: int | None = None
    mem: str | None = None
    exclusive: bool = False  # whole nodes
    setup: Sequence[str] = ()  # lines of the shell, before the worker
    more: Mapping[str, str | bool] = field(default_factory=dict)  # any other option of sbatch


@dataclass
class Worker:
    """What a job calls: ``seqyard work`` in a process of its own."""

    arguments: tuple[str, ...]
    process: "subprocess.Popen[bytes] | None" = None

    def __call__(self) -> None:
        """Work until nothing is left.

        Raises:
            RuntimeError: the worker failed.
        """
        # -P: this folder is not put first on the path, where its files would hide installed modules
        command = [sys.executable, "-P", "-m", "experiments.cli", "work", *self.arguments]
        self.process = subprocess.Popen(command, preexec_fn=_before_worker)
        code = self._wait()
        if code in INTERRUPTED:
            # A job that ended now would be done in the eyes of SLURM, which sent SIGTERM to queue it
            # again. Who cancels it kills it soon.
            time.sleep(KILLED_WITHIN_S)
        if code:
            raise RuntimeError(f"seqyard work ended with exit code {code}")

    def checkpoint(self) -> "DelayedSubmission":
        """Give back what is in hand; return what to call when the job runs again.

        submitit calls this from a signal handler, wherever ``__call__`` is.
        """
        from submitit.helpers import DelayedSubmission

        if self.process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                child = psutil.Process(self.process.pid)
                child.terminate()
                try:
                    child.wait(timeout=STOP_S)
                except psutil.TimeoutExpired:
                    child.kill()
        return DelayedSubmission(Worker(self.arguments))

    def _wait(self) -> int:
        assert self.process is not None
        while (code := self.process.poll()) is None:
            time.sleep(POLL_S)  # `wait` would hold a lock that the signal handler needs
        return code


def _before_worker() -> None:
    """In the worker's process: leave SIGUSR2, which every process of a job gets, to the job itself."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    die_with_parent()


def submit(worker: Worker, resources: Resources, folder: Path, environment: Mapping[str, str]) -> str:
    """Start an array; return its job number.

    Args:
        worker: what each job calls.
        resources: what each job needs.
        folder: for scripts and logs, on a disk that every node has; readable by its owner alone.
        environment: variables that the jobs get beside those of this process.

    Raises:
        BadInput: submitit or SLURM is missing, or SLURM refuses.
    """
    executor = _executor(folder)
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    executor.update_parameters(**_parameters(resources))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with _submitting(environment):
            jobs = executor.submit_array([worker] * resources.array)
    except (FailedJobError, FailedSubmissionError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = next((line for line in lines if "error:" in line), " ".join(lines[:1]))
        raise BadInput(f"--launcher slurm: {said or 'sbatch failed without a word'}") from error
    return str(jobs[0].job_id).partition("_")[0]


def script(resources: Resources, folder: Path) -> str:
    """Return the file that ``submit`` hands to sbatch; SLURM need not be there.

    Raises:
        BadInput: submitit is missing.
    """
    _import_submitit()
    from submitit.slurm import slurm

    many: dict[str, Any] = {"map_count": resources.array} if resources.array > 1 else {}
    command = f"{_python()} -u -m submitit.core._submit {shlex.quote(str(folder.absolute()))}"
    parameters = {**_parameters(resources), **many}
    return slurm._make_sbatch_string(command=command, folder=folder, **parameters)


def check_installed() -> None:
    """Check that jobs can be submitted from here.

    Raises:
        BadInput: submitit or a program of SLURM is missing.
    """
    _import_submitit()
    missing = [name for name in ("sbatch", "srun") if shutil.which(name) is None]
    if missing:
        raise BadInput(
            f"--launcher slurm: there is no {missing[0]} on this machine; run it where jobs are "
            "submitted, or see the job with --dry-run."
        )


def nodes(partition: str | None) -> int | None:
    """Return how many nodes a partition has, or the cluster; None where SLURM does not tell."""
    command = ["sinfo", "--noheader", "--Node", "--format=%N"]
    if partition:
        command.append(f"--partition={partition}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return len(set(done.stdout.split())) or None


def _import_submitit() -> None:
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise BadInput("--launcher slurm needs submitit: pip install 'seqyard[cluster]'.") from error


def _executor(folder: Path) -> "SlurmExecutor":
    check_installed()
    from submitit import SlurmExecutor

    return SlurmExecutor(folder, max_num_timeout=TIMES_AGAIN, python=_python())


def _python() -> str:
    return f"{shlex.quote(sys.executable)} -P"


def _parameters(resources: Resources) -> dict[str, Any]:
    """Return what submitit is asked for."""
    found: dict[str, Any] = {
        "job_name": resources.name,
        "time": resources.time,
        "partition": resources.partition,
        "account": resources.account,
        "cpus_per_task": resources.cpus_per_task,
        "gpus_per_node": resources.gpus_per_node,
        "mem": resources.mem,
        "exclusive": resources.exclusive or None,
        "setup": list(resources.setup) or None,
        "array_parallelism": resources.array,
        "signal_delay_s": WARNING_S,
        "wckey": None,
        "ntasks_per_node": 1,
        # Since SLURM 22.05 srun does not take this from the job; and on a whole node it would start as
        # many tasks as have room.
        "srun_args": ["--ntasks=1", f"--cpus-per-task={resources.cpus_per_task}"],
        "additional_parameters": {"requeue": True, **resources.more},
    }
    return {key: value for key, value in found.items() if value is not None or key == "wckey"}


@contextlib.contextmanager
def _submitting(environment: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the jobs; within a job, forget what that one was given."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with _outside_of_job() if "SLURM_JOB_ID" in os.environ else contextlib.nullcontext():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _outside_of_job() -> Iterator[None]:
    """Hide what SLURM told this job; where its configuration is and what the user set stay."""
    from submitit.helpers import clean_env

    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or name.startswith("SBATCH_")
    }
    with clean_env():
        os.environ.update(kept)
        yield


def memory(text: str) -> str:
    """Return an amount of memory as sbatch takes it.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[1-9]\d*[KMGT]?", text):
        raise ValueError(f"'{text}' is no amount of memory, such as 16G")
    return text
