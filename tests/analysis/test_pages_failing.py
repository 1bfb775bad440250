"""When a pair has failed, and which of the known explanations its records support."""

import pytest

from analysis.pages.case import Case
from analysis.pages.explanations import KNOWN, explanations, others_told, summed_up
from analysis.pages.failing import failure
from analysis.pages.pairs import pairs
from analysis.pages.site import Site
from analysis.view import View
from experiments.cell import Cell
from tests.analysis.synthetic import Synthetic

SOLVED = {1: 1.0, 8: 0.99}
NEVER = {1: 0.12, 8: 0.08}
FALLS = {1: 0.98, 8: 0.3}


def of(made, architecture="rnn", task="recall"):
    (found,) = [
        pair
        for pair in pairs(View(made.results()))
        if (pair.architecture, pair.task) == (architecture, task)
    ]
    return found


def seeds(made, accuracy, count=3, architecture="rnn", **more):
    for seed in range(count):
        shown = {k: min(1.0, share + 0.004 * seed) for k, share in accuracy.items()}
        made.recall(architecture, seed, shown, **more)
    return made


@pytest.mark.parametrize(
    ("accuracy", "why"),
    [
        (SOLVED, None),
        ({1: 0.95, 8: 0.9}, None),
        ({1: 0.5, 8: 0.5}, "below 90 %"),
        (FALLS, "falls"),
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 0.8}, "falls"),  # its mean is above 90 %
        ({1: 0.92, 8: 0.89}, None),  # a fall too small to be named
        (NEVER, "as good as guessing"),
    ],
)
def test_a_pair_fails_by_its_mean_its_fall_or_its_baseline(accuracy, why):
    found = failure(of(seeds(Synthetic(), accuracy)))
    assert (found and found.why) == why


def test_a_run_without_a_score_is_a_failure_and_one_not_yet_run_is_none():
    made = Synthetic()
    made.recall("rnn", 0, NEVER, status="diverged")
    made.recall("rnn", 1, NEVER, status="out_of_memory")
    found = failure(of(made))
    assert found.why == "no score"
    assert found.text == "No run gave a score: diverged (seed 0) and out of memory (seed 1)."
    waiting = Synthetic()
    waiting.recall("rnn", 0, NEVER, status="missing")
    assert failure(of(waiting)) is None


def test_one_seed_is_held_against_chance_over_its_test_answers():
    made = Synthetic()
    made.recall("rnn", 0, {1: 0.11, 8: 0.11})
    pair = of(made)
    assert pair.interval.covers == "test examples"
    assert pair.interval.n == 2000
    assert failure(pair).why == "as good as guessing"
    above = Synthetic()
    above.recall("rnn", 0, {1: 0.14, 8: 0.14})
    assert failure(of(above)).why == "below 90 %"


def regression(errors):
    made = Synthetic()
    for seed, error in enumerate(errors):
        made.add(
            Cell(measure="train", architecture="rnn", task="adding", seed=seed),
            block=f"adding {seed}",
            metrics={"test": error, "validation": error, "converged": True, "chance": 0.167},
            slices=[{"split": "test", "slice": "distance", "value": 8, "total": error, "count": 1}],
        )
    return failure(of(made, task="adding"))


def test_an_error_fails_only_where_it_is_not_told_apart_from_the_baseline():
    assert regression([0.02, 0.021, 0.019]) is None
    found = regression([0.166, 0.168, 0.167])
    assert found.why == "as good as guessing"
    assert "mean squared error 0.167" in found.text


def test_rules_that_hold_on_trained_lengths_alone_are_learned_but_not_for_the_test():
    made = Synthetic()
    for seed in range(2):
        made.add(
            Cell(
                measure="train",
                architecture="rnn",
                task="parity_check",
                data={"train_lengths": [1, 40]},
                seed=seed,
            ),
            block=f"parity {seed}",
            metrics={"test": 0.5, "validation": 0.99, "converged": True, "chance": 0.5, "steps": 10},
            slices=[
                {"split": "test", "slice": "length", "value": n, "correct": right, "count": 100}
                for n, right in ((40, 100), (41, 60), (100, 52))
            ],
        )
    pair = of(made, task="parity_check")
    assert pair.mean == pytest.approx(0.56)  # beyond the trained lengths, as in the table
    assert failure(pair).why == "learned, but not for the test"


def test_the_setting_that_the_plan_names_first_is_the_pair():
    made = seeds(Synthetic(), NEVER)
    seeds(made, SOLVED, forget_bias=2.0)
    pair = of(made)
    assert pair.mean == pytest.approx(0.104)
    assert len(pair.runs) == 3


def test_data_of_one_task_that_differ_are_pairs_of_their_own_with_pages_of_their_own():
    made = seeds(Synthetic(), NEVER, length=34)
    seeds(made, NEVER, length=66)
    site = Site(View(made.results()), [])
    assert {pair.label for pair in site.pairs} == {"recall, length 34", "recall, length 66"}
    assert len({site.failure_path(place) for place in site.failures}) == 2


# Explanations ----------------------------------------------------------------------------------------


def explained(made, architecture="rnn", task="recall"):
    site = Site(View(made.results()), [])
    (found,) = [
        one
        for one in site.failures.values()
        if (one.pair.architecture, one.pair.task) == (architecture, task)
    ]
    others = [other for other in site.beside(found.pair) if other is not found.pair]
    case = Case(found, others, site.view.results, site.profiles, site.looks)
    points = explanations(case)
    assert len(points) == len(KNOWN)
    return points


def named(points, word):
    (found,) = [one for one in points if word in one.name]
    return found


