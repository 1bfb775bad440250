"""Claims T1, T2, T3, T8 and T13: every verdict, from numbers written down by hand."""

import math
from collections.abc import Callable

import pytest

from analysis.claims import identities, order, scores
from analysis.claims.base import Verdict
from analysis.load import Results
from tests.analysis.synthetic import Synthetic

JITTER = (0.00, 0.01, -0.01, 0.005, -0.005, 0.012, -0.012, 0.003, -0.003, 0.008, -0.008, 0.001)

Check = Callable[[Results], Verdict]

# T2 --------------------------------------------------------------------------------------------------

PLAIN, SCALED = [4.509e-5, 0.99326, 0.00669], [0.15727, 0.54892, 0.29381]


def numbers(plain: list[float], scaled: list[float], status: str = "ok") -> Synthetic:
    made = Synthetic()
    made.measured(
        "identity",
        "transformer",
        options={"of": "numbers"},
        status=status,
        metrics={
            "softmax": plain,
            "softmax_scaled": scaled,
            "jacobian": 0.0133,
            "jacobian_scaled": 0.439,
        },
    )
    return made


def test_the_textbooks_softmax() -> None:
    verdict = identities.numbers(numbers(PLAIN, SCALED).results())
    assert verdict.verdict == "supported"
    assert "33 times as large" in verdict.effect
    assert len(verdict.evidence) == 1
    assert identities.numbers(numbers(SCALED, SCALED).results()).verdict == "refuted"
    assert identities.numbers(numbers(PLAIN, [0.157, 0.546, 0.297]).results()).verdict == "refuted"
    missing = identities.numbers(numbers(PLAIN, SCALED, "missing").results())
    assert (missing.verdict, missing.missing) == ("inconclusive", "cells missing")


# T8, T13 and the exact half of T3 --------------------------------------------------------------------


def sides(of: str, difference: float, control: float = 1.0, status: str = "ok") -> Synthetic:
    made = Synthetic()
    for seed in range(2):
        made.measured(
            "identity",
            "transformer",
            seed,
            options={"of": of},
            status=status if seed else "ok",
            metrics={"difference": difference * (1 + seed), "size": 2.0, "control": control},
        )
    return made


@pytest.mark.parametrize(
    ("check", "of"), [(identities.masking, "masking"), (identities.heads, "heads")]
)
def test_both_sides_of_an_identity(check: Check, of: str) -> None:
    equal = check(sides(of, 3e-16).results())
    assert equal.verdict == "supported"
    assert "largest relative difference is 3e-16 over 2 cells" in equal.effect
    assert check(sides(of, 1e-9).results()).verdict == "refuted"
    blind = check(sides(of, 3e-16, control=1e-5).results())
    assert blind.verdict == "inconclusive"
    assert "could not have failed" in blind.missing
    failed = check(sides(of, 3e-16, status="failed").results())
    assert (failed.verdict, failed.missing) == ("inconclusive", "cells failed")
    assert "not measured" in check(sides("numbers", 0.0).results()).missing


# T3 --------------------------------------------------------------------------------------------------


def order_task(gain: float, seeds: int = 12, *, difference: float = 2e-15) -> Synthetic:
    made = sides("order", difference)
    for seed in range(seeds):
        made.score("transformer", "reversal", seed, 0.9 + JITTER[seed], positions="sinusoidal")
        made.score("transformer", "reversal", seed, 0.9 - gain - JITTER[seed], positions="none")
    return made


def test_without_positions_order_is_lost() -> None:
    verdict = order.verdict(order_task(0.5).results())
    assert verdict.verdict == "supported"
    assert "scores 0.90 and a Transformer with no positions 0.40" in verdict.effect
    assert verdict.p_value is not None
    assert verdict.p_value < 0.01
    assert order.verdict(order_task(0.0).results()).verdict == "refuted"
    assert order.verdict(order_task(0.5, difference=0.1).results()).verdict == "refuted"


def test_the_order_task_needs_seeds_that_converged() -> None:
    few = order.verdict(order_task(0.5, seeds=3).results())
    assert few.verdict == "inconclusive"
    assert "9 more seeds (3 of 12)" in few.missing
    made = order_task(0.5)
    for record in made.records:
        record.metrics.update(converged=False)
    moving = order.verdict(made.results())
    assert moving.verdict == "inconclusive"
    assert "had not all converged" in moving.effect
    only_exact = order.verdict(sides("order", 0.0).results())
    assert only_exact.verdict == "inconclusive"
    assert "with and without positions on reversal" in only_exact.missing


# T1 --------------------------------------------------------------------------------------------------

WIDTHS = (4, 16, 64, 256)


def products(
    exponent: float = 1.0, fading: float = 0.5, gain: float = 0.3, seeds: int = 12
) -> Synthetic:
    """Variance as a power of d_k, entropy and gradient that fall by ``fading`` without the scale."""
    made = Synthetic()
    for seed in range(seeds):
        for vectors in ("normal", "layer"):
            made.measured(
                "score_variance",
                "transformer",
                seed,
                options={"vectors": vectors, "widths": list(WIDTHS)},
                curves={
                    "variance": [[d, d ** (exponent + JITTER[seed])] for d in WIDTHS],
                    "entropy": [[d, 3.6 - fading * math.log(d) + JITTER[seed]] for d in WIDTHS],
                    "entropy_scaled": [[d, 3.6] for d in WIDTHS],
                    "jacobian": [[d, 0.2 * d ** (-fading / 4 + JITTER[seed] / 9)] for d in WIDTHS],
                    "jacobian_scaled": [[d, 0.2] for d in WIDTHS],
                },
            )
        for scale, score in ((True, 0.9), (False, 0.9 - gain)):
            options = {} if scale else {"scale": False}
            made.score("transformer", "recall", seed, score + JITTER[seed] * scale, heads=1, **options)
            made.score("transformer", "recall", seed, 0.1, heads=4, **options)  # another question
    return made


def test_the_scale_keeps_variance_entropy_and_gradient() -> None:
    verdict = scores.verdict(products().results())
    assert verdict.verdict == "supported", verdict.missing
    by_id = {part.claim.id: part for part in verdict.parts}
    assert by_id["T1.variance.normal"].effect_value == pytest.approx(1.0, abs=0.01)
    assert by_id["T1.training"].effect_value == pytest.approx(0.3, abs=0.01)
    assert "d_k = 256" in by_id["T1.gradient.layer"].effect
    assert not by_id["T1.gradient.layer"].decides


@pytest.mark.parametrize("changed", [{"exponent": 1.5}, {"fading": -0.5}, {"gain": -0.3}])
def test_any_half_that_fails_refutes(changed: dict[str, float]) -> None:
    assert scores.verdict(products(**changed).results()).verdict == "refuted"


def test_variance_within_the_margin_but_with_few_seeds_is_open() -> None:
    few = scores.verdict(products(seeds=4).results())
    assert few.verdict == "inconclusive"
    assert "6 more seeds (4 of 10)" in few.missing
    near = scores.verdict(products(exponent=1.1).results())
    assert near.verdict == "inconclusive"  # the interval holds the edge of the margin
    assert "training" not in scores.verdict(Synthetic().results()).missing
