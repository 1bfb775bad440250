"""Claims L6, S4, D1, D2 and D4: every verdict, from runs written down by hand."""

import numpy as np
import pytest

from analysis.claims import verdicts
from analysis.claims.base import Verdict
from analysis.claims.translation_cost import best_so_far, reached
from analysis.claims.translation_length import bucketed
from analysis.corpus_scores import BLEU
from analysis.load import Results
from analysis.translation import FEW
from tests.analysis.synthetic import Synthetic, slices_of

SEEDS = 12


def of(results: Results) -> dict[str, Verdict]:
    return {verdict.claim.id: verdict for verdict in verdicts(results)}


def off(seed: int) -> float:
    """Return a small difference between seeds."""
    return 0.004 * ((seed * 7) % 5 - 2)


def by_length(
    fall: float, *, seeds: int = SEEDS, attention_fall: float = 0.0, **more: object
) -> Synthetic:
    """Two systems: without attention the share of right words falls by ``fall`` from 0 to 100 words."""
    made = Synthetic()
    for seed in range(seeds):
        for name, slope in (("attentional_lstm", attention_fall), ("lstm", fall)):
            made.translate(
                name,
                seed,
                lambda n, slope=slope, seed=seed, name=name: (
                    0.8 - slope * n / 100 + off(seed + len(name))
                ),
                **more,  # type: ignore[arg-type]
            )
    return made


# L6 --------------------------------------------------------------------------------------------------


def test_l6_is_supported_where_only_the_fixed_vector_loses_with_length() -> None:
    verdict = of(by_length(0.8).results())["L6"]
    assert verdict.verdict == "supported", verdict.missing
    by_seed, beside = verdict.parts
    assert by_seed.seeds == SEEDS
    assert by_seed.interval is not None
    assert by_seed.interval.covers == "seeds"
    assert beside.interval is not None
    assert beside.interval.covers == "sentences"
    assert not beside.decides
    assert beside.verdict == "supported"
    assert "small en-de" in verdict.effect
    assert "BLEU for 10 words more" in verdict.effect
    assert len(verdict.evidence) == 2 * SEEDS


def test_l6_is_refuted_where_both_fall_alike_or_attention_falls_more() -> None:
    assert of(by_length(0.2, attention_fall=0.8).results())["L6"].verdict == "refuted"


def test_l6_with_one_seed_is_open_and_shows_the_effect_so_far() -> None:
    verdict = of(by_length(0.8, seeds=1).results())["L6"]
    assert verdict.verdict == "inconclusive"
    assert "11 more seeds" in verdict.missing
    assert "attention adds" in verdict.effect
    assert verdict.parts[1].interval is not None  # over sentences: one run is enough
    assert verdict.parts[1].interval.low > 0


def test_l6_slope_is_that_of_added_statistics() -> None:
    made = by_length(0.8, seeds=2)
    results = made.results()
    verdict = of(results)["L6"].parts[0]
    slopes = []
    for seed in range(2):
        rows = {
            r.cell.architecture: r.sentences[0] for r in results.records.values() if r.cell.seed == seed
        }
        words = np.array(rows["lstm"]["source_words"])
        groups = bucketed(words)
        gains = [
            np.subtract(
                *(
                    BLEU.one(np.array(rows[name]["bleu"])[index].sum(axis=0))
                    for name in ("attentional_lstm", "lstm")
                )
            )
            for index in groups.rows
        ]
        slopes.append(np.polyfit(groups.words / 10, gains, 1, w=np.sqrt(groups.counts))[0])
    assert verdict.effect_value == pytest.approx(np.mean(slopes))


def test_l6_pools_joined_sentences_and_leaves_out_rare_lengths() -> None:
    words = np.array([5] * 30 + [15] * FEW + [50] * (FEW - 1))
    assert bucketed(words).labels == ["1–10", "11–20"]
    made = by_length(0.8, joined=[45 + i % 10 for i in range(30)])
    assert "41–60" in of(made.results())["L6"].effect


def test_l6_on_short_generated_text_judges_exact_match() -> None:
    made = Synthetic()
    words = [1 + i % 8 for i in range(400)]
    for seed in range(SEEDS):
        for name, reach in (("attentional_lstm", 9), ("lstm", 4)):
            made.translate(
                name,
                seed,
                lambda n, reach=reach, seed=seed: 1.1 if n < reach + seed % 2 else 0.3,
                words=words,
                task="scan",
                data={"split": "length"},
            )
    verdict = of(made.results())["L6"]
    assert verdict.verdict == "supported", verdict.missing
    assert "scan, length split" in verdict.effect
    assert "exact match" in verdict.effect


