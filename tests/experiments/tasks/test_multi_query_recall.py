"""Multi-query recall: the published mixture, and cheating predictors that must not pay."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.base import Examples
from experiments.tasks.find import task_for
from experiments.tasks.multi_query_recall import MultiQueryRecall
from models.errors import BadInput

SMALL = {"keys": 8, "values": 8, "train": [[32, 4, 1]], "test": [[32, 4]], "test_per_value": 1024}


def held_out(task: MultiQueryRecall) -> Examples:
    return Examples.join(list(task.evaluation("test", 256)))


def test_training_follows_the_published_mixture_one_point_a_batch():
    task = MultiQueryRecall()
    points: Counter[tuple[int, int]] = Counter()
    for step in range(160):
        batch = task.train_batch(0, step, 1)
        points[batch.source.shape[1], int(batch.target_mask.sum())] += 1
    shares = {(64, 4): 5 / 9, (128, 8): 1 / 9, (256, 16): 1 / 9, (256, 32): 1 / 9, (256, 64): 1 / 9}
    assert set(points) == set(shares)
    expected = [160 * shares[point] for point in points]
    assert stats.chisquare(list(points.values()), expected).pvalue > 1e-4


def test_the_published_test_goes_beyond_training_and_validation_does_not():
    task = MultiQueryRecall()
    assert task.slice_values("test") == {
        "length": (64, 128, 256, 512, 1024),
        "pairs": (4, 8, 16, 32, 64, 128, 256),
    }
    assert task.slice_values("validation") == {"length": (64, 128, 256), "pairs": (4, 8, 16, 32, 64)}
    assert {"length": 64, "pairs": 64} not in list(task.points("test"))


@pytest.mark.parametrize("fillers", ["blank", "values"])
def test_a_source_holds_pairs_then_every_key_once(fillers):
    task = task_for("multi_query_recall", SMALL | {"fillers": fillers})
    batch = task.train_batch(0, 0, 64)
    for row, mask in zip(batch.source, batch.target_mask, strict=True):
        keys, values = row[0:8:2].tolist(), row[1:8:2].tolist()
        assert len(set(keys)) == len(set(values)) == 4
        assert max(keys) < 11 <= min(values) <= max(values) < 19
        assert sorted(row[8:][row[8:] < 11].tolist()) == sorted(keys)
        assert (np.flatnonzero(mask) % 2 == 0).all()
        np.testing.assert_array_equal(mask[8:], row[8:] < 11)
        fillers_seen = set(row[8:][row[8:] >= 11].tolist())
        assert fillers_seen == {19} if fillers == "blank" else 19 not in fillers_seen


def test_gaps_follow_the_power_law():
    # the first query drawn without replacement has the law's own probabilities: with one pair
    task = MultiQueryRecall(keys=64, values=64, train=[[10, 1, 1]], test=[[10, 1]])
    batch = task.draw(np.random.default_rng(0), 4000, {"length": 10, "pairs": 1})
    gap = (np.argmax(batch.target_mask, axis=1) - 2) // 2
    weight = 0.01 * np.arange(1, 5) ** (0.01 - 1)
    expected = weight / weight.sum() * len(gap)
    assert stats.chisquare(np.bincount(gap, minlength=4), expected).pvalue > 1e-4


def values_seen(row: np.ndarray) -> list[int]:
    return (row[1:8:2] - 11).tolist()


CHEATS = {
    "the token before the query": lambda row, at, rank: row[at - 1] - 11,
    "the token after the query": lambda row, at, rank: row[at + 1] - 11,
    "the latest value": lambda row, at, rank: [v for v in row[:at] if 11 <= v < 19][-1] - 11,
    "the last pair": lambda row, at, rank: values_seen(row)[-1],
    "the pair of the same rank": lambda row, at, rank: values_seen(row)[rank],
    "the pair of the opposite rank": lambda row, at, rank: values_seen(row)[-1 - rank],
    "the nearest gap asks for the first pair": lambda row, at, rank: values_seen(row)[int(at != 8)],
    "the most frequent value": lambda row, at, rank: (
        Counter(t for t in row.tolist() if 11 <= t < 19).most_common(1)[0][0] - 11
    ),
}


@pytest.mark.parametrize("fillers", ["blank", "values"])
@pytest.mark.parametrize("cheat", CHEATS)
def test_no_cheat_beats_guessing_among_the_values_seen(fillers, cheat):
    task = task_for("multi_query_recall", SMALL | {"fillers": fillers})
    batch, hits = held_out(task), []
    for row, target, mask in zip(batch.source, batch.target, batch.target_mask, strict=True):
        for rank, at in enumerate(np.flatnonzero(mask)):
            hits.append(CHEATS[cheat](row, at, rank) == target[at])
    guess = task.facts()["guess_among_seen"]
    assert guess == 1 / 4
    assert np.mean(hits) < guess + 4 * np.sqrt(guess * (1 - guess) / len(hits))


def test_dealing_gaps_in_the_order_drawn_would_pay_the_rank_cheat():
    # why they are dealt in random order: numpy's own draw without replacement, as published
    generator = np.random.default_rng(0)
    weight = 0.01 * np.arange(1, 29) ** (0.01 - 1)
    weight /= weight.sum()
    hits = [
        np.argsort(np.argsort(generator.choice(28, 4, replace=False, p=weight))) == np.arange(4)
        for _ in range(2000)
    ]
    assert np.mean(hits) > 1 / 4 + 5 * np.sqrt(3 / 16 / 8000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": [[64, 17]]}, "length = 64 with 17 pairs: must be even and at least 68"),
        ({"test": [[65, 4]]}, "length = 65 with 4 pairs: must be even"),
        ({"keys": 32}, "64 pairs: more than different keys or values"),
        ({"test": [[64, 4], [64, 4]]}, "every point may be named once only"),
        ({"test": [[512, 4]]}, "nothing to validate on"),
        ({"train": []}, "train"),
        ({"power": 0}, "power = 0: Input should be greater than 0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("multi_query_recall", options)
