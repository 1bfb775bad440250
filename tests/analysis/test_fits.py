import numpy as np
import pytest
from scipy import stats

from analysis.fits import crossover, exponents, log_log, one_block
from tests.analysis.synthetic import Synthetic

SIZES = [64, 128, 256, 512, 1024]


def test_a_power_is_found_at_every_size() -> None:
    fit = log_log(SIZES, [3e-6 * n**1.5 for n in SIZES])
    assert fit is not None
    assert fit.value == pytest.approx(1.5)
    assert fit.large_end == pytest.approx(1.5)
    assert [slope for _, _, slope in fit.local] == pytest.approx([1.5] * 4)
    assert fit.local[0][:2] == (64, 128)
    assert (fit.sizes[0], fit.sizes[-1], fit.large_sizes) == (64, 1024, (256, 512, 1024))
    assert fit.interval is not None
    assert fit.interval.low == pytest.approx(1.5)
    assert fit.large_end_interval is None


def test_a_bend_shows_in_local_slopes() -> None:
    """Fixed costs hide a quadratic at small sizes: the overall fit is wrong, the large end is not."""
    fit = log_log(SIZES, [1.0 + 1e-5 * n * n for n in SIZES])
    assert fit is not None
    slopes = [slope for _, _, slope in fit.local]
    assert slopes == sorted(slopes)
    assert fit.value < fit.large_end < 2


def test_order_does_not_matter() -> None:
    assert log_log([4, 1, 2], [16, 1, 4]) == log_log([1, 2, 4], [1, 4, 16])


@pytest.mark.parametrize(
    ("sizes", "values"), [([], []), ([8], [1.0]), ([8, 8], [1.0, 2.0]), ([8, 16], [1.0, 0.0])]
)
def test_nothing_to_fit(sizes: list[float], values: list[float]) -> None:
    assert log_log(sizes, values) is None


def test_interval_of_the_fit_is_scipys() -> None:
    x, y = np.log(SIZES), np.array([1.0, 2.2, 3.9, 8.5, 15.0])
    fit = log_log(SIZES, y)
    line = stats.linregress(x, np.log(y))
    assert fit is not None
    assert fit.interval is not None
    assert fit.value == pytest.approx(line.slope)
    half = stats.t.ppf(0.975, 3) * line.stderr
    assert fit.interval.high - fit.interval.low == pytest.approx(2 * half)
    assert (fit.interval.covers, fit.interval.n) == ("sizes", 5)


def test_interval_over_rounds_cancels_what_all_sizes_share() -> None:
    """A round in which the machine was twice as slow moves every size alike: no slope changes."""
    clock = [1.0, 2.0, 1.5, 1.0, 3.0]
    rounds = [[n * factor for factor in clock] for n in SIZES]
    fit = log_log(SIZES, [np.median(times) for times in rounds], rounds)
    assert fit is not None
    assert fit.large_end_interval is not None
    assert fit.large_end_rounds == pytest.approx([1.0] * 5)
    assert fit.large_end_interval.high - fit.large_end_interval.low < 1e-9
    assert fit.large_end_interval.covers == "rounds"


def test_the_shortest_list_of_rounds_counts() -> None:
    rounds = [[1.0] * 9, [2.0] * 4, [4.0] * 7]
    fit = log_log([1, 2, 4], [1.0, 2.0, 4.0], rounds)
    assert fit is not None
    assert len(fit.large_end_rounds) == 4


def timed(made: Synthetic, n: int, d: int, seconds: float, **more: object) -> None:
    made.time("rnn", "recurrent", n, d, [seconds * f for f in (0.9, 1.0, 1.1)], **more)  # type: ignore[arg-type]


def test_exponents_take_one_sweep_and_one_block() -> None:
    made = Synthetic()
    for n in SIZES:
        timed(made, n, 64, 1e-3 * n)
        # another day: the same sizes, three times as slow at the largest
    timed(made, 2048, 64, 9.0, block="another day")
    for d in (32, 128):
        timed(made, 256, d, 1e-6 * d * d)
    (by_n,) = exponents(made.results(), "step_time", "n")
    assert (by_n.architecture, by_n.part, by_n.kernel, by_n.fixed) == ("rnn", "recurrent", "fused", 64)
    assert by_n.exponent is not None
    assert by_n.exponent.sizes == tuple(SIZES)
    assert by_n.exponent.large_end == pytest.approx(1.0)
    (by_d,) = exponents(made.results(), "step_time", "d")
    assert by_d.fixed == 256
    assert by_d.exponent is not None
    assert by_d.exponent.sizes == (32, 64, 128)


def test_kernels_are_fitted_apart_in_legend_order() -> None:
    made = Synthetic()
    for n in (64, 128, 256):
        for attention, power in (("fused", 1), ("explicit", 2)):
            model = {"attention": attention}
            made.size("memory", "transformer", "attention", n, 32, n**power, model=model)
        made.size("memory", "rnn", "recurrent", n, 32, n)
    made.size(
        "memory",
        "transformer",
        "attention",
        512,
        32,
        0,
        model={"attention": "explicit"},
        status="out_of_memory",
    )
    found = exponents(made.results(), "memory")
    assert [(s.architecture, s.attention) for s in found] == [
        ("rnn", ""),
        ("transformer", "explicit"),
        ("transformer", "fused"),
    ]
    explicit = found[1]
    assert explicit.exponent is not None
    assert explicit.exponent.large_end == pytest.approx(2)
    assert explicit.did_not_fit == ["n = 512: out of memory"]
    assert explicit.unfinished == []
    assert len(explicit.keys) == 4


def test_one_block_is_the_fullest() -> None:
    made = Synthetic()
    timed(made, 64, 32, 1.0, block="a")
    timed(made, 64, 64, 1.0, block="b")
    timed(made, 128, 64, 1.0, block="b")
    rows = one_block(made.results().sizes("step_time"))
    assert len(rows) == 2
    assert rows.block.nunique() == 1


def test_crossover_is_exact_for_powers() -> None:
    """1e-6·n² meets 1e-3·n at n = 1000, between 512 and 1024; powers are straight lines here."""
    found = crossover(SIZES, [1e-6 * n * n for n in SIZES], [1e-3 * n for n in SIZES])
    assert found is not None
    assert found.value == pytest.approx(1000)
    assert (found.side, found.crossings, str(found)) == ("within", 1, "1,000")


def test_crossover_beyond_the_range_is_censored() -> None:
    cheap, dear = [1.0 * n for n in SIZES], [2.0 * n for n in SIZES]
    always, never = crossover(SIZES, cheap, dear), crossover(SIZES, dear, cheap)
    assert always is not None
    assert never is not None
    assert (always.value, always.side) == (None, "always cheaper")
    assert (never.value, never.side) == (None, "never cheaper")
    assert "not within the measured range: cheaper from 64 to 1,024" in str(always)
    assert "dearer" in str(never)
    assert crossover([], [], []) is None


def test_crossover_back_and_forth_counts_and_takes_the_last() -> None:
    found = crossover([1, 2, 4, 8], [1, 3, 1, 3], [2, 2, 2, 2])
    assert found is not None
    assert found.crossings == 3
    assert found.value is not None
    assert 4 < found.value < 8
