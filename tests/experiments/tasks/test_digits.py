"""Digits: the split of the corpus and the epochs."""

import subprocess
import sys

import numpy as np
import pytest

from experiments.tasks.digits import Digits, corpus


def test_the_splits_are_stratified_and_cover_the_corpus():
    rows = corpus().rows
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(1797))
    for split, share in {"train": 0.7, "validation": 0.1, "test": 0.2}.items():
        counts = np.bincount(corpus().label[rows[split]], minlength=10)
        assert np.abs(counts - share * np.bincount(corpus().label)).max() < 2


def test_pixels_lie_between_0_and_1():
    assert corpus().source.shape == (1797, 64, 1)
    assert corpus().source.min() == 0
    assert corpus().source.max() == 1


def test_an_epoch_shows_every_training_image_once():
    size = len(corpus().rows["train"])
    steps = -(-2 * size // 48)
    batches = [Digits().train_batch(1, step, 48) for step in range(steps)]
    images = [row.tobytes() for batch in batches for row in batch.source]
    train = {row.tobytes() for row in corpus().source[corpus().rows["train"]]}
    assert set(images[:size]) == set(images[size : 2 * size]) == train
    assert images[:size] != images[size : 2 * size]


def test_a_batch_may_span_several_epochs():
    size = len(corpus().rows["train"])
    whole = Digits().train_batch(0, 0, 3 * size)
    parts = [Digits().train_batch(0, step, size) for step in range(3)]
    np.testing.assert_array_equal(whole.target, np.concatenate([part.target for part in parts]))


def test_the_task_is_described_without_loading_scikit_learn():
    code = (
        "import sys; from experiments.tasks.find import task_for; task_for('digits').problem(); "
        "assert 'sklearn' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_oracle_knows_only_images_of_the_corpus():
    with pytest.raises(ValueError, match="no such image"):
        Digits().solve(np.full((64, 1), 0.5, dtype=np.float32), 64)
