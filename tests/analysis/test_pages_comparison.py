"""Where an architecture wins and where it loses, from records alone."""

import pytest

from analysis.pages.comparison import compare, comparison, told
from analysis.pages.measures import measures
from analysis.pages.pairs import pairs
from analysis.style import styles
from analysis.view import View
from tests.analysis.synthetic import Synthetic


def compared(made, architecture):
    view = View(made.results())
    found = {measure.name: measure for measure in measures(view, pairs(view))}
    return {name: compare(measure, architecture) for name, measure in found.items()}


def scored(one, other, task="digits"):
    made = Synthetic(("rnn", "lstm"))
    for seed, (a, b) in enumerate(zip(one, other, strict=True)):
        made.score("rnn", task, seed, a)
        made.score("lstm", task, seed, b)
    return made


def test_scores_are_paired_by_seed():
    made = scored([0.5, 0.7, 0.9], [0.4, 0.61, 0.79])  # spread over seeds, and a steady margin
    row = compared(made, "rnn")["digits"]
    assert row.outcome == "best"
    assert row.margin == pytest.approx(0.1)
    assert row.interval.covers == "seeds"
    assert row.interval.n == 3
    assert compared(made, "lstm")["digits"].outcome == "behind"


def test_a_margin_within_the_noise_of_seeds_is_not_told_apart_and_one_seed_never_is():
    assert compared(scored([0.5, 0.7, 0.9], [0.7, 0.5, 0.8]), "rnn")["digits"].outcome == (
        "not told apart"
    )
    row = compared(scored([0.9], [0.1]), "rnn")["digits"]
    assert row.outcome == "one value each"
    assert row.interval is None


def test_speed_is_a_ratio_round_by_round_and_sizes_are_exact():
    made = Synthetic(("rnn", "lstm", "transformer"))
    for name, seconds in (("rnn", 0.4), ("lstm", 0.1), ("transformer", 0.2)):
        for n in (64, 512):
            rounds = [seconds * n / 64 * (1 + 0.5 * i) for i in range(5)]  # the machine slows down
            made.time(name, "", n, 96, rounds, scope="model", comparison="fixed_tokens", block="speed")
        made.size(
            "flops", name, {"transformer": "attention"}.get(name, "recurrent"), 64, 32, 100 * seconds
        )
    results = made.results()
    manifest = results.manifest | {
        "layers": {name: {parts[0]: {}} for name, parts in results.manifest["parts"].items()}
    }
    view = View(type(results)(manifest, list(results.records.values())))
    found = {m.name: compare(m, "transformer") for m in measures(view, pairs(view))}
    row = found["training speed at n = 512"]
    assert row.other.architecture == "lstm"
    assert row.outcome == "behind"
    table = comparison(list(found.values()), styles(view.architectures))
    ratio = table.data.set_index("measure").margin["training speed at n = 512"]
    assert ratio == pytest.approx(0.5)
    flops = found["forward FLOPs of a layer at n = 64"]
    assert flops.outcome == "behind"
    assert flops.interval is None
    assert "2 × behind LSTM" in told(list(found.values()), styles(view.architectures))


def test_an_error_is_better_the_smaller_it_is():
    made = Synthetic(("rnn", "lstm"))
    for seed in range(3):
        for name, error in (("rnn", 0.1), ("lstm", 0.2 + 0.01 * seed)):
            key = made.score(name, "adding", seed, error)
            record = next(r for r in made.records if r.key == key)
            record.slices.append(
                {"split": "test", "slice": "distance", "value": 1, "total": 1.0, "count": 9}
            )
    row = compared(made, "rnn")["adding"]
    assert row.outcome == "best"
    assert row.margin == pytest.approx(0.11)


def test_an_architecture_alone_is_compared_with_nothing():
    made = Synthetic(("rnn",))
    made.score("rnn", "digits", 0, 0.9)
    assert compared(made, "rnn") == {}
    assert comparison([], {}) is None
