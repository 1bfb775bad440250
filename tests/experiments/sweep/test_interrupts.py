"""Ctrl-C in the midst of a transaction."""

import signal
import threading
import time

import pytest

from experiments.sweep.interrupts import deferred_interrupts
from tests.experiments.sweep.planned_stores import logged, named, plan


@pytest.fixture(autouse=True)
def interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted_by(*numbers):
    """Say what is reached where signals come in the midst of it."""
    reached = []
    try:
        with deferred_interrupts():
            for number in numbers:
                signal.raise_signal(number)
            reached.append("end")
        reached.append("behind")
    except KeyboardInterrupt:
        return reached
    return "not interrupted"


def test_it_comes_at_the_end():
    assert interrupted_by(signal.SIGINT) == ["end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_comes_at_once():
    assert interrupted_by(signal.SIGINT, signal.SIGTERM) == []


def test_an_error_within_is_not_hidden():
    with pytest.raises(ValueError, match="mine"), deferred_interrupts():
        raise ValueError("mine")


def test_other_threads_may_use_it():
    done = []

    def work():
        with deferred_interrupts():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


def test_no_connection_is_lost_however_often_it_comes(store, tmp_path):
    queue = plan(store, str(tmp_path / "queue.db"), [named("0", logged(0))])
    row = queue.take(exclusive=False, needs=["cpu"])
    alarm = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        interrupted = 0
        for number in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 * (1 + number))
                end = time.monotonic() + 0.05
                while time.monotonic() < end:
                    queue.note(row.trial, cell=f"{number}")
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, alarm)
    assert interrupted >= 50  # one that falls into a callback of the collector is lost
    assert queue.engine.pool.checkedout() == 0
