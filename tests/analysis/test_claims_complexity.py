"""Claims C1, C2, C4, C5 and C6: every verdict, from counts, times and peaks written down by hand."""

from collections.abc import Callable, Iterator

import pytest

from analysis.claims import verdicts
from analysis.claims.base import Verdict
from tests.analysis.synthetic import DEVICE, Synthetic

JITTER = (1.0, 1.01, 0.99, 1.005, 0.995, 1.0)
D, N = 64, 256
Law = Callable[[int, int], float]

FLOPS: dict[tuple[str, str], Callable[[int, int], int]] = {
    ("rnn", "recurrent"): lambda n, d: 4 * n * d * d,
    ("lstm", "recurrent"): lambda n, d: 16 * n * d * d,
    ("attentional_lstm", "recurrent_attention"): lambda n, d: 22 * n * d * d + 4 * n * n * d,
    ("transformer", "scores"): lambda n, d: 4 * n * n * d,
    ("transformer", "attention"): lambda n, d: 8 * n * d * d + 4 * n * n * d,
    ("transformer", "transformer"): lambda n, d: 24 * n * d * d + 4 * n * n * d,
}


def of(made: Synthetic) -> dict[str, Verdict]:
    return {verdict.claim.id: verdict for verdict in verdicts(made.results())}


def sizes() -> Iterator[tuple[int, int]]:
    yield from ((n, D) for n in (64, 128, 256, 512, 1024))
    yield from ((N, d) for d in (32, 128, 256, 512))


def layers(
    *,
    flops: dict[tuple[str, str], Callable[[int, int], int]] | None = None,
    times: dict[tuple[str, str], Law] | None = None,
    count: int = 6,
    parameters: Callable[[int], int] = lambda n: 4 * D * D,
) -> Synthetic:
    """Count and time every layer: its FLOPs by the law, and times in proportion unless given."""
    made = Synthetic()
    laws = {**FLOPS, **(flops or {})}
    for (architecture, part), law in laws.items():
        clock = (times or {}).get((architecture, part), lambda n, d, law=law: 1e-9 * law(n, d))
        kernels = ("explicit", "fused") if part != "recurrent" else ("",)
        for n, d in sizes():
            made.size("flops", architecture, part, n, d, law(n, d), parameters=parameters(n))
            for kernel in kernels:
                made.time(
                    architecture,
                    part,
                    n,
                    d,
                    [clock(n, d) * factor for factor in JITTER[:count]],
                    model={"attention": kernel} if kernel else {},
                    kernel=kernel or "fused",
                )
    return made


# C1, C2 ----------------------------------------------------------------------------------------------


def test_exact_counts_and_times_in_proportion_support() -> None:
    found = of(layers())
    for name in ("C1", "C2"):
        assert found[name].verdict == "supported", found[name].missing
        assert DEVICE in found[name].device
        assert found[name].adjusted_p is not None
    assert "LSTM, recurrent: exactly 16·n·d² FLOPs" in found["C1"].effect
    assert "Transformer, attention: exactly 8·n·d² + 4·n²·d FLOPs" in found["C2"].effect
    assert "attentional LSTM, recurrent attention: exactly 22·n·d² + 4·n²·d" in found["C2"].effect


def test_one_count_that_is_off_by_one_refutes() -> None:
    law = FLOPS["lstm", "recurrent"]
    found = of(layers(flops={("lstm", "recurrent"): lambda n, d: law(n, d) + 1}))
    assert found["C1"].verdict == "refuted"
    assert found["C2"].verdict == "supported"


def test_other_exact_growth_refutes() -> None:
    square = {("rnn", "recurrent"): lambda n, d: 4 * n * n * d}
    linear = {("transformer", "scores"): lambda n, d: 4 * n * d * d}
    assert of(layers(flops=square))["C1"].verdict == "refuted"
    assert of(layers(flops=linear))["C2"].verdict == "refuted"


def test_times_that_grow_otherwise_refute_with_the_reason() -> None:
    made = layers(times={("rnn", "recurrent"): lambda n, d: 1e-6 * n**1.5 * d**2})
    verdict = of(made)["C1"]
    assert verdict.verdict == "refuted"
    (wrong,) = [part for part in verdict.parts if part.verdict == "refuted"]
    assert wrong.claim.id == "C1.time.n.rnn.recurrent.fused"
    assert wrong.effect_value == pytest.approx(1.5)
    assert wrong.interval is not None
    assert wrong.interval.covers == "rounds"


def test_times_still_on_their_way_leave_it_open() -> None:
    """Fixed costs: the local slope rises towards theory, so larger sizes are needed, no verdict."""
    made = layers(times={("rnn", "recurrent"): lambda n, d: 1e-3 + 1e-9 * n * d * d})
    verdict = of(made)["C1"]
    assert verdict.verdict == "inconclusive"
    assert "still on its way" in verdict.missing


