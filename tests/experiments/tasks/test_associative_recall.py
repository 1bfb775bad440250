"""Associative recall: what distance and load mean, and that they vary independently."""

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.associative_recall import AssociativeRecall
from experiments.tasks.find import task_for
from models.errors import BadInput


def test_distance_and_load_are_what_the_source_shows():
    task = AssociativeRecall()
    keys, values = set(range(3, 19)), set(range(19, 35))
    for step in range(8):
        batch = task.train_batch(0, step, 64)
        distances, loads = batch.slices["distance"].tolist(), batch.slices["load"].tolist()
        for row, distance, load in zip(batch.source.tolist(), distances, loads, strict=True):
            pairs = [(i, row[i]) for i in range(0, 64, 2) if row[i] in keys]
            assert len(pairs) == load
            assert len({key for _, key in pairs}) == load
            assert all(row[i + 1] in values for i, _ in pairs)
            assert sum(token in values for token in row) == load
            assert [64 - i for i, key in pairs if key == row[-1]] == [distance]


def test_distance_and_load_are_combined_freely():
    points = list(AssociativeRecall().points("test"))
    assert len(points) == 5 * 3
    assert {"distance": 64, "load": 2} in points
    assert {"distance": 4, "load": 8} in points


def test_the_queried_pair_is_not_told_by_its_place_in_the_source():
    # with 8 pairs at random slots the queried one must not always be, say, the last before the end
    task = AssociativeRecall(distances=(16,), loads=(8,), length=65)
    ranks = []
    for batch in task.evaluation("test", 64):
        places = (batch.source[:, :-1:2] >= 3) & (batch.source[:, :-1:2] < 19)
        ranks += (places[:, : 32 - 8].sum(axis=1)).tolist()
    assert len(np.unique(ranks)) >= 5


def test_fillers_are_random_and_disjoint_from_keys_and_values():
    task = AssociativeRecall(fillers=8)
    sources = np.concatenate([task.train_batch(0, step, 64).source for step in range(10)])
    counts = np.bincount(sources[sources >= 35] - 35, minlength=8)
    assert len(counts) == 8
    assert stats.chisquare(counts).pvalue > 1e-4
    assert (sources[:, -1] < 19).all()


@pytest.mark.parametrize("load", [2, 8])
@pytest.mark.parametrize("back", [1, 2, 3, 4])
def test_the_tokens_before_the_query_do_not_give_the_answer_away(load, back):
    task = AssociativeRecall(loads=(load,), test_per_value=512)
    batches = list(task.evaluation("test", 512))
    for batch in batches:
        if back == 3 and batch.slices["distance"][0] == 4:  # that is the answer's own place
            assert (batch.source[:, -1 - back] == batch.target[:, 0]).all()
            continue
        hits = int((batch.source[:, -1 - back] == batch.target[:, 0]).sum())
        assert stats.binomtest(hits, len(batch), 1 / 16, alternative="greater").pvalue > 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distances": [3]}, "distances.0 = 3: Input should be a multiple of 2"),
        ({"length": 64}, "length = 64: must be odd and at least 65"),
        ({"length": 33}, "length = 33: must be odd and at least 65, for 8 pairs and distance 64"),
        ({"loads": [20]}, "loads = 20: more pairs than different keys"),
        ({"loads": [0]}, "loads.0 = 0: Input should be greater than 0"),
        ({"distances": [2]}, "distances.0 = 2: Input should be greater than 2"),
        ({"keys": 2, "values": 2, "loads": [1], "distances": [4]}, "only 1024 different sources"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("associative_recall", options)
