import os

import pytest

from experiments.locks import NotAcquired, machine_lock, store_lock
from models.errors import BadInput

pytestmark = pytest.mark.usefixtures("apart")


def test_a_store_serves_one_run(store):
    with (
        store_lock(store.folder),
        pytest.raises(BadInput, match=f"in use by another run .process {os.getpid()}"),
        store_lock(store.folder),
    ):
        pass
    with store_lock(store.folder):
        pass


def wait_no_longer(seconds):
    return False


def test_ordinary_runs_share_the_machine_and_timing_has_it_alone():
    def lock(exclusive):
        return machine_lock(exclusive=exclusive, waiting=wait_no_longer)

    with lock(False), lock(False), pytest.raises(NotAcquired), lock(True):
        pass
    with lock(True), pytest.raises(NotAcquired), lock(False):
        pass


def test_a_lock_is_waited_for():
    waits = []

    def waiting(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            holder.__exit__(None, None, None)
        return True

    holder = machine_lock(exclusive=True, waiting=wait_no_longer)
    holder.__enter__()
    with machine_lock(exclusive=True, waiting=waiting, poll_s=0.01):
        assert len(waits) == 2
