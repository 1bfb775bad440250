"""Claims L2, L5, S1's further layers and C3: every verdict, from numbers written down by hand."""

import math
from collections.abc import Callable

import pytest

from analysis.claims import depth, gain, gru, windows
from analysis.claims.base import Verdict
from tests.analysis.synthetic import DEVICE, Synthetic
from tests.analysis.test_claims_speed import depths

JITTER = (0.00, 0.01, -0.01, 0.005, -0.005, 0.012, -0.012, 0.003, -0.003, 0.008, -0.008, 0.001)
GAINS = (0.5, 1.0, 2.0, 4.0)
Rate = Callable[[float], float]

# L2 --------------------------------------------------------------------------------------------------


def sweeps(sigmoid: Rate, relu: Rate, seeds: int = 12, skip: str = "") -> Synthetic:
    """Gradients that change by a factor a step, which depends on the gain."""
    made = Synthetic()
    rates = {"sigmoid": sigmoid, "relu": relu, "tanh": lambda gain: math.log(gain) - 0.4}
    for activation, rate in rates.items():
        for seed in range(seeds):
            made.measured(
                "gain",
                "rnn",
                seed,
                model={"activation": activation, "recurrent_initialisation": "orthogonal"},
                options={"gains": list(GAINS)},
                status="missing" if activation == skip and seed == 0 else "ok",
                curves={
                    f"gain_{gain:g}": [
                        [k, math.exp((rate(gain) + JITTER[seed]) * k)] for k in range(20)
                    ]
                    for gain in GAINS
                },
            )
    return made


def small(gain: float) -> float:
    return math.log(gain / 8)


def crossing(gain: float) -> float:
    return math.log(gain / 1.4)


def test_sigmoid_vanishes_and_relu_crosses() -> None:
    verdict = gain.verdict(sweeps(small, crossing).results())
    assert verdict.verdict == "supported", verdict.missing
    assert "With ReLU the gradient vanishes up to gain 1 and explodes from 2" in verdict.effect
    assert "With sigmoid the gradient vanishes at every gain" in verdict.effect
    beside = [part for part in verdict.parts if not part.decides]
    assert {part.claim.id for part in beside} == {"L2.tanh.orthogonal.0.5", "L2.tanh.orthogonal.4"}


@pytest.mark.parametrize(
    ("sigmoid", "relu"),
    [
        (lambda gain: math.log(gain / 3), crossing),  # explodes at gain 4
        (small, small),  # ReLU never explodes
        (small, lambda gain: math.log(gain * 4)),  # never vanishes
    ],
)
def test_other_slopes_refute(sigmoid: Rate, relu: Rate) -> None:
    assert gain.verdict(sweeps(sigmoid, relu).results()).verdict == "refuted"