def test_l6_reads_copying_and_reversal_too() -> None:
    made = by_length(0.8)
    for seed in range(SEEDS):
        for name, far in (("attentional_lstm", 0.9), ("lstm", 0.9)):
            free = {8: 0.9 + off(seed), 32: far + off(seed + 1)}
            made.copying(name, seed, free, free)
    verdict = of(made.results())["L6"]
    assert [part.claim.id for part in verdict.parts] == ["L6.1", "L6.1.sentences", "L6.3"]
    assert verdict.parts[2].verdict != "supported"
    assert verdict.verdict != "supported"


def test_an_unfinished_run_blocks_l6() -> None:
    made = by_length(0.8)
    made.translate("lstm", SEEDS, lambda n: 0.5, status="killed")
    verdict = of(made.results())["L6"]
    assert verdict.verdict == "inconclusive"
    assert "LSTM killed (seed 12)" in verdict.missing


# S4 --------------------------------------------------------------------------------------------------


def costs(
    transformer: float,
    recurrent: float,
    *,
    seeds: int = SEEDS,
    slow: float = 1.0,
    late: bool = False,
) -> Synthetic:
    """Curves that rise to a score; ``slow``: the Transformer's seconds a FLOP; ``late``: at the end."""
    made = Synthetic()
    for seed in range(seeds):
        for name, top in (("transformer", transformer), ("attentional_lstm", recurrent)):
            rise = [
                0.02 if late and name == "transformer" and k < 8 else 1 - 0.5**k for k in range(1, 11)
            ]
            points = [[k * 1e14, top * share + 10 * off(seed)] for k, share in enumerate(rise, 1)]
            factor = slow if name == "transformer" else 1.0
            made.translate(
                name,
                seed,
                lambda n: 0.7,
                curves={
                    "bleu_by_flops": points,
                    "bleu_by_seconds": [[x / 1e12 * factor, y] for x, y in points],
                },
            )
    return made


def test_s4_is_supported_where_the_curve_is_never_behind_and_ends_ahead() -> None:
    verdict = of(costs(36, 30).results())["S4"]
    assert verdict.verdict == "supported", verdict.missing
    flops, time = verdict.parts
    assert flops.decides
    assert not time.decides
    assert "training FLOPs" in flops.claim.statement
    assert time.device == "Example CPU, 2 cores"
    assert flops.device == ""
    assert [part.verdict for part in flops.parts] == ["supported"] * 5
    assert "PFLOP" in verdict.effect


def test_s4_is_refuted_where_it_ends_behind_or_starts_late() -> None:
    assert of(costs(30, 36).results())["S4"].verdict == "refuted"
    late = of(costs(36, 30, late=True).results())["S4"]
    assert late.verdict == "refuted"
    assert late.parts[0].parts[-1].verdict == "supported"  # ahead at the end, behind before


def test_s4_judges_flops_and_time_apart() -> None:
    verdict = of(costs(31, 30, slow=8.0).results())["S4"]
    assert verdict.verdict == "supported"
    assert [part.verdict for part in verdict.parts] == ["supported", "refuted"]


def test_s4_with_one_seed_is_open() -> None:
    verdict = of(costs(36, 30, seeds=1).results())["S4"]
    assert verdict.verdict == "inconclusive"
    assert "11 more seeds" in verdict.missing
    assert "had reached 35.9 BLEU on validation" in verdict.effect


def test_a_curve_is_the_best_so_far() -> None:
    curve = best_so_far([[3, 5.0], [1, 4.0], [2, None], [4, 2.0]])
    assert curve == [(1, 4.0), (3, 5.0), (4, 5.0)]
    assert [reached(curve, cost) for cost in (0.5, 1, 2.9, 3, 9)] == [0, 4, 4, 5, 5]


# D1 --------------------------------------------------------------------------------------------------


def decodings(loss: float, seeds: int = SEEDS) -> Synthetic:
    made = Synthetic()
    for seed in range(seeds):
        for name in ("lstm", "transformer"):
            made.translate(name, seed, lambda n, seed=seed: 0.7 + off(seed), greedy_loss=loss)
    return made


