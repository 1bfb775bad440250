import os
import stat

from experiments.gpus import VISIBLE, gpus, share
from experiments.launch import Settings, launch
from experiments.measures.base import Measure, Outcome
from experiments.progress import Display
from tests.experiments.toys import block, toy


def test_a_batch_systems_choice_of_gpus_is_kept(monkeypatch):
    monkeypatch.setenv(VISIBLE, "2, GPU-8a1b")
    assert gpus() == ("2", "GPU-8a1b")
    monkeypatch.setenv(VISIBLE, "")
    assert gpus() == ()


def test_gpus_are_asked_of_the_driver(monkeypatch, tmp_path):
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == ()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 0\necho 1\n")
    tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    assert gpus() == ("0", "1")
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert gpus() == ()


def test_gpus_are_shared_out_by_index():
    four = ("0", "1", "2", "3")
    assert [share(four, worker) for worker in range(5)] == ["0", "1", "2", "3", "0"]
    assert [share(four, worker, 2) for worker in range(3)] == ["0,1", "2,3", "0,1"]
    assert share(("7",), 0, 2) == "7"


class Sight(Measure):
    """Which GPUs a worker may see."""

    def one(self, cell, context):
        return Outcome(metrics={"visible": os.environ.get(VISIBLE)})


def test_every_worker_has_a_gpu_of_its_own_and_a_timing_sees_all(store, apart, monkeypatch):
    monkeypatch.setenv(VISIBLE, "4,5")

    def sight(seed, name="Sight"):
        return toy(seed=seed).model_copy(update={"measure": f"{__name__}:{name}", "options": {}})

    blocks = [*(block(sight(seed)) for seed in range(2)), block(sight(9), exclusive=True)]
    cells = [cell for each in blocks for cell in each.cells]
    launch(blocks, store, Settings(workers=2, gpus=("4", "5")), Display(cells, {}))
    seen = {record.cell.seed: record.metrics["visible"] for record in store}
    assert seen[9] == "4,5"
    assert {seen[0], seen[1]} <= {"4", "5"}