def test_few_rounds_and_missing_cells_leave_it_open() -> None:
    few = of(layers(count=3))
    assert few["C1"].verdict == few["C2"].verdict == "inconclusive"
    assert "2 more rounds (3 of 5)" in few["C1"].missing
    made = layers()
    made.size("flops", "rnn", "recurrent", 2048, D, 0, status="missing")
    verdict = of(made)["C1"]
    assert verdict.verdict == "inconclusive"
    assert "FLOPs at n = 2048, d = 64: missing" in verdict.missing


def test_out_of_memory_ends_a_sweep_and_is_shown() -> None:
    made = layers()
    for status, outcome in (("out_of_memory", "supported"), ("timed_out", "inconclusive")):
        made.time(
            "transformer",
            "scores",
            2048 if status == "out_of_memory" else 4096,
            D,
            [1.0],
            model={"attention": "explicit"},
            status=status,
        )
        verdict = of(made)["C2"]
        assert verdict.verdict == outcome
    assert "theory 2.00 (n = 2048: out of memory)" in verdict.effect
    assert "n = 4096: timed out" in verdict.missing


def test_every_layer_is_needed() -> None:
    made = Synthetic()
    for n, d in sizes():
        made.size("flops", "rnn", "recurrent", n, d, 4 * n * d * d)
    found = of(made)
    assert found["C1"].verdict == "inconclusive"
    assert "LSTM, recurrent" in found["C1"].missing
    assert found["C2"].missing.startswith("not measured in this report")


def test_three_widths_are_checked_by_the_other_sweep() -> None:
    made = Synthetic()
    for architecture, factor in (("rnn", 4), ("lstm", 16)):
        for n, d in [(n, 16) for n in (8, 16, 32, 64)] + [(32, 32), (32, 64)]:
            made.size("flops", architecture, "recurrent", n, d, factor * n * d * d)
    assert "exactly 4·n·d² FLOPs" in of(made)["C1"].effect


def test_memory_stands_beside() -> None:
    made = layers()
    for n in (64, 128, 256):
        made.size("memory", "rnn", "recurrent", n, D, 1000 * n * n)
    verdict = of(made)["C1"]
    assert verdict.verdict == "supported"
    (memory,) = [part for part in verdict.parts if ".memory." in part.claim.id]
    assert (memory.verdict, memory.decides) == ("refuted", False)


# C4 --------------------------------------------------------------------------------------------------


def test_every_reading_has_its_verdict() -> None:
    verdict = of(layers())["C4"]
    readings = {p.claim.id: p for p in verdict.parts if ".flops." in p.claim.id}
    assert {name: part.verdict for name, part in readings.items()} == {
        "C4.flops.scores.rnn": "supported",
        "C4.flops.attention.lstm": "supported",
        "C4.flops.attention.rnn": "refuted",
        "C4.flops.transformer.lstm": "refuted",
    }
    assert readings["C4.flops.scores.rnn"].effect_value == 1
    assert readings["C4.flops.attention.lstm"].effect_value == 2
    assert "cheaper up to n = 2·d" in readings["C4.flops.attention.lstm"].effect
    assert verdict.verdict == "refuted"
    assert "in 2 of 4 readings" in verdict.effect


def test_cheap_enough_attention_supports_the_sentence() -> None:
    laws = {
        ("rnn", "recurrent"): lambda n, d: 64 * n * d * d,
        ("lstm", "recurrent"): lambda n, d: 256 * n * d * d,
    }
    verdict = of(layers(flops=laws))["C4"]
    assert verdict.verdict == "supported"


def test_readings_in_time_follow_the_clock() -> None:
    """With n < d, scores take less time than an RNN layer, a whole layer more than an LSTM's."""
    verdict = of(layers())["C4"]
    timed = {p.claim.id: p for p in verdict.parts if ".time." in p.claim.id}
    assert timed["C4.time.scores.rnn.explicit"].verdict == "supported"
    assert timed["C4.time.transformer.lstm.fused"].verdict == "refuted"
    assert "crossover in time at d = 64" in timed["C4.time.scores.rnn.explicit"].effect
    assert "n*/d = 2.00" in timed["C4.time.attention.lstm.explicit"].effect
    assert all(not part.decides and DEVICE in part.device for part in timed.values())


