"""Measure ``fine_tune``: train from the weights of another cell, then test as ``train`` does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field
from safetensors.torch import load_file

from experiments.cell import Cell
from experiments.fit import Subject
from experiments.measures.base import Context, Diverged, Outcome
from experiments.measures.train import Train, prepare, save_weights, train_best
from models.base import Seq2Seq
from models.errors import BadInput
from models.pretrained import start_from_weights


class FineTune(Train):
    """Train from the weights of another cell, wherever name and shape fit; test once.

    Every learning rate starts from them. What does not fit, such as the head of another readout, starts
    as it would without.
    """

    class Options(Train.Options):
        """Where training starts, and how the selected model is tested."""

        trained: str = Field(description="key of the training cell whose weights are the start")

    def subject(self, cell: Cell, context: Context) -> Subject:
        """Return what is trained, with the file that it starts from.

        Raises:
            BadInput: the other cell was not measured here, or nothing of it fits.
            Diverged: it has no weights, for its training did not end.
        """
        trained = self.Options.model_validate(cell.options).trained
        return replace(prepare(cell), pretrained=pretrained_weights(trained, context))

    def tested(self, model: Seq2Seq, subject: Subject, cell: Cell, context: Context) -> Outcome:
        """Return what ``train`` tests, how much was pretrained, and, in the environment, what."""
        found = super().tested(model, subject, cell, context)
        assert subject.pretrained is not None
        fresh = subject.build(cell.seed)
        loaded = start_from_weights(fresh, load_file(subject.pretrained))
        sizes = {name: value.numel() for name, value in fresh.state_dict().items()}
        share = sum(sizes[name] for name in loaded) / sum(sizes.values())
        about: dict[str, Any] = {"loaded": loaded}
        return replace(
            found,
            metrics=found.metrics | {"loaded_share": share},
            environment=found.environment | about,
        )


def pretrained_weights(key: str, context: Context) -> Path:
    """Return the file of a training cell's weights; where it is gone, the cell is trained again.

    Raises:
        BadInput: the store has no record of it.
        Diverged: it ended without weights.
    """
    artifact = context.store.artifacts / f"{key}.safetensors"
    if artifact.is_file():
        return artifact
    if not context.store.has(key):
        raise BadInput(f"trained = '{key}': store '{context.store.folder}' has no record of this cell.")
    record = context.store.read(key)
    if record.status != "ok":
        raise Diverged(f"pretraining (cell {key}) ended without weights: {record.status}")
    context.progress("pretraining again: its weights are gone")
    save_weights(train_best(prepare(record.cell), record.cell, context.progress)[2], artifact)
    return artifact