def test_few_seeds_and_missing_cells_leave_gains_open() -> None:
    few = gain.verdict(sweeps(small, crossing, seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "7 more seeds (3 of 10)" in few.missing
    holes = gain.verdict(sweeps(small, crossing, skip="relu").results())
    assert holes.verdict == "inconclusive"
    assert "ReLU: 1 of 12 cells" in holes.missing
    assert "not measured" in gain.verdict(Synthetic().results()).missing


# L5 --------------------------------------------------------------------------------------------------


def units(
    gain: float, *, seeds: int = 12, gates: int = 3, tasks: tuple[str, ...] = gru.TASKS
) -> Synthetic:
    made = Synthetic()
    for name, count in (("gru", gates), ("lstm", 4)):
        for d in (32, 64):
            made.size("flops", name, "recurrent", 16, d, 1.0, parameters=count * d * (2 * d + 2))
    for task in tasks:
        for seed in range(seeds):
            made.score("gru", task, seed, 0.6 + gain + JITTER[seed], forget_bias="one")
            made.score("lstm", task, seed, 0.6, forget_bias="one")
            made.score("lstm", task, seed, 0.0, forget_bias="chrono")
    return made


def test_three_gates_to_four_and_a_better_score_support() -> None:
    verdict = gru.verdict(units(0.1).results())
    assert verdict.verdict == "supported"
    assert verdict.parts[0].effect == "Parameters: 3:4 at 2 widths."
    assert "0.70 against 0.60 on recall" in verdict.effect
    assert verdict.seeds == 12


def test_other_ratios_and_lower_scores_refute() -> None:
    assert gru.verdict(units(0.1, gates=4).results()).verdict == "refuted"
    assert gru.verdict(units(-0.1).results()).verdict == "refuted"


def test_units_need_seeds_and_both_tasks() -> None:
    few = gru.verdict(units(0.1, seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "9 more seeds" in few.missing
    assert few.parts[0].verdict == "supported"
    none = gru.verdict(units(0.1, seeds=1).results())
    assert "11 more seeds" in none.missing
    made = units(0.1)
    made.score("gru", "digits", 12, 0.0, status="missing", forget_bias="one")
    waiting = gru.verdict(made.results())
    assert waiting.verdict == "inconclusive"
    assert "the GRU on digits missing (seed 12)" in waiting.missing
    apart = units(0.1, seeds=0)
    for task in gru.TASKS:
        apart.score("gru", task, 0, 0.5, forget_bias="one")
        apart.score("lstm", task, 1, 0.5, forget_bias="one")
    assert gru.verdict(apart.results()).effect == "Parameters: 3:4 at 2 widths."
    one = gru.verdict(units(0.1, tasks=("recall",)).results())
    assert one.verdict == "inconclusive"
    assert "GRU and LSTM on digits" in one.missing
    made = units(0.1)
    for record in made.records:
        if record.cell.task:
            record.metrics.update(converged=False)
    assert "had not all converged" in gru.verdict(made.results()).effect


# S1 --------------------------------------------------------------------------------------------------


def with_layer(architecture: str, part: str, law: Callable[[int], int], declared: str = "") -> Verdict:
    made = depths(lambda n: 8 * n + 5, lambda n: 12)
    for n in (8, 16, 32, 64, 128, 256):
        made.size("depth", architecture, part, n, 64, law(n))
        made.records[-1].metrics["training"] = 2 * law(n)
    results = made.results()
    results.manifest["layers"][architecture] = {part: {"sequential": declared}}
    return depth.verdict(results)


def test_every_family_is_held_to_its_depth() -> None:
    assert with_layer("gru", "recurrent", lambda n: 9 * n + 3).verdict == "supported"
    assert with_layer("gru", "recurrent", lambda n: 7).verdict == "refuted"
    assert with_layer("conv", "convolution", lambda n: 4).verdict == "supported"
    assert with_layer("conv", "convolution", lambda n: n).verdict == "refuted"
    assert len(with_layer("conv", "convolution", lambda n: 4).parts) == 7


def test_parallel_scans_stand_beside() -> None:
    verdict = with_layer("mingru", "scan", lambda n: 10 + 3 * n.bit_length(), "log n")
    assert (verdict.verdict, verdict.parts[-1].verdict) == ("supported", "supported")
    assert not verdict.parts[-1].decides
    assert "(log n)" in verdict.parts[-1].effect
    verdict = with_layer("mingru", "scan", lambda n: 15 + n, "log n")
    assert (verdict.verdict, verdict.parts[-1].verdict) == ("supported", "refuted")


# C3 --------------------------------------------------------------------------------------------------

LENGTHS, WIDTHS = (256, 512, 1024, 2048), (32, 64, 128, 256)
Law = Callable[[int, int, int], int]


def convolution(n: int, d: int, k: int) -> int:
    return 4 * k * n * d * d


def window(n: int, d: int, r: int) -> int:
    return 8 * n * d * d + 6 * (r - 1) * n * d


def costs(
    conv: Law = convolution, local: Law = window, *, power: float = 1.0, rounds: int = 6
) -> Synthetic:
    made = Synthetic()
    subjects = (
        ("conv", "convolution", "kernel_size", (3, 5, 9, 17), conv),
        ("local_transformer", "local_attention", "window", (17, 33, 65, 129), local),
    )
    for architecture, part, option, reaches, law in subjects:
        usual = reaches[1]
        sizes = [(n, 64, usual) for n in LENGTHS]
        sizes += [(1024, d, reach) for d in WIDTHS for reach in reaches]
        for n, d, reach in dict.fromkeys(sizes):
            made.size("flops", architecture, part, n, d, law(n, d, reach), model={option: reach})
        for n in LENGTHS:
            times = [1e-6 * n**power * (1 + JITTER[i]) for i in range(rounds)]
            made.time(architecture, part, n, 64, times, model={option: usual})
    return made


def test_windows_cost_what_they_see() -> None:
    verdict = windows.verdict(costs().results())
    assert verdict.verdict == "supported", verdict.missing
    by_id = {part.claim.id: part for part in verdict.parts}
    assert by_id["C3.flops.local_transformer.r"].effect_value == 1
    assert by_id["C3.flops.local_transformer.d"].effect_value == 1  # without the projections
    assert by_id["C3.flops.conv.d"].effect_value == 2
    assert DEVICE in verdict.device


@pytest.mark.parametrize(
    "changed",
    [
        {"conv": lambda n, d, k: 4 * k * n * n * d},
        {"conv": lambda n, d, k: 4 * k * k * n * d * d},
        {"local": lambda n, d, r: 8 * n * d * d + 4 * n * n * d},
        {"local": lambda n, d, r: window(n, d, r) + r * d**2},
        {"power": 2.0},
    ],
)
def test_other_costs_refute(changed: dict[str, object]) -> None:
    assert windows.verdict(costs(**changed).results()).verdict == "refuted"  # type: ignore[arg-type]


def test_costs_need_rounds_and_finished_cells() -> None:
    few = windows.verdict(costs(rounds=3).results())
    assert few.verdict == "inconclusive"
    assert "2 more rounds" in few.missing
    made = costs()
    made.size("flops", "conv", "convolution", 4096, 64, 0, status="missing", model={"kernel_size": 5})
    holes = windows.verdict(made.results())
    assert holes.verdict == "inconclusive"
    assert "conv, convolution: cells missing" in holes.missing
    assert "not measured" in windows.verdict(Synthetic().results()).missing