def test_readings_in_time_need_rounds_and_short_sequences() -> None:
    few = of(layers(count=2))["C4"]
    timed = [p for p in few.parts if ".time." in p.claim.id]
    assert timed
    assert {part.verdict for part in timed} == {"inconclusive"}
    assert few.verdict == "refuted"  # by the counts, which need no rounds
    made = Synthetic()
    for n in (64, 128, 256):
        made.time("transformer", "scores", n, D, [1.0] * 6, model={"attention": "fused"})
        made.time("rnn", "recurrent", n, D, [2.0] * 6)
        made.size("flops", "transformer", "scores", n, D, 4 * n * n * D)
        made.size("flops", "rnn", "recurrent", n, D, 4 * n * D * D)
    (only,) = [p for p in of(made)["C4"].parts if ".time." in p.claim.id]
    assert "a size with n < d" in only.missing


# C5 --------------------------------------------------------------------------------------------------


def peaks(explicit: Law | None, fused: Law | None) -> Synthetic:
    made = Synthetic()
    for kernel, law in (("explicit", explicit), ("fused", fused)):
        for n in (256, 512, 1024, 2048):
            if law is not None:
                model = {"attention": kernel}
                made.size("memory", "transformer", "attention", n, D, law(n, D), model=model)
    return made


def square(n: int, d: int) -> float:
    return 32 * n * n + 4096 * n


def line(n: int, d: int) -> float:
    return 4096 * n + 100_000


def test_a_fused_kernel_refutes_and_both_are_printed() -> None:
    verdict = of(peaks(square, line))["C5"]
    assert verdict.verdict == "refuted"
    assert [part.verdict for part in verdict.parts] == ["supported", "refuted"]
    assert "explicit: peak memory goes as n^1.88" in verdict.effect
    assert "fused: peak memory goes as n^0.97" in verdict.effect


def test_a_slope_that_settles_elsewhere_is_not_on_its_way() -> None:
    """From 0.8 to 0.9 is nearer to 2, and yet on the way to 1."""
    verdict = of(peaks(square, lambda n, d: 4096 * n + 1_500_000))["C5"]
    assert verdict.verdict == "refuted"


def test_two_quadratic_kernels_support() -> None:
    assert of(peaks(square, square))["C5"].verdict == "supported"


def test_memory_of_one_kernel_does_not_support() -> None:
    verdict = of(peaks(square, None))["C5"]
    assert verdict.verdict == "inconclusive"
    assert "memory with the fused kernel" in verdict.missing


def test_a_fused_kernel_refutes_only_beside_its_control() -> None:
    """Where explicit scores show no square either, the lengths are too short to tell."""
    verdict = of(peaks(line, line))["C5"]
    assert verdict.parts[1].verdict == "inconclusive"
    assert "explicit scores show the square" in verdict.parts[1].missing
    assert of(peaks(None, line))["C5"].verdict == "inconclusive"


def test_out_of_memory_is_a_result_and_shown() -> None:
    made = peaks(square, line)
    made.size(
        "memory",
        "transformer",
        "attention",
        4096,
        D,
        0,
        model={"attention": "explicit"},
        status="out_of_memory",
    )
    verdict = of(made)["C5"]
    assert verdict.verdict == "refuted"
    assert "n = 4096: out of memory" in verdict.effect
    made = peaks(square, line)
    made.size(
        "memory", "transformer", "attention", 4096, D, 0, model={"attention": "fused"}, status="failed"
    )
    assert of(made)["C5"].verdict == "inconclusive"


# C6 --------------------------------------------------------------------------------------------------


def with_mlp(made: Synthetic, parameters: Callable[[int], int]) -> Synthetic:
    for n in (64, 128, 256, 512):
        made.size("flops", "mlp", "fully_connected", n, D, 1, parameters=parameters(n))
    return made


def test_parameters_that_stay_the_same_and_others_that_grow_support() -> None:
    verdict = of(with_mlp(layers(), lambda n: n * D * D + D))["C6"]
    assert verdict.verdict == "supported"
    assert "16,384 parameters at each of 5 lengths from 64 to 1,024" in verdict.effect
    assert "262,208 to 2,097,216 parameters" in verdict.effect
    half = of(layers())["C6"]
    assert half.verdict == "inconclusive"
    assert "parameters of the fully connected layer" in half.missing


def test_parameters_that_grow_otherwise_refute() -> None:
    assert of(layers(parameters=lambda n: 4 * D * D + n * D))["C6"].verdict == "refuted"
    assert of(with_mlp(layers(), lambda n: D * D))["C6"].verdict == "refuted"
    assert of(with_mlp(layers(), lambda n: n * n * D))["C6"].verdict == "refuted"


def test_parameters_at_one_length_decide_nothing() -> None:
    made = Synthetic()
    made.size("flops", "transformer", "attention", 64, D, 1, parameters=4 * D * D)
    assert of(made)["C6"].verdict == "inconclusive"