def test_d1_each_way() -> None:
    verdict = of(decodings(0.03).results())["D1"]
    assert verdict.verdict == "supported", verdict.missing
    assert [part.decides for part in verdict.parts] == [True, False, True, False]
    assert "bootstrap" in verdict.parts[1].effect
    assert of(decodings(-0.03).results())["D1"].verdict == "refuted"
    alone = of(decodings(0.03, seeds=1).results())["D1"]
    assert alone.verdict == "inconclusive"
    assert "11 more seeds" in alone.missing
    assert alone.parts[1].verdict == "supported"
    assert alone.parts[1].interval is not None
    assert alone.parts[1].interval.covers == "sentences"
    assert "other training seeds" in alone.parts[1].missing


def test_d1_rests_on_real_text_where_there_is_some() -> None:
    made = decodings(0.03)
    for seed in range(SEEDS):
        made.translate(
            "lstm", seed, lambda n: 0.7, greedy_loss=-0.1, task="scan", data={"split": "simple"}
        )
    verdict = of(made.results())["D1"]
    assert verdict.verdict == "supported"
    assert [part.claim.statement for part in verdict.parts if "scan" in part.claim.statement]
    assert all(not part.decides for part in verdict.parts if "scan" in part.claim.statement)


# D2 --------------------------------------------------------------------------------------------------


def exposure(gaps: dict[int, float], *, forced: float = 0.9, seeds: int = SEEDS) -> Synthetic:
    made = Synthetic()
    for seed in range(seeds):
        for name in ("lstm", "transformer"):
            right = {length: forced + off(seed) for length in gaps}
            free = {length: right[length] - gap - off(seed + 1) for length, gap in gaps.items()}
            made.copying(name, seed, right, free)
    return made


def test_d2_each_way() -> None:
    verdict = of(exposure({8: 0.02, 16: 0.1, 32: 0.2}).results())["D2"]
    assert verdict.verdict == "supported", verdict.missing
    deciding = [part for part in verdict.parts if part.decides]
    assert [part.claim.id for part in deciding] == ["D2.1.gap", "D2.1.growth"]
    assert deciding[0].effect_value == pytest.approx(0.32 / 3, abs=0.005)
    assert deciding[1].effect_value == pytest.approx(0.09, abs=0.005)
    shrinking = of(exposure({8: 0.2, 16: 0.1, 32: 0.02}).results())["D2"]
    assert shrinking.verdict == "refuted"
    assert "2 more seeds" in of(exposure({8: 0.1, 32: 0.2}, seeds=8).results())["D2"].missing


def test_d2_is_open_where_nothing_could_go_wrong_or_nothing_was_learned() -> None:
    solved = of(exposure({8: 0.0, 32: -0.0}, forced=0.995).results())["D2"]
    assert solved.verdict == "inconclusive"
    assert "solved" in solved.missing
    guessing = of(exposure({8: 0.0, 32: -0.0}, forced=0.1).results())["D2"]
    assert guessing.verdict == "inconclusive"


def test_d2_rests_on_translation_where_it_records_both() -> None:
    made = exposure({8: 0.0, 32: 0.0})
    for seed in range(SEEDS):
        rows = slices_of({10: 0.6, 40: 0.6}, {10: 0.5 + off(seed), 40: 0.2 + off(seed + 1)})
        made.translate("lstm", seed, lambda n: 0.7, slices=rows)
    verdict = of(made.results())["D2"]
    assert verdict.verdict == "supported", verdict.missing
    assert "small en-de" in verdict.parts[0].claim.statement


# D4 --------------------------------------------------------------------------------------------------


def test_d4_each_way() -> None:
    made = decodings(0.0)
    assert of(made.results())["D4"].verdict == "supported"
    for seed in range(SEEDS):
        made.translate("rnn", seed, lambda n, seed=seed: 0.05 + off(seed), floor=30.0)
    verdict = of(made.results())["D4"]
    assert verdict.verdict == "refuted"
    assert "2 of 3 systems are above the floor" in verdict.effect
    assert "RNN on small en-de" in verdict.effect
    assert of(decodings(0.0, seeds=1).results())["D4"].verdict == "inconclusive"


def test_d4_compares_trained_models_given_the_prefix_that_the_floor_is_given() -> None:
    made = Synthetic()
    for seed in range(SEEDS):
        made.copying("lstm", seed, {8: 0.5 + off(seed)}, {8: 0.2}, floor=0.3)
    assert of(made.results())["D4"].verdict == "supported"


def test_what_is_not_there_is_said() -> None:
    found = of(Synthetic().results())
    for name in ("L6", "S4", "D1", "D2", "D4"):
        assert found[name].verdict == "inconclusive"
        assert "not measured in this report" in found[name].missing
