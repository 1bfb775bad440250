"""Claims S1, S2 and S3: every verdict, from counts and rounds written down by hand."""

from collections.abc import Callable, Sequence

import pytest

from analysis.claims import verdicts
from analysis.claims.base import Verdict
from analysis.claims.depth import PARALLEL, RECURRENT, degree
from tests.analysis.synthetic import DEVICE, Synthetic

JITTER = (1.0, 1.04, 0.97, 1.02, 0.99, 1.01)


def of(made: Synthetic) -> dict[str, Verdict]:
    return {verdict.claim.id: verdict for verdict in verdicts(made.results())}


def rounds(seconds: float, count: int = 6, shift: int = 0) -> list[float]:
    return [seconds * JITTER[(i + shift) % len(JITTER)] for i in range(count)]


# S1 --------------------------------------------------------------------------------------------------


def depths(
    recurrent: Callable[[int], int],
    parallel: Callable[[int], int],
    sizes: Sequence[int] = (8, 16, 64, 256),
) -> Synthetic:
    made = Synthetic()
    for layers, depth in ((RECURRENT, recurrent), (PARALLEL, parallel)):
        for architecture, part in layers:
            for n in sizes:
                made.size("depth", architecture, part, n, 64, depth(n))
    for record in made.records:
        record.metrics["training"] = 2 * record.metrics["forward"] + 1
    return made


def test_depth_in_proportion_and_constant() -> None:
    verdict = of(depths(lambda n: 8 * n + 5, lambda n: 12))["S1"]
    assert verdict.verdict == "supported"
    assert verdict.p_value is None  # exact: no test
    assert len(verdict.parts) == 6
    assert "RNN, recurrent: 69 operators in a row at n = 8, 2,053 at n = 256 (n^1)" in verdict.effect


@pytest.mark.parametrize(
    ("recurrent", "parallel"),
    [
        (lambda n: 5, lambda n: 12),  # a fused operator would hide the steps
        (lambda n: 8 * n, lambda n: n + 12),
        (lambda n: n * n, lambda n: 12),
    ],
)
def test_other_depths_refute(recurrent: Callable[[int], int], parallel: Callable[[int], int]) -> None:
    assert of(depths(recurrent, parallel))["S1"].verdict == "refuted"


def test_depth_of_training_counts_too() -> None:
    made = depths(lambda n: 8 * n, lambda n: 12)
    for record in made.records:
        if record.cell.architecture == "transformer":
            record.metrics["training"] = record.cell.options["n"]
    verdict = of(made)["S1"]
    assert verdict.verdict == "refuted"
    assert "n^0 forward, n^1 training" in verdict.effect


def test_depth_needs_three_lengths_and_every_layer() -> None:
    assert of(depths(lambda n: 8 * n, lambda n: 12, (8, 16)))["S1"].verdict == "inconclusive"
    made = depths(lambda n: 8 * n, lambda n: 12)
    made.size("depth", "rnn", "recurrent", 512, 64, 0, status="failed")
    verdict = of(made)["S1"]
    assert verdict.verdict == "inconclusive"
    assert "RNN, recurrent: cells failed" in verdict.missing
    some = Synthetic()
    for n in (8, 16, 32):
        some.size("depth", "rnn", "recurrent", n, 64, 8 * n)
    verdict = of(some)["S1"]
    assert verdict.verdict == "inconclusive"
    assert "depth of Transformer, attention" in verdict.missing


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([7, 7, 7, 7], 0),
        ([12, 12, 9, 9], 0),  # another kernel for long sequences: still bounded
        ([7, 9, 11, 15], None),
        ([12, 9, 9, 9], None),  # one odd value proves no second kernel
        ([11, 19, 35, 67], 1),
    ],
)
def test_degree(values: list[int], found: int | None) -> None:
    assert degree([8, 16, 32, 64], values) == found


def test_depth_that_stays_over_the_larger_half_is_bounded() -> None:
    sizes = [16, 32, 64, 128, 256, 512, 1024]
    assert degree(sizes, [10, 12, 14, 20, 20, 20, 20]) == 0
    assert degree(sizes, [10, 12, 14, 20, 21, 20, 20]) is None
    assert degree(sizes, [10, 12, 14, 15, 20, 20, 20]) is None  # three alike out of seven


# S2 --------------------------------------------------------------------------------------------------


def steps(
    rnn: float, transformer: float, *, count: int = 6, lstm: float | None = None, width: int = 128
) -> Synthetic:
    """Step times at 2,048 tokens that grow as powers of n."""
    made = Synthetic()
    for shift, (name, power) in enumerate((("rnn", rnn), ("transformer", transformer), ("lstm", lstm))):
        for n in (32, 64, 128, 256, 512, 1024):
            if power is not None:
                made.time(
                    name,
                    "",
                    n,
                    width,
                    rounds(0.01 * (n / 32) ** power, count, shift + n),
                    scope="model",
                    comparison="fixed_tokens",
                    batch=2048 // n,
                    kernel={"rnn": "C++ loop", "lstm": "fused"}.get(name, "explicit attention"),
                )
    return made


def test_throughput_that_falls_faster_supports() -> None:
    verdict = of(steps(0.8, 0.1))["S2"]
    assert verdict.verdict == "supported"
    assert verdict.effect_value == pytest.approx(-0.7, abs=0.02)
    assert verdict.interval is not None
    assert (verdict.interval.covers, verdict.interval.n) == ("rounds", 6)
    assert verdict.seeds is None
    assert DEVICE in verdict.device
    assert "RNN: C++ loop" in verdict.kernel
    assert "Transformer: explicit attention" in verdict.kernel


