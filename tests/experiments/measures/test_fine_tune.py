"""Fine-tuning: training starts from another cell's weights, or from word vectors of its task."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from experiments.cell import Block, Cell
from experiments.measures.base import Context, Diverged
from experiments.measures.fine_tune import FineTune, pretrained_weights
from experiments.measures.train import Train, prepare
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.record import Record
from experiments.run import run_block
from experiments.store import Store
from models.errors import BadInput

DOCUMENTS = {"corpus": "topics", "documents": 120, "max_tokens": 12}
RECIPE: dict[str, Any] = {
    "steps": 3,
    "batch_size": 8,
    "validate_every": 3,
    "warmup_steps": 1,
    "learning_rates": [1e-3],
}


def cell(measure: str, task: str, data: dict, architecture: str = "lstm", **options: Any) -> Cell:
    return make_cell(
        measure=measure,
        architecture=architecture,
        task=task,
        model={"width": 16},
        data=data,
        recipe=RECIPE,
        options=options,
        seed=1,
        request=Request(profile="quick", architectures=[architecture], device="cpu", threads=1),
    )


def both(architecture: str = "lstm") -> tuple[Cell, Cell]:
    restoring = cell(
        "train",
        "denoising",
        {"data": DOCUMENTS, "max_tokens": 8},
        architecture,
        free_running=False,
    )
    return restoring, cell(
        "fine_tune", "few_labels", DOCUMENTS | {"share": 0.1}, architecture, trained=restoring.key
    )


@pytest.mark.parametrize("architecture", ["lstm", "transformer"])
def test_what_follows_in_a_block_starts_from_its_weights(architecture: str, store: Store) -> None:
    restoring, tuned = both(architecture)
    records = list(run_block(Block(name="both", cells=(restoring, tuned)), store))
    assert [record.status for record in records] == ["ok", "ok"], [r.reason for r in records]
    context = Context(store=store)
    subject = FineTune().subject(tuned, context)
    start, fresh = subject.build(1).state_dict(), prepare(tuned).build(1).state_dict()
    weights = load_file(store.artifacts / f"{restoring.key}.safetensors")
    loaded = records[1].environment["loaded"]
    for name, value in start.items():
        assert torch.equal(value, weights[name] if name in loaded else fresh[name]), name
    assert "source_embedding.weight" in loaded
    assert not any(name.startswith("head.") for name in loaded)
    counted = sum(start[name].numel() for name in loaded) / sum(v.numel() for v in start.values())
    assert records[1].metrics["loaded_share"] == pytest.approx(counted)
    assert records[1].cell.options["trained"] == restoring.key


def test_the_start_is_part_of_the_cell() -> None:
    restoring, tuned = both()
    other = cell("fine_tune", "few_labels", tuned.data, trained="0" * 16)
    assert other.key != tuned.key
    with pytest.raises(BadInput, match="trained"):
        cell("fine_tune", "few_labels", tuned.data)
    assert restoring.data["data"]["documents"] == 120


def test_weights_that_are_gone_are_trained_again_to_the_same(store: Store) -> None:
    restoring, _ = both()
    list(run_block(Block(name="one", cells=(restoring,)), store))
    path = store.artifacts / f"{restoring.key}.safetensors"
    before = load_file(path)
    path.unlink()
    again = load_file(pretrained_weights(restoring.key, Context(store=store)))
    assert set(again) == set(before)
    assert all(torch.equal(again[name], value) for name, value in before.items())


def test_a_start_that_is_not_there_is_said(store: Store) -> None:
    restoring, tuned = both()
    context = Context(store=store)
    with pytest.raises(BadInput, match="has no record of this cell"):
        FineTune().one(tuned, context)
    store.write(
        Record(key=restoring.key, block="", cell=restoring, status="diverged", reason="loss not finite")
    )
    with pytest.raises(Diverged, match="ended without weights: diverged"):
        FineTune().one(tuned, context)


def test_weights_of_another_vocabulary_are_refused(store: Store) -> None:
    restoring, tuned = both()
    other = prepare(restoring).build(0).state_dict()
    other["source_embedding.weight"] = other["source_embedding.weight"][:-1].clone()
    store.artifacts.mkdir(parents=True, exist_ok=True)
    save_file(other, store.artifacts / f"{restoring.key}.safetensors")
    with pytest.raises(BadInput, match="the vocabulary or the width differs"):
        FineTune().one(tuned, Context(store=store))


@pytest.mark.parametrize("architecture", ["lstm", "transformer"])
def test_training_starts_from_the_vectors_of_its_task(architecture: str, store: Store) -> None:
    with_, without = (
        cell("train", "few_labels", DOCUMENTS | {"vectors": vectors}, architecture)
        for vectors in ("corpus", "none")
    )
    assert with_.key != without.key
    one, other = (prepare(c).build(1).state_dict() for c in (with_, without))
    changed = [name for name, value in one.items() if not torch.equal(value, other[name])]
    assert changed == ["source_embedding.weight"]
    outcome = Train().one(with_, Context(store=store))
    assert outcome.status == "ok"
    assert outcome.metrics["vectors_of_words"] == 1.0
    assert Path(store.artifacts / f"{with_.key}.safetensors").is_file()
