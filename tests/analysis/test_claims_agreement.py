"""Claims L12 and L13: every verdict, from runs written down by hand."""

import pandas as pd
import pytest

from analysis.agreement import settings, within_slope
from analysis.claims import verdicts
from analysis.claims.base import Verdict
from analysis.load import Results
from tests.analysis.agreement_runs import UD, agreement
from tests.analysis.synthetic import Synthetic

SEEDS = 12
NAMES = ("rnn", "lstm", "transformer")


def of(results: Results) -> dict[str, Verdict]:
    return {verdict.claim.id: verdict for verdict in verdicts(results)}


def off(seed: int, name: str) -> float:
    """Return a small difference between seeds and architectures."""
    return 0.004 * ((seed * 7 + 3 * len(name)) % 5 - 2)


def runs(
    *,
    slopes: tuple[float, float, float] = (-0.10, -0.02, -0.01),
    lost: tuple[float, float, float] = (0.08, 0.06, 0.02),
    start: float = 0.95,
    seeds: int = SEEDS,
    made: Synthetic | None = None,
    **more: object,
) -> Synthetic:
    """RNN, LSTM, Transformer: accuracy falls by a slope an attractor, and by ``lost`` at 10 %."""
    made = made or Synthetic()
    for seed in range(seeds):
        for name, slope, cost in zip(NAMES, slopes, lost, strict=True):
            agreement(
                made,
                name,
                seed,
                lambda distance, a, slope=slope, seed=seed, name=name: (
                    start - 0.002 * distance + (slope + off(seed, name)) * a
                ),
                lost=cost + off(seed, name),
                **more,  # type: ignore[arg-type]
            )
    return made


# L12 -------------------------------------------------------------------------------------------------


def test_l12_is_supported_where_attractors_mislead_the_rnn_most() -> None:
    verdict = of(runs().results())["L12"]
    assert verdict.verdict == "supported", verdict.missing
    assert [part.claim.id for part in verdict.parts] == ["L12.lstm", "L12.transformer"]
    assert verdict.seeds == SEEDS
    assert verdict.interval is not None
    assert verdict.interval.covers == "seeds"
    assert verdict.parts[0].effect_value == pytest.approx(-0.08, abs=0.005)
    assert verdict.parts[1].effect_value == pytest.approx(-0.09, abs=0.005)
    assert "-0.10" in verdict.effect
    assert "generated agreement" in verdict.effect
    assert verdict.adjusted_p is not None


@pytest.mark.parametrize("slopes", [(-0.02, -0.10, -0.01), (-0.05, -0.12, -0.12)])
def test_l12_is_refuted_where_another_falls_more(slopes: tuple[float, float, float]) -> None:
    assert of(runs(slopes=slopes).results())["L12"].verdict == "refuted"


def test_l12_is_refuted_where_all_fall_alike() -> None:
    """Differences of a thousandth of accuracy an attractor, now one way and now the other."""
    made = Synthetic()
    for seed in range(SEEDS):
        for name in NAMES:
            slope = -0.05 + 0.001 * ((seed + len(name)) % 3 - 1)
            agreement(made, name, seed, lambda d, a, s=slope: 0.9 + s * a)
    verdict = of(made.results())["L12"]
    assert verdict.verdict == "refuted", verdict.missing
    assert verdict.interval is not None
    assert verdict.interval.low < 0 < verdict.interval.high


def test_l12_with_too_few_seeds_or_a_wide_spread_is_open() -> None:
    few = of(runs(seeds=3).results())["L12"]
    assert few.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in few.missing
    assert "each attractor more" in few.effect
    wide = Synthetic()
    for seed in range(SEEDS):
        for name in NAMES:
            slope = 0.06 * ((seed * 5 + len(name) * 3) % 7 - 3) / 3
            agreement(wide, name, seed, lambda d, a, s=slope: 0.7 + s * a)
    verdict = of(wide.results())["L12"]
    assert verdict.verdict == "inconclusive"
    assert "leaves it open" in verdict.missing


def test_the_slope_holds_the_distance_fixed() -> None:
    """Accuracy falls with the distance alone, and far sentences have more attractors."""
    rows = pd.DataFrame(
        [
            {"distance": distance, "attractors": a, "accuracy": 1 - 0.02 * distance, "count": 100}
            for distance, most in ((1, 1), (8, 3), (32, 5))
            for a in range(most)
        ]
    )
    assert within_slope(rows) == pytest.approx(0.0, abs=1e-12)
    assert within_slope(rows[rows.attractors == 0]) is None
    rows["accuracy"] -= 0.03 * rows.attractors
    assert within_slope(rows) == pytest.approx(-0.03)


def test_the_slope_weighs_points_by_their_examples() -> None:
    rows = pd.DataFrame(
        {"distance": 4, "attractors": [0, 1, 2], "accuracy": [0.9, 0.8, 0.0], "count": [1000, 1000, 1]}
    )
    slope = within_slope(rows)
    assert slope is not None
    assert -0.105 < slope < -0.099


