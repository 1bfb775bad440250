"""Mackey-Glass: the integration against what is known exactly, splits, and the baselines."""

import math

import numpy as np
import pytest

from experiments.tasks.base import Examples
from experiments.tasks.find import task_for
from experiments.tasks.mackey_glass import ROWS, MackeyGlass, integrate, trajectories
from models.errors import BadInput
from tests.experiments.tasks import linter


@pytest.mark.parametrize("options", [{}, {"tau": 30, "window": 32, "horizons": (6, 1)}], ids=str)
@pytest.mark.parametrize(
    "check",
    [*linter.STRUCTURE, linter.lint_floor],
    ids=lambda check: check.__name__,
)
def test_lint(check, options):
    check(MackeyGlass(**options, test_per_value=128, validation_per_value=64))


def test_docstring_example_runs():
    linter.lint_docstring(MackeyGlass)


def test_within_the_first_delay_the_solution_is_an_exponential():
    # the delayed value is the history c: dx/dt = f - x / 10 with constant f
    for history in (0.6, 1.3):
        f = 0.2 * history / (1 + history**10)
        found = integrate(np.array([history]), 17, 17, 10)[:, 0]
        time = np.arange(len(found)) / 10
        exact = 10 * f + (history - 10 * f) * np.exp(-time / 10)
        # the cubic through the middle of the last step before the delay sees the bend behind it
        np.testing.assert_allclose(found[:-1], exact[:-1], rtol=0, atol=1e-9)


def test_a_finer_step_changes_little():
    history = np.array([0.7, 1.2])
    coarse, fine, finer = (integrate(history, 17, 60, n)[::n] for n in (5, 10, 20))
    assert np.abs(fine - finer).max() < np.abs(coarse - fine).max() / 3
    assert np.abs(fine - finer).max() < 1e-4


def test_at_the_fixed_point_nothing_moves():
    # 0.2 x / (1 + x^10) = 0.1 x at x = 1
    np.testing.assert_allclose(integrate(np.array([1.0]), 17, 50, 10), 1.0, atol=1e-12)


def test_the_delayed_value_is_the_one_tau_before():
    # the derivative of a trajectory, measured, against the equation's right side
    x = integrate(np.array([0.9]), 23, 300, 10)[:, 0]
    now = np.arange(1000, 2900)
    slope = (x[now + 1] - x[now - 1]) / 0.2
    late = x[now - 230]
    np.testing.assert_allclose(slope, 0.2 * late / (1 + late**10) - 0.1 * x[now], atol=2e-4)


def test_the_series_is_chaotic_and_stays_where_it_is_known_to():
    series = trajectories(17)
    assert series.shape == (64, 1024)
    assert 0.2 < series.min() < 0.5
    assert 1.2 < series.max() < 1.5
    one, two = (integrate(np.array([0.9 + e]), 17, 3000, 10)[::10, 0] for e in (0, 1e-6))
    apart = np.abs(one - two)
    assert apart[1:100].max() < 1e-4
    assert apart[-500:].max() > 1e-2


def test_splits_are_of_different_trajectories():
    series = trajectories(17)
    places = {split: set(rows) for split, rows in ROWS.items()}
    assert sorted(set.union(*places.values())) == list(range(64))
    assert sum(map(len, places.values())) == 64
    for split in ("validation", "test"):
        batch = next(MackeyGlass().evaluation(split, 16))
        for window in batch.source[:, :, 0]:
            rows = {
                int(row)
                for row, start in np.argwhere(series == window[0])
                if np.array_equal(series[row, start : start + 64], window)
            }
            assert rows <= places[split]
            assert rows


def test_chance_and_persistence_are_the_errors_of_these_answers():
    task = MackeyGlass()
    batch = Examples.join(list(task.evaluation("test", 512)))
    assert task.chance() == pytest.approx(np.mean((batch.target - batch.target.mean()) ** 2), rel=1e-4)
    facts = task.facts()
    assert list(facts) == ["persistence", *(f"persistence_{h}" for h in (1, 6, 24, 84))]
    for horizon in (1, 6, 24, 84):
        part = batch.select(np.flatnonzero(batch.slices["horizon"] == horizon))
        error = np.mean((part.source[:, -1, 0] - part.target) ** 2)
        assert facts[f"persistence_{horizon}"] == pytest.approx(error, rel=1e-4)
    assert facts["persistence_1"] < facts["persistence_6"] < task.chance() < facts["persistence_24"]


def test_the_horizon_is_told():
    batch = MackeyGlass().train_batch(0, 0, 64)
    assert set(batch.slices["horizon"].tolist()) == {1, 6, 24, 84}
    for place in (0, 63):
        np.testing.assert_allclose(batch.source[:, place, 1], batch.slices["horizon"] / 84, rtol=1e-6)


def test_the_oracle_knows_only_windows_of_the_series():
    with pytest.raises(ValueError, match="no such window"):
        MackeyGlass().solve(np.full((64, 2), math.pi, dtype=np.float32), 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": 1}, "tau = 1: Input should be greater than 1"),
        ({"window": 8}, "window = 8: Input should be greater than or equal to 16"),
        ({"horizons": [961]}, "horizons = 961: at most 960 behind a window of 64"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("mackey_glass", options)
