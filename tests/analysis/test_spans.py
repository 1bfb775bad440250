import math

import pytest

from analysis.spans import auc, seed_curves, span, summary
from tests.analysis.synthetic import Synthetic

DISTANCES = [1, 2, 4, 8, 16]


@pytest.mark.parametrize(
    ("accuracies", "value", "shown"),
    [
        ([1.0, 1.0, 0.9, 0.5, 0.2], 4, "4"),
        ([1.0, 0.8, 1.0, 1.0, 1.0], 1, "1"),  # what comes after a dip does not count
        ([0.5, 1.0, 1.0, 1.0, 1.0], None, "< 1"),
        ([1.0, 1.0, 1.0, 1.0, 0.9], 16, "≥ 16"),
    ],
)
def test_span(accuracies: list[float], value: float | None, shown: str) -> None:
    found = span(DISTANCES, accuracies, 0.9)
    assert found.value == value
    assert str(found) == shown
    assert found.censored == (value == 16)


def test_area_by_hand() -> None:
    assert auc(DISTANCES, [1.0] * 5, 0.1) == pytest.approx(1.0)
    assert auc(DISTANCES, [0.1] * 5, 0.1) == pytest.approx(0.0)
    # one step of four on the logarithmic axis falls from perfect to chance: half of it is lost
    assert auc(DISTANCES, [1.0, 1.0, 0.1, 0.1, 0.1], 0.1) == pytest.approx((1 + 0.5) / 4)
    # the axis is logarithmic: the same answers at other distances weigh otherwise
    assert auc([1, 2, 16], [1.0, 1.0, 0.1], 0.1) == pytest.approx((1 + 3 / 2) / 4)
    assert auc([1, 16], [0.0, 0.0], 0.5) == pytest.approx(-1.0)  # below chance is not hidden


def test_area_needs_two_positive_distances() -> None:
    assert auc([4], [1.0], 0.1) is None
    assert auc([0, 4], [1.0, 1.0], 0.1) is None
    assert auc([0, 1, 4], [0.0, 1.0, 1.0], 0.1) == pytest.approx(1.0)


def test_curves_are_in_legend_order() -> None:
    made = Synthetic()
    made.recall("transformer", 0, {1: 0.9, 4: 0.9})
    made.recall("rnn", 1, {4: 0.3, 1: 0.8})
    made.recall("rnn", 0, {1: 0.7, 4: 0.3}, converged=False)
    curves = seed_curves(made.results(), "recall")
    assert [(c.architecture, c.seed, c.converged) for c in curves] == [
        ("rnn", 0, False),
        ("rnn", 1, True),
        ("transformer", 0, True),
    ]
    assert curves[1].distances == (1, 4)
    assert curves[1].change == pytest.approx(-0.5)
    assert curves[1].accuracy == pytest.approx(0.55)
    assert curves[1].span(0.5).value == 1


def test_summary_keeps_what_failed_and_what_had_not_converged() -> None:
    made = Synthetic()
    for seed in range(3):
        reached = {1: 1.0, 2: 1.0, 4: 0.95 if seed else 0.6, 8: 0.4}
        made.recall("lstm", seed, reached, converged=seed != 2)
    made.recall("lstm", 3, {1: 1.0}, status="diverged")
    made.recall("transformer", 0, dict.fromkeys((1, 2, 4, 8), 0.95))
    lstm, transformer = summary(made.results(), "recall")
    assert (lstm.architecture, lstm.seeds, lstm.converged) == ("lstm", 3, 2)
    assert lstm.failed == ("seed 3: diverged",)
    assert str(lstm.span90) == "4"
    assert lstm.span90.interval is None  # three seeds give no 95 % interval of a median
    assert [str(one) for one in lstm.span90.per_seed] == ["2", "4", "4"]
    assert lstm.auc_interval is not None
    assert lstm.auc_interval.covers == "seeds"
    assert lstm.solved == 0
    assert transformer.solved == 1
    assert transformer.solved_interval is not None
    assert transformer.solved_interval.low < 0.5  # one seed proves little
    assert str(transformer.span90) == "≥ 8"
    assert math.isinf(transformer.span90.median)
    assert transformer.auc_interval is None


def test_median_of_spans_below_the_range() -> None:
    made = Synthetic()
    made.recall("rnn", 0, {2: 0.2, 4: 0.1})
    (rnn,) = summary(made.results(), "recall")
    assert str(rnn.span50) == "< 2"


def test_no_seeds_no_summary() -> None:
    made = Synthetic()
    made.recall("rnn", 0, {1: 0.2}, status="missing")
    assert summary(made.results(), "recall") == []
