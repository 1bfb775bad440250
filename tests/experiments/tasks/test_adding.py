"""Adding: markers, distances, both objectives."""

import numpy as np
import pytest

from experiments.tasks.adding import Adding
from experiments.tasks.find import task_for
from models.errors import BadInput


@pytest.mark.parametrize("objective", ["regression", "classification"])
def test_two_marks_the_first_at_the_distance(objective):
    batch = Adding(objective=objective).train_batch(0, 0, 64)
    markers = batch.source[:, :, 1]
    assert set(np.unique(markers).tolist()) == {0.0, 1.0}
    assert (markers.sum(axis=1) == 2).all()
    np.testing.assert_array_equal(64 - markers.argmax(axis=1), batch.slices["distance"])
    assert batch.source[:, :, 0].min() >= 0
    assert batch.source[:, :, 0].max() <= 1


def test_the_second_mark_stands_anywhere_after_the_first():
    batches = Adding(distances=(8,), length=16).evaluation("test", 64)
    second = np.concatenate([16 - b.source[:, ::-1, 1].argmax(axis=1) for b in batches]) - 1
    assert set(second.tolist()) == set(range(9, 16))


def test_the_classes_ask_for_the_sum_of_the_regression():
    number, label = (
        Adding(objective=o).train_batch(0, 0, 64) for o in ("regression", "classification")
    )
    np.testing.assert_array_equal(number.source, label.source)
    np.testing.assert_array_equal(number.target > 1, label.target == 1)
    assert Adding().problem().objective == "mean_squared_error"
    assert Adding(objective="classification").problem().target_size == 2


@pytest.mark.parametrize("length", [64, 600])
def test_answering_1_always_scores_the_published_baseline(length):
    # 0.167: what the published LSTM at T = 600 (0.164) has not left behind
    task = Adding(distances=(8, 32), length=length, test_per_value=4096)
    error = (np.concatenate([b.target for b in task.evaluation("test", 1024)]) - 1) ** 2
    assert round(task.chance(), 3) == 0.167
    assert abs(error.mean() - task.chance()) < 4 * error.std() / np.sqrt(len(error))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distances": [1]}, "distances.0 = 1: Input should be greater than 1"),
        ({"length": 8}, "length = 8 is too short for distance 64: at least 64"),
        ({"length": -8}, "length = -8: Input should be greater than 0"),
        ({"objective": "ranking"}, "objective = 'ranking': Input should be 'regression' or"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("adding", options)
