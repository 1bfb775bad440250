"""The data module: batches as tensors, the training stream, and Lightning's resume."""

import itertools

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

from experiments.data import SequenceData, fixed_batch, to_batch
from experiments.tasks import TASKS
from experiments.tasks.find import task_for
from models.problem import Problem
from models.recipe import Recipe

RECIPE = Recipe(steps=12, batch_size=8)


def equal(one, two):
    return torch.equal(one.source, two.source) and torch.equal(one.target, two.target)


COMPLETE = [name for name in TASKS if name != "contextual"]  # whose encoder must be named
"""Tasks with a default for everything."""


@pytest.mark.parametrize("name", COMPLETE)
def test_batches_carry_the_tasks_examples(name):
    task = task_for(name)
    data = SequenceData(task, RECIPE, seed=3)
    batches = list(data.train_dataloader())
    assert len(batches) == len(data.train_dataloader()) == 12
    for step, batch in enumerate(batches):
        examples = task.train_batch(3, step, 8)
        np.testing.assert_array_equal(batch.source.numpy(), examples.source)
        np.testing.assert_array_equal(batch.target.numpy(), examples.target)
        for field in (batch.source, batch.target, *batch.slices.values()):
            assert field.is_contiguous()
        assert batch.source.dtype in (torch.int64, torch.float32)
        assert set(batch.slices) == set(task.slice_names)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_held_out_batches_are_the_splits_in_order_and_made_once(split):
    task = task_for("recall", {"distances": [2, 8], "length": 16, "test_per_value": 40})
    data = SequenceData(task, RECIPE, seed=0)
    other = SequenceData(task, RECIPE.model_copy(update={"steps": 3}), seed=99)
    loader = {"validation": data.val_dataloader, "test": data.test_dataloader}[split]
    same = {"validation": other.val_dataloader, "test": other.test_dataloader}[split]
    assert loader() is loader()
    assert len(loader()) == len(list(loader())) == 4
    assert all(equal(one, two) for one, two in zip(loader(), same(), strict=True))
    sources = torch.cat([batch.source for batch in loader()]).numpy()
    expected = np.concatenate([batch.source for batch in task.evaluation(split, 1000)])
    np.testing.assert_array_equal(sources, expected)


def test_masks_are_none_unless_something_is_padded():
    assert to_batch(task_for("recall").train_batch(0, 0, 4)).source_mask is None
    examples = task_for("copying").train_batch(0, 0, 8)
    batch = to_batch(examples)
    assert batch.source_mask.sum(dim=1).tolist() == examples.source_lengths.tolist()
    assert batch.source_mask.shape == batch.source.shape
    assert (batch.source_mask == (batch.source != 0)).all()
    assert (batch.target_mask == (batch.target != 0)).all()
    row = examples.select(slice(2, 3)).trimmed()
    assert to_batch(row).source_mask is None
    assert to_batch(row).target_mask is None


def test_a_stream_can_start_at_any_step():
    task = task_for("copying")
    whole = list(SequenceData(task, RECIPE, seed=1).train_dataloader())
    rest = list(SequenceData(task, RECIPE, seed=1, start_step=7).train_dataloader())
    assert len(rest) == 5
    assert all(equal(one, two) for one, two in zip(whole[7:], rest, strict=True))


def test_the_cpu_batch_is_not_copied():
    data = SequenceData(task_for("recall"), RECIPE, seed=0)
    batch = next(iter(data.train_dataloader()))
    assert data.transfer_batch_to_device(batch, torch.device("cpu"), 0) is batch
    moved = data.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert moved.source.device.type == moved.target.device.type == "meta"


class Listener(pl.LightningModule):
    """Learns one number from what it hears, and remembers it in order."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.heard, self.validated = [], []

    def training_step(self, batch, batch_idx):
        self.heard.append(batch.source.clone())
        return (self.weight * batch.source.float().mean() - batch.target.float().mean()) ** 2

    def validation_step(self, batch, batch_idx):
        self.validated.append(batch.source.clone())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


def trainer(steps, folder):
    return pl.Trainer(
        accelerator="cpu",
        plugins=[LightningEnvironment()],  # looks for no SLURM
        max_steps=steps,
        val_check_interval=4,
        check_val_every_n_epoch=None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
        use_distributed_sampler=False,
    )


def test_lightning_trains_on_every_batch_once_and_validates(tmp_path):
    task = task_for("copying", {"validation_per_value": 16})
    data, model = SequenceData(task, RECIPE, seed=5), Listener()
    trainer(12, tmp_path).fit(model, datamodule=data)
    expected = list(SequenceData(task, RECIPE, seed=5).train_dataloader())
    assert len(model.heard) == 12
    assert all(torch.equal(a, b.source) for a, b in zip(model.heard, expected, strict=True))
    assert len(model.validated) == 3 * len(data.val_dataloader())


@pytest.mark.parametrize("stop", [4, 5])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, stop):
    task = task_for("copying", {"validation_per_value": 16})
    whole, first, second = Listener(), Listener(), Listener()
    trainer(12, tmp_path).fit(whole, datamodule=SequenceData(task, RECIPE, seed=5))
    interrupted = trainer(stop, tmp_path)
    interrupted.fit(first, datamodule=SequenceData(task, RECIPE, seed=5))
    interrupted.save_checkpoint(tmp_path / "last.ckpt")
    trainer(12, tmp_path).fit(
        second,
        datamodule=SequenceData(task, RECIPE, seed=5),
        ckpt_path=tmp_path / "last.ckpt",
        weights_only=True,
    )
    assert len(second.heard) == 12 - stop
    heard = [*first.heard, *second.heard]
    assert all(torch.equal(a, b) for a, b in zip(heard, whole.heard, strict=True))
    assert torch.equal(second.weight, whole.weight)


@pytest.mark.parametrize("name", COMPLETE)
def test_fixed_batches_look_like_the_tasks(name):
    problem = task_for(name).problem()
    real = to_batch(task_for(name).train_batch(0, 0, 8))
    batch = fixed_batch(problem, 24, 10, 4, seed=0)
    assert batch.source.shape[:2] == (4, 24 if problem.has_source else 0)
    assert batch.source.shape[2:] == real.source.shape[2:]
    shape = {"decoder": (4, 10), "position": (4, 24), "last": (4,)}
    assert batch.target.shape == shape[problem.readout]
    assert (batch.source.dtype, batch.target.dtype) == (real.source.dtype, real.target.dtype)
    assert batch.source_mask is None
    assert batch.target_mask is None


@pytest.mark.parametrize(
    ("readout", "objective"),
    itertools.product(["decoder", "position", "last"], ["cross_entropy", "mean_squared_error"]),
)
def test_fixed_batches_stay_inside_the_vocabulary(readout, objective):
    problem = Problem(source_size=5, target_size=4, readout=readout, objective=objective)
    batch = fixed_batch(problem, 50, 20, 16, seed=1)
    assert batch.source.unique().tolist() == [3, 4]  # no padding, begin or end
    if objective == "cross_entropy":
        expected = [3] if readout == "decoder" else [0, 1, 2, 3]
        assert batch.target.unique().tolist() == expected
    else:
        assert batch.target.dtype == torch.float32
    assert equal(batch, fixed_batch(problem, 50, 20, 16, seed=1))
    assert not torch.equal(batch.source, fixed_batch(problem, 50, 20, 16, seed=2).source)
