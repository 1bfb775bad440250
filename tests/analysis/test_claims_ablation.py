"""Claims T4, T5 and T12: every verdict, from rows of table 3 written down by hand."""

import pytest

from analysis.claims import heads, positions, sizes
from analysis.claims.base import Verdict
from tests.analysis.ablation_runs import ROWS, ablation
from tests.analysis.synthetic import Synthetic

LEARNED = ("positions", "learned")
SMALL_TO_LARGE = {
    ("layers", 1): 0.7,
    ("layers", 4): 0.85,
    ("width", 16): 0.7,
    ("width", 64): 0.85,
    ("feedforward", 64): 0.75,
    ("feedforward", 256): 0.85,
}


def part(verdict: Verdict, name: str) -> Verdict:
    return next(p for p in verdict.parts if p.claim.id == f"{verdict.claim.id}.{name}")


# T4 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("learned", "wanted"),
    [(0.805, "supported"), (0.9, "refuted"), (0.7, "refuted"), (0.821, "inconclusive")],
)
def test_positions_are_equivalent_within_two_points(learned: float, wanted: str) -> None:
    verdict = positions.verdict(ablation({LEARNED: learned}).results())
    assert verdict.verdict == wanted, verdict.missing
    assert f"learned positions score {learned:.3f} and sinusoidal ones 0.800" in verdict.effect
    assert "up to the longest trained one (12)" in verdict.effect
    assert verdict.seeds == 12
    assert verdict.p_value is not None
    assert len(part(verdict, "inside").evidence) == 24


def test_beyond_the_trained_lengths_is_shown_and_decides_nothing() -> None:
    for beyond, wanted in ((0.05, "supported"), (0.35, "refuted")):
        verdict = positions.verdict(ablation(beyond={LEARNED: beyond}).results())
        longer = part(verdict, "beyond")
        assert (verdict.verdict, longer.verdict) == ("supported", wanted)
        assert not longer.decides
        assert f"learned positions score {beyond:.3f}, sinusoidal ones 0.200" in longer.effect


def test_a_margin_of_one_bleu_on_a_corpus() -> None:
    for learned, wanted in ((0.803, "supported"), (0.83, "refuted")):
        verdict = positions.verdict(ablation({LEARNED: learned}, translated=True).results())
        assert verdict.verdict == wanted, verdict.missing
        assert f"On small en-de, learned positions score {100 * learned:.1f}" in verdict.effect
        assert "a difference of +0.3" in verdict.effect or wanted == "refuted"
        assert [p.claim.id for p in verdict.parts] == ["T4.inside"]


def test_few_or_unconverged_seeds_leave_positions_open() -> None:
    few = positions.verdict(ablation(seeds=3).results())
    assert (few.verdict, few.seeds_missing) == ("inconclusive", 9)
    moving = positions.verdict(ablation(converged=False).results())
    assert moving.verdict == "inconclusive"
    assert "had not all converged" in moving.effect
    assert "not incapable: 12 of learned positions, 12 of base" in moving.effect
    gone = positions.verdict(ablation(missing=[LEARNED]).results())
    assert gone.verdict == "inconclusive"
    assert "learned positions missing (seed 0)" in gone.missing
    without = ablation(rows=[row for row in ROWS if row.get("positions") != "learned"])
    assert "not measured" in positions.verdict(without.results()).missing
    assert "not measured" in positions.verdict(Synthetic().results()).missing


# T5 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "scatter", "wanted"),
    [
        (0.7, 0.5, "supported"),
        (0.8, 0.5, "refuted"),
        (0.9, 0.5, "refuted"),
        (0.785, 3.0, "inconclusive"),
    ],
)
def test_several_heads_against_one(one: float, scatter: float, wanted: str) -> None:
    verdict = heads.verdict(ablation({("heads", 1): one}, scatter=scatter).results())
    assert verdict.verdict == wanted, (verdict.missing, verdict.interval)
    assert verdict.effect_value == pytest.approx(0.8 - one, abs=0.01 * scatter)
    assert "2, 4, 8 heads on average" in verdict.effect
    assert len(part(verdict, "together").evidence) == 4 * 12


