"""Claims L1, L3, L4, L7 and L8: every verdict, from seeds written down by hand."""

import math
from collections.abc import Mapping

import pytest

from analysis.claims import CLAIMS, verdicts
from analysis.claims.base import Verdict
from analysis.claims.gradient import slope
from analysis.load import Results
from tests.analysis.synthetic import ARCHITECTURES, Synthetic

NEAR, FAR = 1, 64


def of(results: Results) -> dict[str, Verdict]:
    return {verdict.claim.id: verdict for verdict in verdicts(results)}


def runs(
    made: Synthetic,
    architecture: str,
    near: float,
    far: float,
    *,
    seeds: int = 12,
    unconverged: int = 0,
    spread: float = 0.01,
    **more: object,
) -> list[str]:
    """Add seeds around a near and a far accuracy; the last ``unconverged`` had not converged."""
    keys = []
    for seed in range(seeds):
        off = spread * ((seed * 7) % 5 - 2) / 2
        clip = {k: min(1.0, max(0.0, v + off)) for k, v in ((NEAR, near), (8, near), (FAR, far))}
        converged = seed < seeds - unconverged
        keys.append(made.recall(architecture, seed, clip, converged=converged, **more))  # type: ignore[arg-type]
    return keys


def textbook(seeds: int = 12, **slopes: float) -> Synthetic:
    """The textbook's world: RNN < LSTM < attentional LSTM < Transformer, who alone never drops."""
    made = Synthetic()
    fall = {"rnn": -0.6, "lstm": -0.2, **slopes}
    for name, near, far in (
        ("rnn", 0.6, 0.1),
        ("lstm", 0.95, 0.3),
        ("attentional_lstm", 0.97, 0.6),
        ("transformer", 0.98, 0.98),
    ):
        for seed, key in enumerate(runs(made, name, near, far, seeds=seeds)):
            if name in fall:
                made.gradient(name, seed, fall[name] - 0.001 * (seed % 3), trained=key)
    return made


def test_the_textbooks_world_supports_the_textbook() -> None:
    found = of(textbook().results())
    for name in ("L1", "L3", "L4", "L7", "L8"):
        verdict = found[name]
        assert verdict.verdict == "supported", (name, verdict.missing)
        assert verdict.missing == ""
        assert verdict.interval is not None
        assert verdict.interval.covers == "seeds"
        assert verdict.evidence
        assert verdict.adjusted_p is not None
        assert verdict.p_value is not None
        assert verdict.p_value <= verdict.adjusted_p <= 0.05
        assert verdict.seeds == 12
        assert verdict.seeds_missing == 0
    # by hand, two equal steps on the logarithmic axis: (0.944 + 0.583) / 2 - (0.556 + 0.278) / 2
    assert found["L3"].effect_value == pytest.approx(0.347, abs=0.01)
    assert "LSTM" in found["L3"].effect


def test_a_task_of_one_architecture_is_not_the_one_that_all_are_compared_on() -> None:
    made = textbook()
    for seed in range(3):
        made.score("lstm", "adding", seed, 0.5)
    manifest = made.manifest()
    adding = {"adding": {"chance": 0.1, "slice_names": ["distance"]}}
    results = Results(manifest | {"tasks": adding | manifest["tasks"]}, made.records)
    assert results.tasks_with("distance") == ["adding", "recall"]
    assert of(results)["L3"].verdict == "supported"
    assert "on recall" in of(results)["L3"].effect


def test_evidence_names_records_of_the_claim() -> None:
    made = textbook()
    results = made.results()
    for verdict in verdicts(results):
        assert set(verdict.evidence) <= set(results.records)
    evidence = set(of(results)["L8"].evidence)
    assert {results.records[key].cell.architecture for key in evidence} == {"transformer"}


def test_the_opposite_world_refutes() -> None:
    made = Synthetic()
    for name, near, far, fall in (
        ("rnn", 1.0, 1.0, -0.1),
        ("lstm", 0.98, 0.97, -0.4),
        ("attentional_lstm", 0.96, 0.95, None),
        ("transformer", 0.95, 0.5, None),
    ):
        for seed, key in enumerate(runs(made, name, near, far)):
            if fall is not None:
                made.gradient(name, seed, fall - 0.001 * (seed % 3), trained=key)
    found = of(made.results())
    for name in ("L1", "L3", "L4", "L7", "L8"):
        assert found[name].verdict == "refuted", (name, found[name].missing)
        assert found[name].adjusted_p is not None
        assert found[name].adjusted_p <= 0.05


