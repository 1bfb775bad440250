"""How often a verdict is wrong where nothing is there: simulated, against the level that is promised.

An interval of 95 % leaves 2.5 % on each side, so a claim whose true effect lies at its bound may be
called supported in 2.5 % of studies, and a family of claims may hold a false verdict in 5 %. The bounds
below are the 99.9 % quantiles of what chance makes of those rates in so many simulated studies.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.claims import distance
from analysis.claims.base import Claim, Outcome, Verdict, every
from analysis.claims.decide import mean_beyond, mean_within
from analysis.claims.family import corrected
from analysis.statistics import MIN_PAIRED_SEEDS, smallest_detectable
from tests.analysis.synthetic import Synthetic

SEEDS = MIN_PAIRED_SEEDS
STUDIES = 2000
Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
Rule = Callable[[NDArray[np.float64]], Outcome]

CLAIM = Claim(
    id="X1", statement="It is above.", topic="Long-range", kind="measured", how="so", source="none"
)


def normal(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    return generator.normal(0, 0.1, n)


def heavy(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    return generator.standard_t(3, n) * 0.1


def solved_or_not(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Differences of two scores, each near chance or near 1, as training that finds a rule or not."""
    one, other = (np.where(generator.random(n) < 0.5, 0.98, 0.5) for _ in range(2))
    return one - other + generator.normal(0, 0.01, n)


def skewed(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Differences of two skewed scores: of equal distribution, so that they centre on 0."""
    one, other = (generator.exponential(0.1, n) for _ in range(2))
    return one - other


READ = (distance.gates, distance.postponed, distance.attention, distance.constant_path)

DRAWS: dict[str, Draw] = {
    "normal": normal,
    "heavy tails": heavy,
    "solved or not": solved_or_not,
    "skewed scores": skewed,
}


def at_most(rate: float, studies: int) -> float:
    """Return how many of so many studies chance alone lets reach, at this rate."""
    return float(stats.binom.ppf(0.999, studies, rate))


def above(values: NDArray[np.float64]) -> Outcome:
    """Return the verdict on "above 0", refuted where it lies below a margin of 0.02."""
    found = mean_beyond(CLAIM, list(values), bound=0.0, refuted_at=0.02, minimum=SEEDS)
    return corrected([found])[0].verdict


def by_eye(values: NDArray[np.float64]) -> Outcome:
    return "supported" if values.mean() > 0 else "refuted"


def three_of_them(values: NDArray[np.float64]) -> Outcome:
    """Return what the percentile bootstrap over three seeds says."""
    few, generator = values[:3], np.random.default_rng(0)
    means = generator.choice(few, (200, 3)).mean(axis=1)
    return "supported" if np.quantile(means, 0.025) > 0 else "inconclusive"


def count(rule: Rule, draw: Draw, outcome: Outcome, shift: float = 0.0, n: int = SEEDS) -> int:
    generator = np.random.default_rng(20_170_612)
    return sum(rule(draw(generator, n) + shift) == outcome for _ in range(STUDIES))


@pytest.mark.parametrize("name", DRAWS)
def test_a_claim_without_an_effect_is_rarely_supported(name: str) -> None:
    assert count(above, DRAWS[name], "supported") <= at_most(0.025, STUDIES)


@pytest.mark.parametrize("name", DRAWS)
def test_an_effect_at_the_margin_is_rarely_refuted(name: str) -> None:
    assert count(above, DRAWS[name], "refuted", shift=0.02) <= at_most(0.025, STUDIES)


def test_the_simulation_finds_rules_that_promise_too_much() -> None:
    assert count(by_eye, normal, "supported") > at_most(0.025, STUDIES)
    assert count(three_of_them, normal, "supported") > at_most(0.025, STUDIES)


def test_what_can_be_detected_is_detected() -> None:
    effect = smallest_detectable(stats.norm.ppf((np.arange(SEEDS) + 0.5) / SEEDS) * 0.1)
    assert effect is not None
    share = count(above, normal, "supported", shift=effect) / STUDIES
    assert 0.7 < share < 0.9  # a power of 80 % is what the smallest detectable effect promises


def test_equivalence_is_rarely_claimed_of_a_difference_at_its_margin() -> None:
    def within(values: NDArray[np.float64]) -> Outcome:
        return mean_within(CLAIM, list(values), low=-0.1, high=0.1, minimum=SEEDS).verdict

    assert count(within, normal, "supported", shift=0.1) <= at_most(0.025, STUDIES)
    assert count(within, normal, "supported") > 0.6 * STUDIES  # equal ones are found equal


def family(values: NDArray[np.float64]) -> list[Verdict]:
    """Return claims of two parts each, all of whose effects are drawn alike."""
    claims = []
    for place in range(0, len(values), 2):
        claim = CLAIM.part(str(place), "It is above.")
        parts = [
            mean_beyond(claim.part(f".{i}", "Part."), list(values[place + i]), bound=0.0, minimum=SEEDS)
            for i in range(2)
        ]
        claims.append(every(claim, parts) if place else parts[0])
    return corrected(claims)


def test_a_family_of_claims_rarely_holds_a_false_verdict() -> None:
    """Either verdict on "above 0" is false where the effect is 0, in any claim of a family."""
    generator = np.random.default_rng(7)
    studies, wrong = STUDIES // 4, 0
    for _ in range(studies):
        found = family(generator.normal(0, 0.1, (12, SEEDS)))
        wrong += any(verdict.verdict != "inconclusive" for verdict in found)
    assert wrong <= at_most(0.05, studies)


@pytest.mark.slow
def test_stores_without_a_difference_rarely_support_one() -> None:
    """Whole stores, read as any other, in which all architectures remember equally far."""
    generator = np.random.default_rng(11)
    studies, wrong = 150, 0
    for _ in range(studies):
        made = Synthetic()
        for architecture in ("rnn", "lstm", "attentional_lstm", "transformer"):
            for seed in range(SEEDS):
                curve = np.clip(generator.normal((0.9, 0.7, 0.5), 0.1), 0, 1)
                made.recall(architecture, seed, dict(zip((1, 8, 64), curve, strict=True)))
        results = made.results()
        found = {v.claim.id: v.verdict for v in corrected([verdict(results) for verdict in READ])}
        wrong += any(found[name] == "supported" for name in ("L3", "L7"))
        assert "supported" not in (found["L4"], found["L8"])  # all fall, by far
    assert wrong <= at_most(0.05, studies)
