"""Several devices that share every batch train the model that one device would have trained."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from experiments.cell import Cell
from experiments.data import to_batch
from experiments.fit import fit
from experiments.measures.train import prepare
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.replicas import train_replicas
from experiments.tasks.find import task_for
from models.errors import BadInput

REQUEST = Request(profile="smoke", architectures=["lstm"], device="cpu", threads=1)


def cell_of(**recipe: object) -> Cell:
    return make_cell(
        measure="train",
        architecture="lstm",
        task="recall",
        model={"width": 8},
        data={"distances": [2, 4], "length": 12},
        recipe={"steps": 8, "batch_size": 16, "validate_every": 4, "warmup_steps": 2, **recipe},
        request=REQUEST,
    )


@pytest.mark.slow
def test_two_replicas_train_what_one_device_trains(tmp_path: Path) -> None:
    cell, checkpoint = cell_of(), tmp_path / "trial.ckpt"
    train_replicas(cell, 1e-2, checkpoint, 2)
    shared = fit(prepare(cell), cell, 1e-2, checkpoint=checkpoint)
    alone = fit(prepare(cell), cell, 1e-2)
    assert shared.steps == alone.steps == 8
    assert [step for step, _ in shared.validations] == [4, 8]
    assert (shared.flops, shared.tokens, shared.positions) == (
        alone.flops,
        alone.tokens,
        alone.positions,
    )
    for name, value in alone.weights.items():
        torch.testing.assert_close(shared.weights[name], value, rtol=1e-3, atol=1e-5)
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.slow
def test_replicas_agree_on_when_to_save(tmp_path: Path) -> None:
    cell, checkpoint = cell_of(steps=50, validate_every=25), tmp_path / "trial.ckpt"
    train_replicas(cell, 1e-2, checkpoint, 2, checkpoint_seconds=0.0)
    assert [path.name for path in tmp_path.iterdir()] == ["trial.ckpt"]
    shared = fit(prepare(cell), cell, 1e-2, checkpoint=checkpoint)
    assert [step for step, _ in shared.validations] == [25, 50]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's parent-death signal")
def test_no_replica_outlives_a_killed_worker(tmp_path: Path) -> None:
    mine = tmp_path / "trial.ckpt"
    code = (
        "import sys; from pathlib import Path; from experiments.cell import Cell; "
        "from experiments.replicas import train_replicas; "
        "train_replicas(Cell.model_validate_json(sys.argv[1]), 1e-2, Path(sys.argv[2]), 2)"
    )
    endless = cell_of(steps=10_000_000).model_dump_json()
    worker = subprocess.Popen([sys.executable, "-c", code, endless, str(mine)], stderr=subprocess.PIPE)
    try:
        wait_until(lambda: len(replicas_of(tmp_path)) >= 2)
    finally:
        worker.kill()
        worker.communicate()
    wait_until(lambda: not replicas_of(tmp_path))


def replicas_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that were given a plan file in the folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(
                part.startswith(f"{folder}/") and part.endswith(".json") for part in process.cmdline()
            ):
                found.append(process)
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 90.0) -> None:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds
        time.sleep(0.1)


def test_shares_are_the_batch_and_count_it_once() -> None:
    whole = to_batch(task_for("copying").train_batch(0, 0, 7))
    shares = [whole.share(rank, 3) for rank in range(3)]
    rows = torch.cat([share.source for share in shares])
    assert sorted(rows.tolist()) == sorted(whole.source.tolist())
    for share in shares:
        assert share.rows == 7
        assert share.real == whole.real
    assert whole.share(0, 1) is whole
    assert whole.share(5, 8) is whole


@pytest.mark.slow
def test_a_replica_that_fails_says_why(tmp_path: Path) -> None:
    broken = cell_of().model_copy(update={"architecture": "no_such_module:Model"})
    with pytest.raises(RuntimeError, match=r"a replica failed: .*no_such_module"):
        train_replicas(broken, 1e-2, tmp_path / "trial.ckpt", 2)


def test_seconds_are_no_budget_for_several_devices() -> None:
    cell = cell_of(seconds=5.0)
    with pytest.raises(BadInput, match="seconds = 5: 2 devices need a budget in steps"):
        fit(prepare(cell), cell, 1e-2, devices=2)