@pytest.mark.parametrize("seeds", [1, 2, 3, 9])
def test_too_few_seeds_decide_nothing(seeds: int) -> None:
    """However clear the effect: it is shown, with the number of seeds that is missing."""
    found = of(textbook(seeds).results())
    for name in ("L1", "L3", "L4", "L7", "L8"):
        verdict = found[name]
        assert verdict.verdict == "inconclusive"
        assert verdict.effect
        assert verdict.seeds == seeds
        needed = 10 if name in ("L4", "L8") else 12
        assert verdict.needed_seeds == needed
        assert verdict.seeds_missing == needed - seeds
        assert f"({seeds} of {needed})" in verdict.missing


def test_constant_accuracies_of_three_seeds_are_no_proof() -> None:
    made = Synthetic()
    for name, level in (
        ("rnn", 0.1),
        ("lstm", 0.5),
        ("attentional_lstm", 0.7),
        ("transformer", 1.0),
    ):
        runs(made, name, level, level, seeds=3, spread=0.0)
    found = of(made.results())
    assert {found[name].verdict for name in ("L1", "L3", "L4", "L7", "L8")} == {"inconclusive"}


def test_pairs_need_more_seeds_than_one_group() -> None:
    found = of(textbook(10).results())
    assert found["L8"].verdict == "supported"
    assert found["L4"].verdict == "supported"
    assert found["L3"].verdict == "inconclusive"
    assert "2 more seeds (10 of 12)" in found["L3"].missing


@pytest.mark.parametrize("status", ["missing", "failed", "diverged", "timed_out"])
def test_an_unfinished_cell_leaves_it_open(status: str) -> None:
    made = textbook(13)
    made.recall("lstm", 13, {NEAR: 1.0}, status=status)
    found = of(made.results())
    for name in ("L1", "L3", "L4", "L7"):
        assert found[name].verdict == "inconclusive"
        assert f"LSTM {status.replace('_', ' ')} (seed 13)" in found[name].missing
    assert found["L8"].verdict == "supported"  # it does not rest on the LSTM


def test_unconverged_seeds_decide_nothing() -> None:
    made = Synthetic()
    runs(made, "rnn", 0.5, 0.1)
    runs(made, "lstm", 0.95, 0.3, seeds=14, unconverged=6)
    runs(made, "transformer", 0.95, 0.4, unconverged=12)
    found = of(made.results())
    assert found["L3"].verdict == "inconclusive"
    assert found["L3"].seeds == 8
    assert "Unconverged, which is not incapable: 6 of LSTM" in found["L3"].effect
    assert found["L8"].verdict == "inconclusive"  # a drop, but of models that were still learning
    assert found["L8"].seeds == 0
    assert "had not all converged: From distance 1 to 64" in found["L8"].effect
    assert found["L4"].verdict == "inconclusive"


def test_a_flat_line_at_chance_is_no_proof_of_memory() -> None:
    made = textbook()
    low = Synthetic()
    low.cells, low.blocks, low.records = dict(made.cells), dict(made.blocks), []
    for record in made.records:
        if record.cell.architecture != "transformer":
            low.records.append(record)
        else:
            del low.cells[record.key]
    runs(low, "transformer", 0.12, 0.12)
    found = of(low.results())
    for name in ("L4", "L8"):
        assert found[name].verdict == "inconclusive"
        assert "not learned" in found[name].missing


def test_a_wide_spread_leaves_it_open_and_says_what_could_be_seen() -> None:
    made = Synthetic()
    for seed in range(12):
        far = {0: 0.1, 1: 0.95, 2: 0.5}[seed % 3]
        made.recall("lstm", seed, {NEAR: 0.95, FAR: far})
        made.recall("rnn", seed, {NEAR: 0.95, FAR: 0.55})
    verdict = of(made.results())["L3"]
    assert verdict.verdict == "inconclusive"
    assert "leaves it open" in verdict.missing
    assert verdict.smallest_detectable is not None
    assert verdict.effect_value is not None
    assert abs(verdict.effect_value) < verdict.smallest_detectable


