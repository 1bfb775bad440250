"""A SLURM cluster of one node on this machine, on loopback, with everything in one folder.

It needs the programs of Debian's packages slurm-wlm and munge, and no service of theirs: the daemons
are started here, with ports and a key of their own, and are gone afterwards.
"""

import contextlib
import os
import platform
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

PACKAGES = ("slurm-wlm", "munge")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
SYSTEM = ("/usr/sbin", "/sbin")  # not on everybody's path

CONFIGURATION = """\
ClusterName=seqyard
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_min_interval=100000
KillWait=10
ReturnToService=2
CommunicationParameters=NoInAddrAny
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=path()) is None]


def install() -> None:
    """Install the Debian packages."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
        subprocess.run(["apt-get", "--quiet", *command], check=True, env=environment)


def path() -> str:
    """Return PATH with the folders of daemons."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM])


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for something to be so; end the script otherwise."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.2)


@contextlib.contextmanager
def one_node(folder: Path) -> Iterator["Cluster"]:
    """Start a cluster in a folder; take it down again, whatever happens."""
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    except BaseException:
        cluster.show_logs()
        raise
    finally:
        cluster.stop()


class Cluster:
    """munged, slurmctld and slurmd."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SLURM")},
            "PATH": path(),
            "SLURM_CONF": str(folder / "slurm.conf"),
        }

    def start(self) -> None:
        """Start the daemons; return when the node is idle."""
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir(mode=0o755)
        self.folder.chmod(0o755)  # munged wants its socket within reach of every user
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        ports = [free_port(), free_port()]
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                host=platform.node().partition(".")[0],
                user=pwd.getpwuid(os.getuid()).pw_name,
                cores=os.cpu_count(),
                folder=self.folder,
                ports=ports,
            )
        )
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        munge = self.folder / "munge"
        self.daemon(
            *("munged", "--foreground", f"--socket={munge}/socket", f"--key-file={key}"),
            *(f"--pid-file={munge}/pid", f"--seed-file={munge}/seed", f"--log-file={munge}/log"),
            *("--force", "--num-threads=2"),
        )
        wait_until((munge / "socket").exists, "munged")
        self.daemon("slurmctld", "-D", "-c")
        wait_until(lambda: self.runs("scontrol", "ping"), "slurmctld")
        self.daemon("slurmd", "-D", "-c")
        wait_until(lambda: "idle" in self.output("sinfo", "-h", "-o", "%T"), "slurmd", 120)

    def daemon(self, program: str, *arguments: str) -> None:
        """Start a daemon in the foreground."""
        found = shutil.which(program, path=path())
        assert found is not None
        with (self.folder / f"{program}.out").open("wb") as log:
            self.daemons.append(
                subprocess.Popen(
                    [found, *arguments],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            )

    def runs(self, *command: str) -> bool:
        """Whether a command succeeds."""
        return (
            subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode
            == 0
        )

    def output(self, *command: str) -> str:
        """Return what a command prints; nothing where it fails."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def jobs(self) -> list[tuple[str, str]]:
        """Return the jobs that SLURM knows and that have not ended: number, state."""
        rows = self.output("squeue", "-h", "-r", "-o", "%i %T").splitlines()
        return [(number, state) for number, state in (row.split() for row in rows)]

    def processes(self) -> list[psutil.Process]:
        """Return every process that a job has started and that still runs."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SLURM_CONF") == self.environment["SLURM_CONF"]:
                    found.append(process)
        ours = {os.getpid(), *(daemon.pid for daemon in self.daemons)}
        return [process for process in found if process.pid not in ours]

    def stop(self) -> None:
        """End the jobs and the daemons."""
        if len(self.daemons) == 3:
            self.runs("scancel", "--user", pwd.getpwuid(os.getuid()).pw_name)
            with contextlib.suppress(SystemExit):
                wait_until(lambda: not self.jobs(), "the end of all jobs", 30)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def show_logs(self) -> None:
        """Print the ends of the daemons' logs."""
        for log in sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")]):
            lines = log.read_text(errors="replace").splitlines()[-15:]
            if lines:
                print(f"--- {log.name}", *lines, sep="\n", file=sys.stderr)


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