def test_the_best_count_alone_supports_nothing() -> None:
    """Two heads are far better, the others as far worse: that is a choice made after looking."""
    scores = {("heads", 2): 0.95, ("heads", 8): 0.65}
    verdict = heads.verdict(ablation(scores).results())
    assert verdict.verdict == "refuted"
    assert part(verdict, "2").verdict == "supported"
    assert part(verdict, "8").verdict == "refuted"
    assert not part(verdict, "2").decides


def test_the_distance_of_the_maps_stands_beside() -> None:
    verdict = heads.verdict(ablation().results())
    apart = part(verdict, "apart.8")
    assert (apart.verdict, apart.decides) == ("supported", False)
    assert apart.effect_value == pytest.approx(0.35, abs=0.005)
    assert "8 heads are 0.40 bits apart, 0.05 at initialisation" in apart.effect
    assert not any(p.claim.id == "T5.apart.1" for p in verdict.parts)
    assert heads.verdict(ablation(heads=False).results()).verdict == verdict.verdict


def test_few_or_unconverged_seeds_leave_heads_open() -> None:
    few = heads.verdict(ablation({("heads", 1): 0.5}, seeds=3).results())
    assert (few.verdict, few.seeds_missing) == ("inconclusive", 9)
    assert "+0.30" in few.effect
    moving = heads.verdict(ablation(converged=False).results())
    assert moving.verdict == "inconclusive"
    assert "had not all converged" in moving.effect
    gone = heads.verdict(ablation({("heads", 1): 0.5}, missing=[("heads", 8)]).results())
    assert "8 heads missing (seed 0)" in gone.missing
    without = ablation(rows=[row for row in ROWS if row.get("heads") != 1])
    assert "not measured" in heads.verdict(without.results()).missing


# T12 -------------------------------------------------------------------------------------------------


def test_bigger_is_better_all_the_way() -> None:
    verdict = sizes.verdict(ablation(SMALL_TO_LARGE).results())
    assert verdict.verdict == "supported", verdict.missing
    assert "by width: 0.70" in verdict.effect
    assert len(verdict.parts) == 9
    assert part(verdict, "layers.1-2").effect.startswith("Layers 2 against 1: +0.1")


def test_a_drop_between_neighbours_refutes() -> None:
    verdict = sizes.verdict(ablation(SMALL_TO_LARGE | {("layers", 4): 0.76}).results())
    assert verdict.verdict == "refuted"
    assert part(verdict, "layers.2-4").verdict == "refuted"
    assert part(verdict, "layers.ends").verdict == "supported"


def test_a_drop_too_small_to_matter_does_not() -> None:
    verdict = sizes.verdict(ablation(SMALL_TO_LARGE | {("layers", 4): 0.795}).results())
    assert verdict.verdict == "supported", verdict.missing


def test_sizes_that_change_nothing_refute() -> None:
    verdict = sizes.verdict(ablation().results())
    assert verdict.verdict == "refuted"
    assert part(verdict, "width.ends").verdict == "refuted"
    assert part(verdict, "width.16-32").verdict == "supported"


def test_unconverged_sizes_count_and_few_seeds_do_not_decide() -> None:
    moving = sizes.verdict(ablation(SMALL_TO_LARGE, converged=False).results())
    assert moving.verdict == "supported"
    assert "Unconverged, which is not incapable: 12 of width 16, 12 of base" in moving.effect
    few = sizes.verdict(ablation(SMALL_TO_LARGE, seeds=3).results())
    assert (few.verdict, few.seeds_missing) == ("inconclusive", 9)
    gone = sizes.verdict(ablation(SMALL_TO_LARGE, missing=[("width", 64)]).results())
    assert gone.verdict == "inconclusive"
    assert "width 64 missing (seed 0)" in gone.missing
    without = [row for row in ROWS if not {"layers", "width", "feedforward"} & set(row)]
    assert "not measured" in sizes.verdict(ablation(rows=without).results()).missing
