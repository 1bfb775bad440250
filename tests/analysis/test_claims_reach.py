"""Claims L9, L10 and L11: every verdict, from numbers written down by hand."""

import pytest

from analysis.claims import directions, sight, verdicts
from analysis.claims.base import Verdict
from tests.analysis.reach_runs import (
    CHANCE,
    CONTIGUOUS,
    NARROW,
    OFFSETS,
    WIDE,
    ReachRuns,
    convolutions,
    whole_store,
)
from tests.analysis.synthetic import CORPUS


def part(verdict: Verdict, name: str) -> Verdict:
    return next(one for one in verdict.parts if one.claim.id == name)


# L9 --------------------------------------------------------------------------------------------------


def test_chance_beyond_and_answers_inside_support() -> None:
    verdict = sight.convolution(convolutions().results())
    assert verdict.verdict == "supported", verdict.missing
    assert part(verdict, "L9.field.dilated").claim.kind == "exact"
    assert "holds at all 6 stacks, up to 62 positions" in part(verdict, "L9.field.dilated").effect
    assert "at offsets 5, 8 and 9 (chance 0.25)" in part(verdict, "L9.1.beyond").effect
    assert verdict.p_value is not None
    assert verdict.p_value < 0.01
    assert verdict.seeds == 12


def test_answers_beyond_the_field_refute() -> None:
    verdict = sight.convolution(convolutions(beyond=0.5).results())
    assert verdict.verdict == "refuted"
    assert part(verdict, "L9.1.inside").verdict == "supported"


def test_a_support_other_than_the_formulas_refutes() -> None:
    made = convolutions()
    made.field("conv", 9, kernel_size=3, layers=8)
    verdict = sight.convolution(made.results())
    assert verdict.verdict == "refuted"
    assert "fails at 1 of 7 stacks (9 instead of 8)" in verdict.effect


def test_what_is_seen_and_not_learned_refutes_nothing() -> None:
    verdict = sight.convolution(convolutions(inside=CHANCE).results())
    assert verdict.verdict == "inconclusive"
    assert sight.NOT_LEARNED in verdict.missing


def test_the_edge_stands_beside() -> None:
    verdict = sight.convolution(convolutions(edge=CHANCE).results())
    assert verdict.verdict == "supported"
    edge = part(verdict, "L9.1.edge")
    assert (edge.verdict, edge.decides) == ("inconclusive", False)
    assert "at offset 4" in edge.effect


