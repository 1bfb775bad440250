"""Training of one half alone: a language model's bits, a classifier of documents."""

import math
from pathlib import Path

import pytest

from experiments.cell import Cell
from experiments.data import fixed_batch, to_batch
from experiments.measures.base import Context, Outcome
from experiments.measures.train import Train
from experiments.store import Store
from experiments.tasks.characters import Characters
from experiments.tasks.documents import Documents
from models import MODELS
from tests.models.kinds import LANGUAGE_MODELS

DATA = {"characters": 6000, "length": 24, "letters": 6}


def train(tmp_path: Path, architecture: str, task: str, data: dict, **recipe: object) -> Outcome:
    cell = Cell(
        measure="train",
        architecture=architecture,
        task=task,
        model={"width": 16},
        data=data,
        recipe={"batch_size": 16, "warmup_steps": 2, "validate_every": 20, **recipe},
        seed=0,
    )
    return Train().one(cell, Context(store=Store(tmp_path)))


@pytest.mark.parametrize("architecture", LANGUAGE_MODELS)
def test_a_language_model_is_scored_in_bits(tmp_path: Path, architecture: str) -> None:
    metrics = train(tmp_path, architecture, "characters", DATA, steps=3).metrics
    assert metrics["bits_per_token"] == pytest.approx(metrics["test_loss"] / math.log(2))
    assert metrics["test_teacher_forced"] is None, "there is no source to answer freely"
    assert metrics | Characters.model_validate(DATA).facts() == metrics
    assert metrics["training_flops"] > 0
    assert metrics["tokens"] == 3 * 16 * 24


def test_training_reaches_beyond_the_bigrams_towards_the_optimum(tmp_path: Path) -> None:
    recipe = {"steps": 150, "learning_rates": [1e-2], "validate_every": 50}
    metrics = train(tmp_path, "lstm", "characters", DATA, **recipe).metrics
    assert metrics["bits_optimum"] < metrics["bits_per_token"] < metrics["bits_bigram"]


@pytest.mark.parametrize("architecture", MODELS)
def test_documents_are_classified_by_the_encoder_alone(tmp_path: Path, architecture: str) -> None:
    data = {"documents": 100, "max_tokens": 60}
    metrics = train(tmp_path, architecture, "documents", data, steps=2).metrics
    assert metrics["overlong"] == Documents.model_validate(data).facts()["overlong"] > 0
    assert "bits_per_token" not in metrics
    assert metrics["chance"] == 0.5


def test_batches_without_a_source_have_no_positions_in_it() -> None:
    task = Characters.model_validate(DATA)
    batch = to_batch(task.train_batch(0, 0, 5))
    assert batch.source.shape == (5, 0)
    assert batch.source_mask is None
    fixed = fixed_batch(task.problem(), 7, 9, batch=2, seed=0)
    assert fixed.source.shape == (2, 0)
    assert fixed.target.shape == (2, 9)
