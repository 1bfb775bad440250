"""The expected best of n trials, against every way in which n trials can be drawn."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.expected_best import best_so_far, expected_best

SCORES = st.lists(
    st.sampled_from([0.1, 0.25, 0.5, 0.5001, 0.9]) | st.floats(-5, 5), min_size=1, max_size=5
)


def enumerated(scores, n, best):
    """Return mean and standard deviation of the best over all N^n ordered draws with replacement."""
    bests = [best(draw) for draw in product(scores, repeat=n)]
    return float(np.mean(bests)), float(np.std(bests))


@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_it_is_what_enumeration_gives(scores):
    found = expected_best(scores)
    assert [each.trials for each in found] == list(range(1, len(scores) + 1))
    for each in found:
        mean, deviation = enumerated(scores, each.trials, max)
        assert each.mean == pytest.approx(mean, abs=1e-9)
        assert each.deviation == pytest.approx(deviation, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(SCORES)
def test_of_errors_the_smallest_is_the_best(scores):
    for each in expected_best(scores, larger_is_better=False):
        mean, deviation = enumerated(scores, each.trials, min)
        assert each.mean == pytest.approx(mean, abs=1e-9)
        assert each.deviation == pytest.approx(deviation, abs=1e-6)


def test_a_hand_computed_case():
    one, two = expected_best([0.0, 1.0])
    assert (one.mean, one.deviation) == (0.5, 0.5)
    assert two.mean == 0.75  # three of four draws of two hold the 1
    assert two.deviation == pytest.approx(np.sqrt(0.1875))


def test_the_order_of_trials_does_not_matter_but_for_the_best_so_far():
    assert expected_best([0.3, 0.1, 0.2]) == expected_best([0.1, 0.2, 0.3])
    assert best_so_far([0.3, 0.1, 0.4]) == [0.3, 0.3, 0.4]
    assert best_so_far([0.3, 0.1, 0.4], larger_is_better=False) == [0.3, 0.1, 0.1]


@pytest.mark.parametrize("scores", [[], [0.1, float("nan")], [float("inf")]])
def test_what_has_no_expectation_is_refused(scores):
    with pytest.raises(ValueError, match="finite"):
        expected_best(scores)