def test_few_seeds_and_unconverged_ones_leave_it_open() -> None:
    few = sight.convolution(convolutions(seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "7 more seeds (3 of 10)" in few.missing
    moving = sight.convolution(convolutions(converged=False).results())
    assert moving.verdict == "inconclusive"
    assert "Over seeds that had not converged: conv (4 layers, k = 3)" in moving.effect
    assert part(moving, "L9.1.inside").verdict == "supported", "above chance is above chance"


def test_missing_cells_and_offsets_leave_it_open() -> None:
    made = convolutions()
    made.run("conv", 12, {}, status="missing", **CONTIGUOUS)
    waiting = sight.convolution(made.results())
    assert waiting.verdict == "inconclusive"
    assert "conv (4 layers, k = 3) missing (seed 12)" in waiting.missing
    made = convolutions()
    made.field("conv", kernel_size=7, layers=2, status="failed")
    assert "cells failed" in sight.convolution(made.results()).missing
    only = ReachRuns()
    only.encoder("conv", 0.99, CHANCE, kernel_size=3, layers=16)  # sees every offset
    assert "offsets inside and beyond" in sight.convolution(only.results()).missing
    assert "receptive fields at several depths" in sight.convolution(only.results()).missing
    exact = ReachRuns()
    exact.fields("conv", "kernel_size")
    assert "accuracy by offset" in sight.convolution(exact.results()).missing
    assert "not measured" in sight.convolution(ReachRuns().results()).missing


# L10 -------------------------------------------------------------------------------------------------


def windows(beyond: float = CHANCE, cost: float = 0.1) -> ReachRuns:
    made = ReachRuns()
    made.fields("local_transformer", "window")
    for model in (NARROW, WIDE):
        made.encoder("local_transformer", 0.99, beyond, **model)
    for window, value in ((5, 1e6 * cost), (2 * 1024 + 1, 1e6)):
        made.size(
            "flops", "local_transformer", "local_attention", 1024, 64, value, model={"window": window}
        )
    return made


def test_a_window_ends_sight_and_costs_less() -> None:
    verdict = sight.restricted(windows().results())
    assert verdict.verdict == "supported", verdict.missing
    cost = part(verdict, "L10.cost")
    assert (cost.verdict, cost.decides) == ("supported", False)
    assert "a window leaves 0.100 (r = 5)" in cost.effect
    assert part(verdict, "L10.2.beyond").claim.statement.endswith("at offset 9, beyond what it sees.")


def test_windows_that_see_more_refute_and_cost_decides_nothing() -> None:
    assert sight.restricted(windows(beyond=0.9).results()).verdict == "refuted"
    dear = sight.restricted(windows(cost=1.2).results())
    assert dear.verdict == "supported"
    assert part(dear, "L10.cost").verdict == "refuted"
    assert "not measured" in sight.restricted(ReachRuns().results()).missing


# L11 -------------------------------------------------------------------------------------------------


def both_ways(gain: float, *, seeds: int = 12, **about: object) -> ReachRuns:
    made = ReachRuns()
    for name in ("rnn", "lstm", "gru"):
        made.encoder(name, CHANCE + gain, CHANCE, seeds=seeds, bidirectional=True, **about)
        made.encoder(name, CHANCE, CHANCE, seeds=seeds, bidirectional=False, **about)
    return made


def translated(made: ReachRuns, gain: float, seeds: int = 12) -> ReachRuns:
    for seed in range(seeds):
        for both in (False, True):
            made.translate(
                "lstm",
                seed,
                lambda words, both=both: 0.5 + gain * both,
                model={"bidirectional": both},
                parameters=1e6,
            )
    return made


def test_a_second_direction_supports() -> None:
    verdict = directions.verdict(both_ways(0.5).results())
    assert verdict.verdict == "supported", verdict.missing
    assert "a bidirectional GRU scores 0.75 and a forward GRU 0.25" in verdict.effect
    absent = part(verdict, "L11.translation")
    assert (absent.verdict, absent.decides) == ("inconclusive", False)
    assert "Where translations with both encoders are in the store" in verdict.claim.how


def test_no_gain_refutes_and_few_seeds_leave_it_open() -> None:
    assert directions.verdict(both_ways(0.0).results()).verdict == "refuted"
    few = directions.verdict(both_ways(0.5, seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in few.missing
    moving = directions.verdict(both_ways(0.5, converged=False).results())
    assert moving.verdict == "inconclusive", "the forward one had not converged"
    assert "had not all converged" in moving.effect
    assert "not measured" in directions.verdict(ReachRuns().results()).missing


def test_what_a_bidirectional_one_still_learns_can_only_add() -> None:
    for gain, expected in ((0.5, "supported"), (0.0, "inconclusive")):
        made = both_ways(gain)
        for record in made.records:
            record.metrics["converged"] = not record.cell.model["bidirectional"]
        verdict = directions.verdict(made.results())
        assert verdict.verdict == expected
        assert "lower bound: 12 of a bidirectional LSTM" in verdict.effect
    assert "a bidirectional RNN was still learning" in verdict.missing


def test_encoders_of_other_sizes_or_without_their_pair_decide_nothing() -> None:
    made = both_ways(0.5)
    made.run("gru", 12, dict.fromkeys(OFFSETS, 0.9), parameters=12_000, bidirectional=True)
    uneven = directions.verdict(made.results())
    assert uneven.verdict == "inconclusive"
    assert "encoders of equal parameters" in uneven.missing
    alone = ReachRuns()
    alone.encoder("lstm", 0.9, CHANCE, bidirectional=True)
    alone.encoder("lstm", 0.9, CHANCE, bidirectional=False)
    verdict = directions.verdict(alone.results())
    assert verdict.verdict == "inconclusive"
    assert "RNN encoders in both kinds" in verdict.missing


@pytest.mark.parametrize(
    ("gain", "seeds", "expected"),
    [(0.2, 12, "supported"), (-0.2, 12, "refuted"), (0.2, 3, "inconclusive")],
)
def test_translations_decide_where_they_are(gain: float, seeds: int, expected: str) -> None:
    verdict = directions.verdict(translated(both_ways(0.5), gain, seeds).results())
    assert verdict.verdict == expected
    (bleu,) = (one for one in verdict.parts if one.claim.id.startswith("L11.translation"))
    assert bleu.decides
    assert "On small" in bleu.effect or CORPUS["corpus"] in bleu.effect
    assert "BLEU" in bleu.effect


def test_translations_alone_leave_the_task_open() -> None:
    verdict = directions.verdict(translated(ReachRuns(), 0.2).results())
    assert verdict.verdict == "inconclusive"
    assert "RNN encoders in both kinds on right_context" in verdict.missing


def test_all_three_are_in_the_report_of_a_small_store() -> None:
    found = {verdict.claim.id: verdict for verdict in verdicts(whole_store())}
    for name in ("L9", "L10", "L11"):
        assert found[name].verdict == "inconclusive"
        assert found[name].evidence
        assert "more seeds" in found[name].missing
