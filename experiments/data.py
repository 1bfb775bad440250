"""One LightningDataModule for every task: all architectures get the same batches in the same order.

B batch, S source positions, T target positions, F source features.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from experiments.tasks.base import Examples, HeldOut, Task
from models.batch import Batch
from models.problem import SPECIALS, Problem
from models.recipe import Recipe


def to_batch(examples: Examples) -> Batch:
    """Return the examples as CPU tensors (int64, float32, bool), sharing memory where they can.

    The source mask is None when no row is padded.
    """
    lengths_B, width = examples.source_lengths, examples.source.shape[1]
    padded = bool((lengths_B < width).any())
    mask_BS = np.arange(width) < lengths_B[:, None] if padded else None
    return Batch(
        source=_tensor(examples.source),
        source_mask=None if mask_BS is None else torch.from_numpy(mask_BS),
        target=_tensor(examples.target),
        target_mask=None if examples.target_mask is None else _tensor(examples.target_mask),
        slices={name: _tensor(values) for name, values in examples.slices.items()},
        real=_real(examples) if padded or examples.target_mask is not None else None,
    )


def _real(examples: Examples) -> tuple[int, int]:
    mask = examples.target_mask
    return int(examples.source_lengths.sum()), int(examples.target.size if mask is None else mask.sum())


def _tensor(array: NDArray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def fixed_batch(problem: Problem, n_source: int, n_target: int, batch: int, seed: int) -> Batch:
    """Return a random batch without padding, for measures of time, memory and FLOPs.

    Source (batch, n_source) tokens, (batch, n_source, F) standard normal floats or none; target
    (batch, n_target) for a decoder, (batch, n_source) for ``position``, (batch,) for ``last``.
    A function of its arguments alone.
    """
    generator = np.random.default_rng([seed, n_source, n_target, batch])
    shape = {"decoder": (batch, n_target), "position": (batch, n_source), "last": (batch,)}
    source: NDArray
    target: NDArray
    if problem.source_kind == "tokens":
        source = _tokens(generator, problem.source_size, (batch, n_source))
    elif problem.source_kind == "none":
        source = np.zeros((batch, 0), dtype=np.int64)
    else:
        size = (batch, n_source, problem.source_size)
        source = generator.standard_normal(size, dtype=np.float32)
    if problem.objective == "mean_squared_error":
        target = generator.standard_normal(shape[problem.readout], dtype=np.float32)
    elif problem.readout == "decoder":
        target = _tokens(generator, problem.target_size, shape["decoder"])
    else:
        target = generator.integers(problem.target_size, size=shape[problem.readout])
    return Batch(
        source=torch.from_numpy(source),
        source_mask=None,
        target=torch.from_numpy(target),
        target_mask=None,
    )


def _tokens(generator: np.random.Generator, vocabulary: int, shape: tuple[int, ...]) -> NDArray:
    # never padding, begin or end, unless the vocabulary holds nothing else
    return generator.integers(min(SPECIALS, vocabulary - 1), vocabulary, size=shape)


class TrainingStream:
    """The training batches from a step to the last: a function of (task, seed, step) alone.

    Where gradients are accumulated, a step has several batches, and ``batch`` counts them.
    """

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        seed: int,
        first_step: Callable[[], int] = lambda: 0,
        replica: tuple[int, int] = (0, 1),  # which of how many
    ) -> None:
        self.task, self.recipe, self.seed, self.first_step = task, recipe, seed, first_step
        self.replica = replica

    def __len__(self) -> int:
        """Return the batches of the whole run, those before the first of a resumed one included."""
        return self.recipe.steps * self.recipe.accumulate

    def __iter__(self) -> Iterator[Batch]:
        for batch in range(self.first_step() * self.recipe.accumulate, len(self)):
            whole = to_batch(self.task.train_batch(self.seed, batch, self.recipe.batch_size))
            yield whole.share(*self.replica)

    def state_dict(self) -> dict[str, int]:
        """Lightning hook that says "resumable": the next step (prefetched batches do not count)."""
        return {"step": self.first_step()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Lightning hook: begin where the saved stream stopped."""
        self.first_step = lambda: state["step"]


class FixedBatches:
    """The batches of a held-out split, made once and kept."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.batches: Sequence[Batch] = list(batches)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


class SequenceData(pl.LightningDataModule):
    """Any task's data under one recipe and data seed; no worker processes, as batches take < 0.3 ms.

    Training starts at the trainer's global step, so a run resumed from a checkpoint sees the batches
    that the uninterrupted run would have seen. Without a trainer it starts at ``start_step``.
    """

    def __init__(self, task: Task, recipe: Recipe, *, seed: int, start_step: int = 0) -> None:
        super().__init__()
        self.task, self.recipe, self.seed, self.start_step = task, recipe, seed, start_step
        self._held_out: dict[HeldOut, FixedBatches] = {}

    def train_dataloader(self) -> TrainingStream:
        """Return the training batches, one a step."""
        trainer = self.trainer
        replica = (0, 1) if trainer is None else (trainer.global_rank, trainer.world_size)
        return TrainingStream(self.task, self.recipe, self.seed, self._first_step, replica)

    def _first_step(self) -> int:
        return self.start_step if self.trainer is None else self.trainer.global_step

    def val_dataloader(self) -> FixedBatches:
        """Return the validation split, the same for every seed."""
        return self._fixed("validation")

    def test_dataloader(self) -> FixedBatches:
        """Return the test split, the same for every seed."""
        return self._fixed("test")

    def _fixed(self, split: HeldOut) -> FixedBatches:
        if split not in self._held_out:
            # four times the training batch: nothing is kept for a backward pass
            examples = self.task.evaluation(split, 4 * self.recipe.batch_size)
            self._held_out[split] = FixedBatches(to_batch(batch) for batch in examples)
        return self._held_out[split]

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Lightning hook: move the batch; on the CPU it is there already."""
        return batch if device.type == "cpu" else batch.to(device)