def test_a_gain_too_small_to_matter_refutes_a_gain() -> None:
    """Both solve the task: attention without recurrence cannot remember further."""
    made = textbook()
    both = Synthetic()
    runs(both, "lstm", 0.9, 0.3)
    runs(both, "attentional_lstm", 1.0, 1.0, spread=0.004)
    runs(both, "transformer", 1.0, 1.0, spread=0.004)
    verdict = of(both.results())["L7"]
    assert verdict.verdict == "refuted"
    assert [part.verdict for part in verdict.parts] == ["supported", "refuted"]
    assert of(made.results())["L7"].verdict == "supported"


def test_no_drop_needs_sources_of_one_length() -> None:
    made = Synthetic()
    runs(made, "lstm", 0.95, 0.3, length=None)
    runs(made, "transformer", 0.98, 0.98, length=None)
    found = of(made.results())
    for name in ("L4", "L8"):
        assert found[name].verdict == "inconclusive"
        assert "one total length" in found[name].missing


def test_every_forget_bias_must_drop() -> None:
    made = Synthetic()
    runs(made, "lstm", 0.95, 0.3, forget_bias="one")
    runs(made, "transformer", 0.98, 0.98)
    assert of(made.results())["L4"].verdict == "supported"
    runs(made, "lstm", 0.97, 0.97, forget_bias="chrono")
    verdict = of(made.results())["L4"]
    assert verdict.verdict == "refuted"
    assert [part.verdict for part in verdict.parts] == ["supported", "refuted", "supported"]
    assert "forget bias chrono" in verdict.parts[1].claim.statement


def test_what_is_not_there_is_said() -> None:
    found = of(Synthetic().results())
    assert len(found) == len(CLAIMS)
    for verdict in found.values():
        assert verdict.verdict == "inconclusive"
        assert "not measured in this report" in verdict.missing
    made = Synthetic()
    runs(made, "transformer", 0.98, 0.98)
    found = of(made.results())
    assert found["L8"].verdict == "supported"
    assert found["L3"].missing == "not measured in this report: LSTM on recall"


def test_accuracy_without_gradients_does_not_decide_l1() -> None:
    made = Synthetic()
    runs(made, "rnn", 0.5, 0.1)
    runs(made, "lstm", 0.95, 0.9)
    assert "gradient profiles" in of(made.results())["L1"].missing


def test_a_slope_without_the_accuracy_does_not_support_l1() -> None:
    made = Synthetic()
    for name, fall in (("rnn", -0.6), ("lstm", -0.2)):
        for seed, key in enumerate(runs(made, name, 0.9, 0.5)):
            made.gradient(name, seed, fall - 0.001 * (seed % 3), trained=key)
    verdict = of(made.results())["L1"]
    assert verdict.verdict != "supported"
    by_id: Mapping[str, Verdict] = {part.claim.id: part for part in verdict.parts}
    assert by_id["L1.state.trained"].verdict == "supported"
    assert by_id["L1.auc"].verdict == "inconclusive"


def test_an_unfinished_gradient_is_named() -> None:
    made = textbook()
    made.gradient("rnn", 40, -0.5, status="out_of_memory")
    verdict = of(made.results())["L1"]
    assert verdict.verdict == "inconclusive"
    assert "gradient of RNN, seed 40: out of memory" in verdict.missing


def test_slope_of_a_profile() -> None:
    assert slope([[k, math.exp(-0.5 * k)] for k in range(9)]) == pytest.approx(-0.5)
    assert slope([[0, 1.0], [1, 0.5]]) is None
    assert slope([[k, math.nan] for k in range(9)]) is None
    # zeros have underflowed: they stand at the last value that had not, so the slope is too flat
    cut = [[k, math.exp(-0.5 * k) if k < 5 else 0.0] for k in range(9)]
    found = slope(cut)
    assert found is not None
    assert -0.5 < found < 0


def test_architectures_are_known() -> None:
    """The claims name architectures: a renamed one would silently be 'not measured'."""
    from models import MODELS

    assert set(ARCHITECTURES) <= set(MODELS)
