"""What the queue of sweeps costs a cell, and how many workers a database bears.

``cells``: trivial cells through `seqyard work` and, for comparison, through a queue in one process, as
`seqyard run` has it. ``calls``: simulated workers that only take, beat and complete, so that the
database is all there is to wait for.

Run: python -m tests.benchmarks.queue_overhead cells [--cells 2000] [--workers 4]
     python -m tests.benchmarks.queue_overhead calls [--workers 1 4 16 ...] [--postgresql]
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psutil

from experiments.cell import Block
from experiments.launch import Settings, launch
from experiments.progress import Display
from experiments.store import Store
from experiments.sweep.queue import Queue
from experiments.sweep.storage import Unreachable, open_storage
from tests.experiments.sweep.planned_stores import finish, logged, named, other_worker, plan, start_work
from tests.experiments.sweep.postgres import Postgres, installed

BEATS = 100  # of each simulated worker


def blocks(count: int) -> list[Block]:
    return [named(f"{i}", logged(i, action="value")) for i in range(count)]


def timed(action: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Return seconds by the clock and of processors, children that ended included; and the answer."""
    begin, before = time.perf_counter(), sum(os.times()[:4])
    found = action()
    return (time.perf_counter() - begin, sum(os.times()[:4]) - before), found


def show(what: str, seconds: tuple[float, float], count: int) -> None:
    wall, processor = seconds
    print(
        f"{what:<58} {wall:8.2f} s {1e3 * wall / count:8.2f} ms each {count / wall:7.0f} /s, "
        f"{1e3 * processor / count:6.2f} ms of processors",
        flush=True,
    )


def cells(folder: Path, count: int, workers: int) -> None:
    """Trivial cells: the difference to a queue in one process is what the shared one costs."""
    given = blocks(count)
    local = Store(folder / "local")
    local.create()
    display = Display([cell for block in given for cell in block.cells], {})
    seconds, _ = timed(lambda: launch(given, local, Settings(workers=workers), display))
    show(f"in one process, {workers} workers", seconds, count)
    for processes in (1, workers):
        store, url = Store(folder / f"store-{processes}"), str(folder / f"queue-{processes}.db")
        seconds, _ = timed(lambda store=store, url=url: plan(store, url, given))
        show("SQLite: plan (manifest, schema, enqueue)", seconds, count)
        each = str(workers // processes)

        def work(store: Store = store, url: str = url, each: str = each, n: int = processes) -> list:
            started = [start_work(store, url, "--workers", each) for _ in range(n)]
            return [finish(process, 3600) for process in started]

        seconds, ended = timed(work)
        show(f"SQLite: {processes} x `seqyard work --workers {each}`, start included", seconds, count)
        assert all(code == 0 for code, _, _ in ended), ended
        assert not any("waiting for the database" in errors for _, _, errors in ended), ended
        assert len(list(store.records.glob("*.json"))) == count


def simulate(url: str, name: str, index: int, start: Barrier, kind: str, results: Any) -> None:
    """One simulated worker: takes and completes, or only beats, until nothing is left."""
    storage = open_storage(url)
    queue = other_worker(Queue(storage, name), f"worker {index}")
    if kind == "beat":
        row = queue.take(exclusive=False, needs=["cpu"])
        assert row is not None
    start.wait()
    begin, used = time.perf_counter(), time.process_time()
    done = failed = 0
    if kind == "beat":
        while done < BEATS:
            queue.beat([row.trial])
            done += 1
    else:
        while True:
            try:
                taken = queue.take(exclusive=False, needs=["cpu"])
                if taken is None:
                    break
                queue.complete(taken.trial, 0.0)
                done += 1
            except Unreachable:
                failed += 1
    processor = time.process_time() - used
    results.put((done, failed, time.perf_counter() - begin, processor))
    storage.engine.dispose()


def crowd(url: str, queue: Queue, workers: int, kind: str) -> tuple[int, int, tuple[float, float]]:
    """Let so many simulated workers loose; return calls, failures, seconds (clock, processors)."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(workers), context.Queue()
    processes = [
        context.Process(target=simulate, args=(url, queue.name, i, start, kind, results))
        for i in range(workers)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=1800) for _ in processes]
    for process in processes:
        process.join()
    return (
        sum(answer[0] for answer in answers),
        sum(answer[1] for answer in answers),
        (max(answer[2] for answer in answers), sum(answer[3] for answer in answers)),
    )


def used_by(server: psutil.Process | None) -> float:
    """Return the seconds of processors that a server and all its processes have used."""
    if server is None:
        return 0.0
    total = sum(server.cpu_times()[:4])  # its own, and those of processes that ended
    for process in server.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def calls(
    folder: Path,
    address: Callable[[], str],
    server: psutil.Process | None,
    count: int,
    workers: list[int],
) -> None:
    """Throughput against the number of workers; processors of clients and server apart."""
    for number in workers:
        url, store = address(), Store(folder / f"calls-{number}")
        given = blocks(count)
        queue = plan(store, url, [])
        seconds, _ = timed(lambda queue=queue, given=given: queue.enqueue(given))
        show(f"enqueue {count} blocks in one transaction", seconds, count)
        for kind, what in (("take", "take and complete"), ("beat", "heartbeat")):
            queue.enqueue(given)
            before = used_by(server)
            done, failed, seconds = crowd(url, queue, number, kind)
            assert kind == "beat" or done == count, (done, failed)
            show(f"{number} workers: {what} ({failed} refused)", seconds, done)
            if server is not None:
                print(
                    f"{'':<58} server: {1e3 * (used_by(server) - before) / done:.2f} ms of processors"
                )
        queue.engine.dispose()


@contextmanager
def database(
    folder: Path, *, postgresql: bool
) -> Iterator[tuple[Callable[[], str], psutil.Process | None]]:
    """Yield what returns the address of an empty database, and the server."""
    if not postgresql:
        numbers = iter(range(1000))
        yield (lambda: str(folder / f"calls-{next(numbers)}.db")), None
        return
    programs = installed()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed")
    server = Postgres(programs, durable=True)
    try:
        assert server.server is not None
        yield server.fresh, psutil.Process(server.server.pid)
    finally:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("cells", "calls"))
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--workers", type=int, nargs="+", default=[])
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(["."] + [p for p in sys.path if p.endswith("main")])
    os.environ.pop("SEQYARD_TOY_LOG", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SEQYARD_TOY_LOG"] = str(folder / "begun.txt")
        print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if options.what == "cells":
            for workers in options.workers or [4]:
                cells(folder, options.cells, workers)
            return
        with database(folder, postgresql=options.postgresql) as (address, server):
            calls(folder, address, server, options.cells, options.workers or [1, 2, 4, 8, 16])


if __name__ == "__main__":
    main()
