"""Denoising: the noise by its definition, the text of any task, answers that follow from it."""

from pathlib import Path

import numpy as np
import pytest

from experiments.tasks.denoising import MASK, Denoising
from experiments.tasks.find import task_for
from models.errors import BadInput
from models.problem import EOS, Problem
from tests.experiments.tasks import linter

ROW = np.arange(10, 60)


def noise(**options: float) -> Denoising:
    return task_for("denoising", {"drop": 0, "mask": 0, "shuffle": 0, "max_tokens": 12, **options})  # type: ignore[return-value]


def test_the_docstring_runs():
    linter.lint_docstring(Denoising)


def test_training_is_reproducible_and_held_out_answers_follow_from_the_source():
    task = task_for("denoising", {"data": {"documents": 120}, "max_tokens": 12})
    linter.lint_reproducible(task)
    (batch,) = task.evaluation("test", 64)
    for row, length, target in zip(batch.source, batch.source_lengths, batch.target, strict=True):
        np.testing.assert_array_equal(task.solve(row, int(length)), target[target != 0])


def test_without_noise_the_source_is_the_target():
    for batch in [noise().train_batch(0, 3, 8), *noise().evaluation("test", 64)]:
        for row, length, target in zip(batch.source, batch.source_lengths, batch.target, strict=True):
            assert target[length] == EOS
            np.testing.assert_array_equal(row[:length], target[:length])
            assert length <= 12


def test_dropping_keeps_the_order_and_meets_its_share():
    task, generator = noise(drop=0.3), np.random.default_rng(0)
    left = [task.corrupted(ROW, generator) for _ in range(400)]
    assert all((np.diff(row) > 0).all() for row in left)
    assert np.mean([len(row) for row in left]) == pytest.approx(35, abs=0.6)
    alone = [noise(drop=0.99).corrupted(ROW[:2], generator) for _ in range(50)]
    assert {len(row) for row in alone} == {1}, "one word always stays"
    assert {int(row[0]) for row in alone} == {10, 11}


def test_masking_keeps_the_places_and_meets_its_share():
    task, generator = noise(mask=0.2), np.random.default_rng(0)
    masked = np.array([task.corrupted(ROW, generator) for _ in range(400)])
    assert (masked == MASK).mean() == pytest.approx(0.2, abs=0.01)
    assert ((masked == MASK) | (masked == ROW)).all()


@pytest.mark.parametrize("most", [1, 3])
def test_shuffling_moves_no_word_far(most: int):
    task, generator = noise(shuffle=most), np.random.default_rng(0)
    farthest = 0
    for _ in range(400):
        moved = task.corrupted(ROW, generator)
        assert sorted(moved) == ROW.tolist()
        farthest = max(farthest, int(np.abs(moved - ROW).max()))
    assert farthest == most


def test_held_out_noise_does_not_depend_on_the_batch_size():
    task = task_for("denoising", {"max_tokens": 12})
    by_size = [
        [
            (row[:length].tolist(), target[target != 0].tolist())
            for batch in task.evaluation("validation", size)
            for row, length, target in zip(
                batch.source, batch.source_lengths, batch.target, strict=True
            )
        ]
        for size in (7, 64)
    ]
    assert by_size[0] == by_size[1]
    assert len(by_size[0]) == 300


def test_training_reads_other_stretches_and_noise_every_epoch():
    task = task_for("denoising", {"data": {"documents": 100}, "max_tokens": 8})
    epochs = [linter.rows([task.train_batch(0, e * 10 + s, 8) for s in range(10)]) for e in (0, 1)]
    assert len(epochs[0] & epochs[1]) < 0.1 * len(epochs[0])


def test_the_vocabulary_is_that_of_the_text():
    inner = task_for("documents", {"documents": 200})
    task = task_for("denoising", {"of": "documents", "data": {"documents": 200}})
    size = inner.problem().source_size
    assert task.problem() == Problem(source_size=size, target_size=size)
    assert task.data == inner.model_dump(mode="json"), "every default spelled out"
    assert task.chance() <= task.target_only_floor() < 0.5


def test_one_side_of_a_parallel_corpus(tmp_path: Path):
    for split, count in (("train", 60), ("dev", 10), ("test", 10)):
        for side in ("en", "de"):
            rows = [f"{side} {split} sentence number {n} of {count}\n" for n in range(count)]
            (tmp_path / f"{split}.{side}").write_text("".join(rows))
    task = task_for(
        "denoising",
        {"of": "translation", "data": {"corpus": str(tmp_path), "vocabulary": 300}, "max_tokens": 8},
    )
    batch = task.train_batch(0, 0, 16)
    assert 4 <= len(batch.source) <= 16
    assert batch.target.shape[1] <= 9
    assert task.text.problem().source_size == task.problem().target_size
    held = next(task.evaluation("test", 16))
    assert (held.target.max(axis=1) < task.problem().target_size).all()


@pytest.mark.parametrize(
    ("of", "why"),
    [
        ("adding", "its source is floats"),
        ("characters", "its source is none"),
        ("denoising", "name the"),
    ],
)
def test_what_has_no_text_is_refused(of: str, why: str):
    with pytest.raises(BadInput, match=f"of = '{of}': {why}"):
        task_for("denoising", {"of": of})
    with pytest.raises(BadInput, match="unknown task 'documants'"):
        task_for("denoising", {"of": "documants"})
    with pytest.raises(BadInput, match="unknown key 'document'"):
        task_for("denoising", {"data": {"document": 3}})
