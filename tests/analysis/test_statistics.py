import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import (
    Interval,
    holm,
    mean_interval,
    median_interval,
    sign_flip_test,
    smallest_detectable,
    student_test,
    two_sample_test,
    wilson,
)


def test_mean_interval_is_students() -> None:
    # by hand: mean 2, standard deviation 1, t(0.975, 2 degrees of freedom) = 4.302653
    interval = mean_interval([1, 2, 3], "seeds")
    assert interval is not None
    assert interval.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-5)
    assert interval.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-5)
    assert (interval.level, interval.covers, interval.n) == (0.95, "seeds", 3)
    assert "over 3 seeds" in str(interval)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_no_interval_without_spread(values: list[float]) -> None:
    assert mean_interval(values, "seeds") is None
    assert smallest_detectable(values) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_not_averaged_away(bad: float) -> None:
    with pytest.raises(ValueError, match="infinite or not a number"):
        mean_interval([1.0, bad], "seeds")


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_coverage_of_the_mean_interval(seeds: int) -> None:
    """95 % covers 95 %, also with three seeds; a percentile bootstrap does not."""
    draws = np.random.default_rng(1).normal(loc=0.7, scale=0.1, size=(2000, seeds))
    hits = 0
    for draw in draws:
        interval = mean_interval(draw, "seeds")
        assert interval is not None
        hits += interval.low <= 0.7 <= interval.high
    assert 0.935 <= hits / len(draws) <= 0.965


def test_a_percentile_bootstrap_would_not_do() -> None:
    rng = np.random.default_rng(2)
    draws = rng.normal(size=(1000, 3))
    means = draws[:, rng.integers(3, size=(500, 3))].mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    assert ((low <= 0) & (high >= 0)).mean() < 0.85


def by_hand(values: list[float]) -> float:
    """Count sign flips at least as extreme, on the smaller side, doubled."""
    means = [np.mean(np.multiply(values, signs)) for signs in product([1, -1], repeat=len(values))]
    observed, tolerance = np.mean(values), 1e-12
    above = np.mean([mean >= observed - tolerance for mean in means])
    below = np.mean([mean <= observed + tolerance for mean in means])
    return float(min(1.0, 2 * min(above, below)))


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([1.0, 2.0, 3.0], 0.25),  # 1 of 8 sign patterns is as large: 2 x 1/8
        ([-1.0, 2.0, 3.0], 0.5),  # (+,+,+) and itself: 2 x 2/8
        ([0.0, 0.0, 0.0], 1.0),
        ([1.0] * 12, 2 / 4096),
    ],
)
def test_sign_flips_are_counted_out(values: list[float], p: float) -> None:
    assert sign_flip_test(values) == pytest.approx(p)
    assert sign_flip_test(values) == pytest.approx(by_hand(values))


def test_sign_flips_around_another_null() -> None:
    assert sign_flip_test([0.1, 0.2, 0.3], null=-0.9) == pytest.approx(0.25)
    assert sign_flip_test([]) == 1.0


def test_two_samples_are_counted_out() -> None:
    # 6 ways to choose two of four; one is as extreme on that side: 2 x 1/6
    assert two_sample_test([1, 2], [3, 4]) == pytest.approx(1 / 3)
    # 20 ways for three of six: 2 x 1/20
    assert two_sample_test([1, 2, 3], [7, 8, 9]) == pytest.approx(0.1)
    assert two_sample_test([1], [2]) == 1.0


def test_drawn_permutations_are_the_same_every_time() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, size=30)
    assert sign_flip_test(values) == sign_flip_test(values)
    assert abs(sign_flip_test(values) - stats.ttest_1samp(values, 0).pvalue) < 0.05


def test_student_test_equals_scipys() -> None:
    values = [0.3, 0.1, 0.4, 0.2]
    assert student_test(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert student_test([0.5] * 5) == 0.0
    assert student_test([0.5] * 5, null=0.5) == 1.0
    assert student_test([1.0]) == 1.0


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.03, 0.04 times 3, 2, 1, never falling; the order given is kept
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert list(adjusted) == ["a", "b", "c"]
    assert adjusted == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_wilson_by_hand() -> None:
    # Wilson 1927 at 8 of 10, z = 1.96: centre (0.8 + z²/20) / (1 + z²/10)
    interval = wilson(8, 10, "seeds")
    assert interval is not None
    z = stats.norm.ppf(0.975)
    centre = (0.8 + z**2 / 20) / (1 + z**2 / 10)
    half = z / (1 + z**2 / 10) * math.sqrt(0.8 * 0.2 / 10 + z**2 / 400)
    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half))
    assert wilson(0, 0, "seeds") is None
    full = wilson(10, 10, "seeds")
    assert full is not None
    assert full.low < 1


@pytest.mark.parametrize("n", [6, 9, 12, 20])
def test_median_interval_covers_by_counting(n: int) -> None:
    values = list(range(1, n + 1))
    interval = median_interval(values, "seeds")
    assert interval is not None
    k = int(interval.low)  # the k-th smallest and the k-th largest
    assert interval.high == n + 1 - k
    assert 1 - 2 * stats.binom.cdf(k - 1, n, 0.5) >= 0.95
    assert 1 - 2 * stats.binom.cdf(k, n, 0.5) < 0.95  # and it is no wider than it must be


def test_median_interval_takes_censored_values_and_refuses_few() -> None:
    assert median_interval([1, 2, 4, 8, 8], "seeds") is None
    interval = median_interval([1.0] * 2 + [math.inf] * 8, "seeds")
    assert interval == Interval(1.0, math.inf, 0.95, "seeds", 10)


def test_smallest_detectable_effect_has_its_power() -> None:
    rng = np.random.default_rng(4)
    n = 12
    sample = rng.normal(size=n)
    sample = (sample - sample.mean()) / sample.std(ddof=1)
    effect = smallest_detectable(sample)
    assert effect is not None
    draws = rng.normal(effect, 1.0, size=(3000, n))
    found = stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05
    assert 0.75 <= found.mean() <= 0.87
    more = smallest_detectable(sample, 48)
    assert more is not None
    assert more < effect / 1.8