def test_what_is_seen_is_told_without_a_claim_of_cause():
    made = seeds(Synthetic(), FALLS, converged=False)
    points = explained(made)
    told = summed_up(points)
    assert told.startswith("The failure goes together with training that had not converged")
    assert "a larger distance" in told
    text = " ".join([told, *others_told(points), *(one.text for one in points)])
    assert not {"because", "caused", "causes"} & set(text.lower().split())


def test_unconverged_is_not_incapable():
    point = named(explained(seeds(Synthetic(), FALLS, converged=False)), "not converged")
    assert point.state == "seen"
    assert "Unconverged is not incapable" in point.text
    point = named(explained(seeds(Synthetic(), FALLS)), "not converged")
    assert point.state == "not seen"
    assert "incapable at this budget" in point.text


@pytest.mark.parametrize(
    ("slope", "name", "state"),
    [
        (-1.0, "a gradient that vanishes at initialisation and after training", "seen"),
        (-0.1, "a vanishing gradient", "not seen"),
        (1.0, "a gradient that explodes at initialisation and after training", "seen"),
    ],
)
def test_the_gradient_is_read_at_the_distance_where_it_fails(slope, name, state):
    made = Synthetic()
    for seed in range(2):
        key = made.recall("rnn", seed, FALLS)
        made.gradient("rnn", seed, slope, trained=key)
    point = named(explained(made), "gradient")
    assert (point.name, point.state) == (name, state)
    assert "at k = 8" in point.text
    assert "2 seeds" in point.text


def test_the_gradient_of_another_setting_does_not_count():
    made = seeds(Synthetic(), FALLS)
    other = made.recall("rnn", 0, SOLVED, forget_bias=2.0)
    made.gradient("rnn", 0, -1.0, trained=other)
    assert named(explained(made), "gradient").state == "not measured"


def trained(rates, selected, status=()):
    made = Synthetic()
    for seed, rate in enumerate(selected):
        made.add(
            Cell(measure="train", architecture="rnn", task="digits", seed=seed),
            block=f"digits {seed}",
            metrics={"test": 0.4, "validation": 0.4, "converged": True, "learning_rate": rate},
            trials=[
                {
                    "learning_rate": one,
                    "status": "diverged" if one in status else "ok",
                    "validation": None if one in status else 0.4,
                    "converged": one not in status,
                }
                for one in rates
            ],
        )
    return explained(made, task="digits")


def test_a_search_that_ended_at_its_edge_is_named():
    rates = (0.001, 0.003, 0.01)
    edge = named(trained(rates, [0.01, 0.01, 0.003]), "edge")
    assert edge.state == "seen"
    assert "the largest for 2 of 3 failing seeds" in edge.text
    assert named(trained(rates, [0.003, 0.003, 0.01]), "edge").state == "not seen"
    assert named(trained((0.001, 0.003), [0.003, 0.003]), "edge").state == "not measured"


def test_a_learning_rate_that_diverged_is_named():
    broke = named(trained((0.001, 0.01), [0.001, 0.001], status=(0.01,)), "broke down")
    assert broke.state == "seen"
    assert broke.text == "At learning rate 0.01: diverged in 2 of 2 seeds."


def test_seeds_that_solve_it_and_others_that_do_are_named():
    made = Synthetic()
    made.recall("rnn", 0, SOLVED)
    for seed in (1, 2):
        made.recall("rnn", seed, NEVER)
    seeds(made, SOLVED, architecture="lstm")
    points = explained(made)
    assert named(points, "unlucky").state == "seen"
    assert "1 of 3 seeds" in named(points, "unlucky").text
    alone = named(points, "no architecture here")
    assert alone.state == "not seen"
    assert "LSTM (99.7" in alone.text
    both = seeds(seeds(Synthetic(), NEVER), NEVER, architecture="lstm")
    assert named(explained(both), "no architecture here").state == "seen"


def test_an_exposure_gap_is_that_of_the_same_tokens_with_and_without_the_true_prefix():
    made = Synthetic(("rnn",))
    for seed in range(2):
        made.copying("rnn", seed, {4: 0.9, 8: 0.9}, {4: 0.7, 8: 0.5})
    gap = named(explained(made, task="copying"), "exposure")
    assert gap.state == "seen"
    assert "90.0" in gap.text
    assert "60.0" in gap.text
    same = Synthetic(("rnn",))
    same.copying("rnn", 0, {4: 0.6, 8: 0.5}, {4: 0.6, 8: 0.5})
    assert named(explained(same, task="copying"), "exposure").state == "not seen"


def test_a_receptive_field_that_ends_before_the_distance_is_named():
    made = seeds(Synthetic(("conv",)), FALLS, architecture="conv", window=5)
    made.measured(
        "receptive_field",
        "conv",
        options={"n": 64},
        model={"window": 5},
        metrics={"reach": 4, "positions": 5},
    )
    point = named(explained(made, "conv"), "receptive field")
    assert point.state == "seen"
    assert "4 positions back" in point.text
    made = seeds(Synthetic(("conv",)), FALLS, architecture="conv", window=5)
    made.measured(
        "receptive_field", "conv", options={"n": 64}, model={"window": 9}, metrics={"reach": 4}
    )
    assert named(explained(made, "conv"), "receptive field").state == "not measured"


def test_where_nothing_is_measured_nothing_is_said_to_explain_it():
    made = Synthetic(("rnn",))
    made.score("rnn", "digits", 0, 0.5)
    told = summed_up(explained(made, task="digits"))
    assert told == "Nothing measured here explains the failure."
