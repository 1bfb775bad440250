"""Recall: where symbols and distractors stand, and what the distractors are."""

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.find import task_for
from experiments.tasks.recall import Recall
from models.errors import BadInput


def sample(task, batches=20):
    return [task.train_batch(0, step, 64) for step in range(batches)]


@pytest.mark.parametrize("length", [40, None])
def test_the_slice_is_the_number_of_distractors_after_the_symbols(length):
    task = Recall(symbols=3, distances=(1, 2, 5, 30), length=length, distractors=64)
    for batch in sample(task, 4):
        for source, end, distance in zip(
            batch.source, batch.source_lengths, batch.slices["distance"], strict=True
        ):
            places = np.flatnonzero((source >= 3) & (source < 11))
            assert places.tolist() == [end - distance - 3, end - distance - 2, end - distance - 1]
            assert (places[0] == 0) == (length is None)


def test_every_distance_has_the_same_length():
    batch = Recall().train_batch(0, 0, 64)
    assert set(batch.source_lengths.tolist()) == {67}


def test_training_mixes_distances_uniformly():
    distances = np.concatenate([batch.slices["distance"] for batch in sample(Recall())])
    values, counts = np.unique(distances, return_counts=True)
    assert values.tolist() == [1, 2, 4, 8, 16, 32, 64]
    assert stats.chisquare(counts).pvalue > 1e-4


def test_distractors_are_random_and_disjoint_from_the_symbols():
    task = Recall(distances=(30,), length=40, distractors=8)
    sources = np.concatenate([batch.source for batch in sample(task)])
    symbols, noise = sources[:, 7:10], np.delete(sources, [7, 8, 9], axis=1)
    assert set(symbols.ravel().tolist()) == set(range(3, 11))
    assert set(noise.ravel().tolist()) == set(range(11, 19))
    counts = np.array([np.bincount(column - 11, minlength=8) for column in noise.T])
    assert stats.chisquare(counts, axis=1).pvalue.min() > 1e-5  # every position: maximum entropy
    neighbours = np.bincount(((noise[:, :-1] - 11) * 8 + noise[:, 1:] - 11).ravel(), minlength=64)
    assert stats.entropy(neighbours, base=2) > 2 * 3 - 0.01  # 3 bits each, independently


def test_distractors_tell_nothing_of_the_symbols():
    task = Recall(distances=(4,), length=8, symbols=2, alphabet=4, distractors=4)
    sources = np.concatenate([batch.source for batch in sample(task, 60)])
    for symbol in (2, 3):
        for noise in (0, 1, 4, 5, 6, 7):
            table = np.zeros((4, 4))
            np.add.at(table, (sources[:, symbol] - 3, sources[:, noise] - 7), 1)
            assert stats.chi2_contingency(table).pvalue > 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": -3}, "length = -3: Input should be greater than 0"),
        ({"distances": [1, -4]}, "distances.1 = -4: Input should be greater than or equal to 0"),
        ({"distances": []}, "distances = []: Tuple should have at least 1 item"),
        ({"distances": [2, 2]}, r"distances = \[2, 2\]: every value may be named once only"),
        ({"length": 10}, "length = 10 is too short for 3 symbols and distance 64: at least 67"),
        ({"symbols": 1, "length": None}, "only 64 different sources with 1 of 8 symbols"),
        ({"symbol": 1}, "unknown key 'symbol'. Did you mean 'symbols'?"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, message):
    with pytest.raises(BadInput, match=message.replace("[]", r"\[\]")) as caught:
        task_for("recall", options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("task 'recall': ")
    assert "Undefined" not in str(caught.value)
