"""What two stores say differently: known differences are found, noise and equal records are not."""

import json
from pathlib import Path

import pytest

from analysis.difference import Comparison, compare
from experiments import cli
from tests.analysis.synthetic import Synthetic

JITTER = (0.00, 0.01, -0.01, 0.005, -0.005, 0.012, -0.012, 0.003, -0.003, 0.008, -0.008, 0.001)
ROUNDS = (1.0, 1.04, 0.97, 1.02, 0.99, 1.01)


def scored(
    gain: float = 0.0, *, seeds: range = range(12), shift: int = 0, width: int = 64
) -> Synthetic:
    made = Synthetic()
    for seed in seeds:
        noise = JITTER[(seed + shift) % len(JITTER)]
        made.score("rnn", "recall", seed, 0.5 + noise, width=width)
        made.score("lstm", "recall", seed, 0.7 + noise + gain, width=width)
    return made


def outcomes(comparison: Comparison, kind: str = "scores") -> dict[str, str]:
    return {c.architecture: c.outcome for c in comparison.changes if c.kind == kind}


def test_the_same_records_are_the_same() -> None:
    comparison = compare(scored().results(), scored().results())
    assert outcomes(comparison) == {"rnn": "the same", "lstm": "the same"}
    assert not comparison.changed
    assert not comparison.verdicts


def test_a_gain_is_found_and_noise_is_not() -> None:
    comparison = compare(scored().results(), scored(0.05, shift=5).results())
    assert outcomes(comparison) == {"rnn": "within noise", "lstm": "changed"}
    (change,) = comparison.changed
    assert change.before == pytest.approx(0.7, abs=0.01)
    assert change.after == pytest.approx(0.75, abs=0.01)
    assert change.interval is not None
    assert 0 < change.interval[0] < 0.05 < change.interval[1]
    assert change.adjusted_p == pytest.approx(2 * (change.p_value or 0))  # two tests
    assert change.points == (12, 12)


def test_other_seeds_are_compared_unpaired_and_one_seed_tells_nothing() -> None:
    apart = compare(scored().results(), scored(0.1, seeds=range(20, 32)).results())
    assert outcomes(apart)["lstm"] == "changed"
    one = compare(scored().results(), scored(0.1, seeds=range(30, 31)).results())
    assert outcomes(one) == {"rnn": "too few to tell", "lstm": "too few to tell"}


def solved(score: float, seeds: range) -> Synthetic:
    made = Synthetic()
    for seed in seeds:
        made.score("lstm", "recall", seed, score)
    return made


@pytest.mark.parametrize("shift", [0, 50])
def test_scores_that_do_not_vary_need_as_many_seeds_as_any(shift: int) -> None:
    few, many = range(3), range(12)
    later_few, later_many = range(shift, shift + 3), range(shift, shift + 12)
    assert outcomes(compare(solved(1.0, few).results(), solved(0.5, later_few).results())) == {
        "lstm": "too few to tell"
    }
    (change,) = compare(solved(1.0, many).results(), solved(0.5, later_many).results()).changes
    assert change.outcome == "changed"
    assert change.interval is None
    assert change.p_value is not None
    assert 0 < change.p_value < 0.001


def test_another_width_is_said_and_another_option_is_not_compared() -> None:
    wide = compare(scored().results(), scored(shift=3, width=96).results())
    assert {change.note for change in wide.changes} == {"width 64 against 96"}
    made = scored()
    for seed in range(12):
        made.score("lstm", "recall", seed, 0.1, width=64, forget_bias="zero")
    varied = compare(made.results(), made.results())
    names = {change.what for change in varied.changes if change.architecture == "lstm"}
    assert names == {"recall, test", "recall, test, forget_bias = zero"}
    assert len(compare(made.results(), scored().results()).changes) == 2


def timed(lstm: float, machine: float = 1.0) -> Synthetic:
    made = Synthetic()
    for n in (64, 128):
        for shift, (name, factor) in enumerate((("rnn", 1.0), ("lstm", lstm), ("transformer", 0.5))):
            rounds = [1e-3 * n * machine * factor * ROUNDS[(i + shift + n) % 6] for i in range(6)]
            made.time(name, "recurrent" if shift < 2 else "attention", n, 64, rounds)
    return made


def test_a_slower_machine_is_no_change_and_a_slower_layer_is() -> None:
    assert outcomes(compare(timed(2.0).results(), timed(2.0, machine=3.0).results()), "times") == {
        "lstm": "within noise",
        "transformer": "within noise",
    }
    comparison = compare(timed(2.0).results(), timed(2.6).results())
    assert outcomes(comparison, "times") == {"lstm": "changed", "transformer": "within noise"}
    (change,) = comparison.changed
    assert (change.before, change.after) == pytest.approx((2.0, 2.6), rel=0.03)
    assert change.interval is not None
    assert change.interval[0] < 1.3 < change.interval[1]
    assert change.covers == "rounds"


def counted(factor: int) -> Synthetic:
    made = Synthetic()
    for n in (16, 32, 64):
        made.size("flops", "rnn", "recurrent", n, 64, factor * n if n > 16 else n)
    return made


def test_counts_have_no_noise() -> None:
    comparison = compare(counted(1).results(), counted(2).results())
    (change,) = comparison.changed
    assert (change.before, change.after) == (32, 64)
    assert change.note == "2 of 3 sizes differ"
    assert outcomes(compare(counted(2).results(), counted(2).results()), "counts") == {
        "rnn": "the same"
    }


def verdicts(far: float) -> Synthetic:
    made = Synthetic()
    for seed in range(12):
        made.recall("rnn", seed, {1: 0.9, 8: 0.2 + JITTER[seed]})
        made.recall("lstm", seed, {1: 0.9, 8: far + JITTER[-1 - seed]})
    return made


def test_the_command_says_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = verdicts(0.1)
    made.score("gru", "recall", 0, 0.5)
    a, b = verdicts(0.8).write(tmp_path / "a"), made.write(tmp_path / "b")
    assert cli.main(["diff", str(a), str(b)]) == 0
    text = capsys.readouterr().out
    assert "L3: supported -> refuted" in text
    assert "lstm, recall, test: 0.85 -> 0.5" in text
    assert "scores over seeds: 1 changed, 1 the same" in text
    assert "rnn, recall" not in text
    assert "only in B: gru" in text
    assert cli.main(["diff", str(a), str(b), "--all"]) == 0
    assert "rnn, recall, test: " in capsys.readouterr().out
    assert cli.main(["diff", str(a), str(b), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [verdict["id"] for verdict in found["verdicts"]] == ["L3"]
    assert {change["outcome"] for change in found["changes"]} == {"changed", "the same"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "diff: the following arguments are required: A, B"),
        (["nowhere", "neither"], "store 'nowhere' has no manifest.json"),
        (["a", "b", "--jsn"], "Did you mean '--json'"),
    ],
)
def test_what_is_no_store_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["diff", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
