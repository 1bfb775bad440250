"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on loopback, gone afterwards."""

import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PASSWORD = "not shown"
TEMPORARY = tempfile.gettempdir()  # before a test has one of its own, which the server cannot enter


def installed() -> Path | None:
    """Return the folder of the newest server's programs."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0))
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class Postgres:
    """A server that can be stopped as hard as a power cut, and started again."""

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="seqyard-postgres-", dir=TEMPORARY))
        self.data = self.folder / "data"
        self.server: subprocess.Popen[bytes] | None = None
        self.databases = 0
        self.user: int | None = None
        if os.getuid() == 0:  # the server refuses to be root
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.user = account.pw_uid
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self.run(
            *("initdb", "-D", str(self.data), "-U", "seqyard", "-A", "scram-sha-256"),
            *(f"--pwfile={secret}", "--no-sync", "--no-locale", "-E", "UTF8"),
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("unix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\n")
            file.write("shared_buffers = 32MB\nmax_connections = 60\n")
            if not durable:  # no test cuts the power of the whole machine
                file.write("fsync = off\n")
        self.port = free_port()
        self.start()

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            user=self.user,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        log = (self.folder / "server.log").open("ab")
        with log:
            self.server = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data), "-p", str(self.port)],
                stdout=log,
                stderr=log,
                user=self.user,
                cwd=self.folder,
                preexec_fn=end_with_parent,
            )
        end = time.monotonic() + 60
        while not self.answers():
            assert self.server.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.05)

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.plain("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, mode: str = "immediate") -> None:
        """Stop; ``immediate`` drops everything as a crash does."""
        assert self.server is not None
        self.run("pg_ctl", "stop", "-D", str(self.data), "-m", mode, "-w")
        self.server.wait(timeout=30)

    def close(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.stop("fast")
        shutil.rmtree(self.folder, ignore_errors=True)

    def plain(self, database: str) -> str:
        return f"postgresql://seqyard:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """Make an empty database; return its address."""
        import psycopg

        self.databases += 1
        name = f"test{self.databases}"
        with psycopg.connect(self.plain("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.plain(name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG; SIGQUIT: immediate shutdown