def test_throughput_that_falls_no_faster_refutes() -> None:
    assert of(steps(0.1, 0.8))["S2"].verdict == "refuted"


def test_throughput_that_falls_alike_leaves_it_open() -> None:
    verdict = of(steps(0.5, 0.5))["S2"]
    assert verdict.verdict == "inconclusive"
    assert "leaves it open" in verdict.missing


def test_few_rounds_leave_it_open() -> None:
    verdict = of(steps(0.8, 0.1, count=3))["S2"]
    assert verdict.verdict == "inconclusive"
    assert "2 more rounds (3 of 5)" in verdict.missing
    assert verdict.effect


def test_a_length_that_did_not_fit_is_named() -> None:
    made = steps(0.8, 0.1, width=512)
    made.time(
        "transformer",
        "",
        2048,
        512,
        [1.0],
        scope="model",
        comparison="fixed_tokens",
        batch=1,
        status="missing",
    )
    verdict = of(made)["S2"]
    assert verdict.verdict == "inconclusive"
    assert "Transformer at n = 2048: missing" in verdict.missing


def test_only_lengths_up_to_six_widths_count() -> None:
    """Beyond n = 6d the Transformer's own square dominates: that is another question."""
    verdict = of(steps(0.8, 0.1, width=32))["S2"]
    assert "From n = 32 to 128" in verdict.effect


def test_the_lstm_stands_beside_and_does_not_decide() -> None:
    verdict = of(steps(0.8, 0.3, lstm=0.1))["S2"]
    assert verdict.verdict == "supported"
    beside = verdict.parts[1]
    assert (beside.claim.id, beside.verdict, beside.decides) == ("S2.lstm", "refuted", False)
    assert "LSTM" not in verdict.kernel


# S3 --------------------------------------------------------------------------------------------------


def gates(
    ratio: float, *, count: int = 6, flops: int = 16, parameters: int = 4, default: float = 0.5
) -> Synthetic:
    """RNN and LSTM layers whose times in the loop kernel differ by ``ratio``."""
    made = Synthetic()
    for n in (32, 64):
        for name, factor, gate in (("rnn", 4, 1), ("lstm", flops, parameters)):
            made.size(
                "flops",
                name,
                "recurrent",
                n,
                64,
                factor * n * 64 * 64,
                parameters=gate * 64 * (64 + 64 + 2),
            )
        for shift, name in enumerate(("rnn", "lstm")):
            for asked, slower in (("loop", ratio), ("fused", default)):
                seconds = 1e-4 * n * (slower if name == "lstm" else 1)
                made.time(
                    name,
                    "recurrent",
                    n,
                    128,
                    rounds(seconds, count, shift),
                    comparison="fixed_tokens",
                    batch=2048 // n,
                    kernel="Python loop"
                    if asked == "loop"
                    else ("fused" if name == "lstm" else "C++ loop"),
                    block="kernels",
                    model={"kernel": asked},
                )
    return made


def test_four_gates_and_slower_supports() -> None:
    verdict = of(gates(1.8))["S3"]
    assert verdict.verdict == "supported"
    by_id = {part.claim.id: part for part in verdict.parts}
    assert by_id["S3.parameters"].effect == "Parameters: 4 to 1 at 2 sizes."
    assert by_id["S3.flops"].effect_value == 4
    loop = by_id["S3.time.loop"]
    assert loop.effect_value == pytest.approx(1.8, rel=0.03)
    assert loop.interval is not None
    assert 1 < loop.interval.low < 1.8 < loop.interval.high
    assert verdict.kernel == "RNN: Python loop; LSTM: Python loop"


def test_the_default_kernels_stand_beside() -> None:
    """A fused LSTM that outruns a looped RNN says something of kernels: it decides nothing."""
    verdict = of(gates(1.8, default=0.4))["S3"]
    default = verdict.parts[-1]
    assert verdict.verdict == "supported"
    assert (default.verdict, default.decides) == ("refuted", False)
    assert "LSTM: fused" in default.kernel


@pytest.mark.parametrize("changed", [{"flops": 12}, {"parameters": 3}])
def test_three_gates_refute(changed: dict[str, int]) -> None:
    assert of(gates(1.8, **changed))["S3"].verdict == "refuted"


def test_a_faster_lstm_refutes() -> None:
    assert of(gates(0.7))["S3"].verdict == "refuted"


def test_times_alike_or_few_leave_it_open() -> None:
    assert of(gates(1.0))["S3"].verdict == "inconclusive"
    few = of(gates(1.8, count=2))["S3"]
    assert few.verdict == "inconclusive"
    assert "3 more rounds" in few.missing


def test_different_kernels_are_not_one_class() -> None:
    made = gates(1.8)
    for record in made.records:
        if record.cell.model.get("kernel") == "loop" and record.cell.architecture == "lstm":
            record.environment["kernel"] = "fused"
    verdict = of(made)["S3"]
    assert verdict.verdict == "inconclusive"
    assert "one class of kernel" in verdict.missing


def test_holm_counts_the_family() -> None:
    """S2 and S3 are tests of one family; S1 is exact and none."""
    made = steps(0.8, 0.1)
    other = gates(1.8)
    made.records += other.records
    made.cells |= other.cells
    found = of(made)
    two = sorted((found["S2"], found["S3"]), key=lambda verdict: verdict.p_value or 0)
    assert two[0].p_value is not None
    assert two[0].adjusted_p == pytest.approx(2 * two[0].p_value)
    assert found["S1"].adjusted_p is None