def test_models_that_learned_nothing_decide_nothing() -> None:
    verdict = of(runs(start=0.62, slopes=(-0.10, -0.02, -0.01)).results())["L12"]
    assert verdict.verdict == "inconclusive"
    assert "did not learn" in verdict.missing


def test_unsettled_runs_are_set_aside_and_overfitted_ones_are_not() -> None:
    unsettled = of(runs(converged=False, best_step=1000).results())["L12"]
    assert unsettled.verdict == "inconclusive"
    assert unsettled.seeds == 0
    assert "not all settled" in unsettled.effect
    assert "Unsettled, which is not incapable: 12 of RNN" in unsettled.effect
    overfitted = of(runs(converged=False, best_step=500).results())["L12"]
    assert overfitted.verdict == "supported"


def test_unfinished_runs_keep_it_open() -> None:
    made = runs()
    agreement(made, "rnn", 12, lambda d, a: 0.9, status="diverged")
    verdict = of(made.results())["L12"]
    assert verdict.verdict == "inconclusive"
    assert "RNN diverged (seed 12)" in verdict.missing


def test_real_sentences_lead_and_corpora_are_not_mixed() -> None:
    made = runs(slopes=(-0.10, -0.02, -0.01))
    runs(slopes=(-0.02, -0.10, -0.10), made=made, data=UD)
    results = made.results()
    assert [setting.label for setting in settings(results)] == ["agreement_ud", "generated"]
    verdict = of(results)["L12"]
    assert verdict.verdict == "refuted"
    assert "agreement_ud agreement" in verdict.effect


def test_a_corpus_without_distances_cannot_tell() -> None:
    verdict = of(runs(distances=False).results())["L12"]
    assert verdict.verdict == "inconclusive"
    assert "attractors at a fixed distance on generated" in verdict.missing
    made = runs(distances=False, data=UD)
    verdict = of(runs(made=made).results())["L12"]
    assert verdict.verdict == "supported"  # the generated sentences can


def test_what_is_not_there_is_said() -> None:
    found = of(Synthetic().results())
    for name in ("L12", "L13"):
        assert found[name].missing == "not measured in this report: no agreement of subject and verb"
    made = Synthetic()
    agreement(made, "rnn", 0, lambda d, a: 0.9)
    assert of(made.results())["L12"].missing.endswith("LSTM on generated agreement")
    assert of(runs(lost=(0.1, 0.1, 0.1)).results())["L13"].verdict != "supported"


def test_agreement_does_not_answer_for_recall() -> None:
    """L3, L4, L7 and L8 are about a task whose distance alone varies."""
    found = of(runs().results())
    for name in ("L3", "L4", "L7", "L8"):
        assert "no task with accuracy by distance" in found[name].missing


# L13 -------------------------------------------------------------------------------------------------


def test_l13_is_supported_where_recurrent_models_lose_more() -> None:
    verdict = of(runs().results())["L13"]
    assert verdict.verdict == "supported", verdict.missing
    deciding = [part for part in verdict.parts if part.decides]
    assert [part.claim.id for part in deciding] == ["L13.rnn", "L13.lstm"]
    # at 5, 10 and 20 % in proportion: 7/6 of the loss at 10 %
    assert deciding[0].effect_value == pytest.approx(7 / 6 * 0.06, abs=0.01)
    assert deciding[1].effect_value == pytest.approx(7 / 6 * 0.04, abs=0.01)
    assert len(verdict.evidence) >= 2 * 3 * SEEDS  # training and corrupted tests


def test_l13_is_refuted_where_attention_loses_as_much_or_more() -> None:
    verdict = of(runs(lost=(0.08, 0.02, 0.06)).results())["L13"]
    assert verdict.verdict == "refuted"
    assert [part.verdict for part in verdict.parts if part.decides] == ["supported", "refuted"]


def test_l13_is_open_with_few_seeds_and_without_corrupted_tests() -> None:
    assert of(runs(seeds=4).results())["L13"].verdict == "inconclusive"
    made = Synthetic()
    for name in NAMES:
        agreement(made, name, 0, lambda d, a: 0.9)
    assert of(made.results())["L13"].missing == (
        "not measured in this report: corrupted input on generated"
    )
    failed = runs()
    agreement(failed, "rnn", 12, lambda d, a: 0.9, lost=0.1, further="out_of_memory")
    assert "robustness of RNN out of memory (seed 12)" in of(failed.results())["L13"].missing


def test_the_share_of_skill_stands_beside() -> None:
    """The RNN loses less accuracy, but it had less to lose."""
    made = Synthetic()
    for seed in range(SEEDS):
        for name, start, cost in zip(NAMES, (0.70, 0.95, 0.99), (0.03, 0.06, 0.05), strict=True):
            agreement(
                made,
                name,
                seed,
                lambda d, a, s=start, k=seed, n=name: s + off(k, n),
                lost=cost + 0.1 * off(seed, name),
            )
    verdict = of(made.results())["L13"]
    by_id = {part.claim.id: part for part in verdict.parts}
    assert by_id["L13.rnn"].verdict == "refuted"
    assert by_id["L13.rnn.share"].verdict == "supported"
    assert not by_id["L13.rnn.share"].decides
