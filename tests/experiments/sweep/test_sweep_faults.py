"""A sweep under fire: killed workers, a crashed database, a full disk, two planners at once.

At the end every cell has one record; none was computed twice but what was in hand when it was killed.
That is read from a log of who began what: whoever began a cell that somebody else began again must be
among those that we killed, or that stood before the full disk.
"""

import random
import signal
import subprocess
import sys
import time
from collections import defaultdict

import psutil
import pytest

from experiments.store import Store
from experiments.sweep.planned import queue_name
from experiments.sweep.queue import Queue
from experiments.sweep.storage import open_storage
from tests.experiments.sweep.disks import Disk
from tests.experiments.sweep.planned_stores import begun, logged, named, wait_until

pytestmark = [pytest.mark.usefixtures("apart"), pytest.mark.slow]

SECONDS = 0.8  # of a cell
PLANNER = """
import sys
from experiments.store import Store
from tests.experiments.sweep import test_sweep_faults as this
from tests.experiments.sweep.planned_stores import plan
plan(Store(sys.argv[1]), sys.argv[2], this.blocks(int(sys.argv[3])))
"""


def blocks(cells):
    """Return blocks of one and of two cells, and two that run alone."""
    seeds = list(range(cells))
    found = []
    while seeds:
        size = 1 + len(found) % 2
        found.append(named(f"{seeds[0]}", *(logged(seed, SECONDS) for seed in seeds[:size])))
        del seeds[:size]
    alone = [(1000, 1001), (1002, 1003)]
    return found + [
        named(
            f"alone {a}", *(logged(seed, 0.1, kind="LoggedTogether") for seed in (a, b)), exclusive=True
        )
        for a, b in alone
    ]


