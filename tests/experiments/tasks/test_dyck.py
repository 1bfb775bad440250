"""Dyck: well-formed prefixes, uniform among all, and predictors that must not pay."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.base import Examples
from experiments.tasks.dyck import Dyck
from experiments.tasks.find import task_for
from models.errors import BadInput


def stack_of(row: list[int], kinds: int) -> tuple[list[tuple[int, int]], int]:
    """Return the open brackets (place, kind) at the end, and the greatest depth."""
    stack: list[tuple[int, int]] = []
    deepest = 0
    for place, token in enumerate(row):
        if token < 3 + kinds:
            stack.append((place, token - 3))
            deepest = max(deepest, len(stack))
        else:
            assert stack.pop()[1] == token - 3 - kinds
    return stack, deepest


def test_depth_and_distance_are_what_the_source_shows():
    task = Dyck()
    deepest = 0
    for batch in [*(task.train_batch(0, step, 64) for step in range(3)), *task.evaluation("test", 256)]:
        for row, length, kind, depth, distance in zip(
            batch.source.tolist(),
            batch.source_lengths.tolist(),
            batch.target.tolist(),
            batch.slices["depth"].tolist(),
            batch.slices["distance"].tolist(),
            strict=True,
        ):
            stack, most = stack_of(row[:length], 8)
            assert (len(stack), length - stack[-1][0], stack[-1][1]) == (depth, distance, kind)
            assert length in (95, 96)
            deepest = max(deepest, most)
    assert deepest == 8


@pytest.mark.parametrize(("depth", "distance"), [(1, 5), (2, 5), (2, 1), (3, 3)])
def test_shapes_are_uniform_among_all_that_fit(depth, distance):
    length, bound = 24, 4
    task = Dyck(kinds=2, bound=bound, depths=[depth], distances=[distance], length=length)
    drawn = task.draw(np.random.default_rng(0), 4000, {"depth": depth, "distance": distance})
    total = int(drawn.source_lengths[0])
    shapes = Counter(tuple(row) for row in (drawn.source[:, -8:] < 5).tolist())

    def heights_before(steps: int) -> dict[int, int]:
        counts = {0: 1}
        for _ in range(steps):
            step: Counter[int] = Counter()
            for height, ways in counts.items():
                for after in (height - 1, height + 1):
                    if 0 <= after <= bound:
                        step[after] += ways
            counts = dict(step)
        return counts

    begin, expected = heights_before(total - 8), Counter[tuple[bool, ...]]()
    for shape in product((False, True), repeat=8):
        for start, ways in begin.items():
            path = [start]
            for opens in shape:
                path.append(path[-1] + (1 if opens else -1))
            fits = min(path) >= 0 and max(path) <= bound and path[-1] == depth
            opened = len(path) - 1 - distance
            inside = path[opened + 1 :]
            if fits and shape[opened] and path[opened] == depth - 1 and min(inside) == depth:
                expected[shape] += ways
    assert set(shapes) <= set(expected)
    scale = 4000 / expected.total()
    counts = [shapes[shape] for shape in expected]
    assert stats.chisquare(counts, [ways * scale for ways in expected.values()]).pvalue > 1e-4


def test_kinds_are_uniform_and_independent_of_the_last_opened():
    batch = Examples.join(list(Dyck(depths=(2,), distances=(15,), length=96).evaluation("test", 256)))
    last_opened = [row[row < 11][-1] - 3 for row in batch.source]
    hits = int((np.array(last_opened) == batch.target).sum())
    assert stats.binomtest(hits, len(batch), 1 / 8).pvalue > 1e-4


def test_a_bag_of_brackets_tells_depth_1_and_guesses_deeper():
    for depth, guess in ((1, 1.0), (4, 1 / 4)):
        task = Dyck(depths=(depth,), distances=(15,), test_per_value=1024)
        batch = Examples.join(list(task.evaluation("test", 256)))
        chosen = np.random.default_rng(0)
        hits = []
        for row, kind in zip(batch.source, batch.target, strict=True):
            counts = np.bincount(row, minlength=19)
            open_kinds = np.repeat(np.arange(8), counts[3:11] - counts[11:19])
            hits.append(chosen.choice(open_kinds) == kind)
        # two of the open brackets may be of one kind: a guess among 4 is a little better than 1 / 4
        assert guess - 0.06 < np.mean(hits) <= min(1.0, guess + 3 / 4 / 8 + 0.06)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distances": [4]}, "distances.0 = 4: .*an odd number"),
        ({"length": 60}, "length = 60 is too short for depth 4 and distance 63: at least 67"),
        ({"bound": 4}, "bound = 4 is too low for depth 4 and distance 63: at least 5"),
        ({"depths": [0]}, "depths.0 = 0: Input should be greater than 0"),
        ({"kinds": 1}, "kinds = 1: Input should be greater than 1"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("dyck", options)