class Crowd:
    """Workers that are started again when they die, as a batch system does."""

    def __init__(self, work, store, url, disk, size=3):
        self.work, self.store, self.url, self.disk, self.size = work, store, url, disk, size
        self.alive = []
        self.ended = []  # (exit code, errors)
        self.interrupted = set()  # processes that did not get to finish what they had begun
        self.kills = {"process": 0, "child": 0}

    def refill(self):
        for process in [each for each in self.alive if each.poll() is not None]:
            self.alive.remove(process)
            self.ended.append((process.returncode, process.communicate()[1]))
        while len(self.alive) < self.size:
            options = self.disk.settings()
            self.alive.append(self.work(self.store, self.url, "--workers", "2", **options))

    def children(self, process):
        try:
            return psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill_process(self):
        process = random.choice(self.alive)
        process.send_signal(signal.SIGSTOP)  # so that it starts no child while we look
        children = self.children(process)
        self.interrupted |= {child.pid for child in children}
        process.kill()
        process.wait()
        _, left = psutil.wait_procs(children, timeout=60)
        assert not left, "orphans"
        self.kills["process"] += 1

    def kill_child(self):
        children = [child for process in self.alive for child in self.children(process)]
        if not children:
            return False
        child = random.choice(children)
        try:
            child.kill()
        except psutil.NoSuchProcess:  # it ended by itself just now
            return False
        self.interrupted.add(child.pid)
        self.kills["child"] += 1
        return True

    def live_through(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.refill()
            time.sleep(0.05)

    def stop_before_the_full_disk(self):
        """Fill the disk, see everybody stop in one clear line, free it."""
        self.disk.fill()
        if not self.disk.mounted:  # those that run see no limit: let others take their place
            for process in self.alive:
                self.interrupted |= {child.pid for child in self.children(process)}
                process.terminate()
            for process in self.alive:
                process.wait(240)
            self.refill()
        end = time.monotonic() + 240
        while any(process.poll() is None for process in self.alive):
            assert time.monotonic() < end, "somebody goes on before a full disk"
            for process in self.alive:
                self.interrupted |= {child.pid for child in self.children(process)}
            time.sleep(0.02)
        codes = [process.wait() for process in self.alive]
        errors = [process.communicate()[1] for process in self.alive]
        self.alive.clear()
        assert 1 in codes, errors
        for code, text in zip(codes, errors, strict=True):
            assert code != 1 or "a record cannot be written" in text.splitlines()[-1]
        self.disk.free()


@pytest.fixture
def disk(tmp_path):
    found = Disk(tmp_path / "disk")
    yield found
    found.close()


@pytest.mark.parametrize(
    ("kind", "cells", "kills"),
    [("sqlite", 50, 8), ("postgresql", 120, 22)],
    ids=["sqlite", "postgresql"],
)
def test_every_cell_has_one_record_whatever_happens(kind, cells, kills, request, work, disk, tmp_path):
    postgres = request.getfixturevalue("postgres") if kind == "postgresql" else None
    url = postgres.fresh() if postgres else str(tmp_path / "queue.db")
    store = Store(disk.folder / "store")
    command = [sys.executable, "-c", PLANNER, str(store.folder), url, str(cells)]
    planners = [subprocess.Popen(command) for _ in range(2)]
    assert [planner.wait(240) for planner in planners] == [0, 0]
    planned = blocks(cells)
    queue = Queue(open_storage(url), queue_name(store))
    assert [row.block for row in queue.rows()] == [block.key for block in planned]

    crowd = Crowd(work, store, url, disk)
    kinds = ["process", "child"] * (kills // 2)
    random.shuffle(kinds)
    crowd.refill()
    wait_until(lambda: len(begun()) >= 6)
    for number, victim in enumerate(kinds):
        crowd.live_through(random.uniform(0.1, 1.0))
        if victim == "process":
            crowd.kill_process()
        else:
            while not crowd.kill_child():
                crowd.live_through(0.1)
        if number == kills // 3 and postgres:
            postgres.stop("immediate")
            crowd.live_through(3.0)
            postgres.start()
        if number == 2 * kills // 3 and postgres:
            crowd.stop_before_the_full_disk()
            crowd.refill()
    left = sum(row.state.name in ("WAITING", "RUNNING") for row in queue.rows())
    assert left, "the kills came after the work"
    end = time.monotonic() + 300
    while any(row.state.name in ("WAITING", "RUNNING") for row in queue.rows()):
        assert time.monotonic() < end
        crowd.live_through(1.0)
    codes = [process.wait(240) for process in crowd.alive]
    assert codes == [0] * crowd.size, [process.communicate() for process in crowd.alive]
    accepted = ["a worker cannot start: the worker was ended by SIGKILL"]  # three times, by chance
    if postgres:  # begun while it was down
        accepted.append("--storage")
    for code, errors in crowd.ended:
        assert code in (0, -9) or any(words in errors for words in accepted), (code, errors)
    assert crowd.kills == {"process": kills // 2, "child": kills // 2}

    records = {record.cell.seed: record for record in store}
    keys = {cell.key for block in planned for cell in block.cells}
    assert {path.stem for path in store.records.glob("*.json")} == keys
    assert {row.state.name for row in queue.rows()} == {"COMPLETE"}
    assert len(queue.rows()) == len(planned)
    starts = defaultdict(list)
    for seed, process in begun():
        starts[seed].append(process)
    for seed, record in records.items():
        first, last = starts[seed][:-1], starts[seed][-1]
        if record.status == "ok":
            assert record.metrics["pid"] == last
        else:  # we hit it twice by chance, perhaps before it could write into the log
            assert record.status == "killed"
            assert last in crowd.interrupted
        if seed < 1000:
            assert set(first) <= crowd.interrupted, f"{seed} was computed again without need"
    twice = sum(record.status == "killed" for record in records.values())
    assert 2 * twice <= 2 * kills, "more deaths than we caused"
    mine = str(store.folder)
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if mine in (process.info["cmdline"] or [])
    ]
    assert not left, "orphans"
