"""Putting verdicts together, and Holm's correction within a family."""

import pytest

from analysis.claims import CLAIMS, Verdict, verdicts
from analysis.claims.base import Claim, Outcome, Topic, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.family import corrected
from tests.analysis.synthetic import Synthetic


def claim(name: str = "X", topic: Topic = "Speed") -> Claim:
    return Claim(id=name, statement=name, topic=topic, kind="measured", how="", source="")


def part(outcome: Outcome, p_value: float | None = None, *, decides: bool = True) -> Verdict:
    return Verdict(
        claim=claim(), verdict=outcome, p_value=p_value, decides=decides, missing="more", effect="so."
    )


@pytest.mark.parametrize(
    ("outcomes", "whole", "p_value"),
    [
        ([("supported", 0.01), ("supported", 0.04)], "supported", 0.04),
        ([("supported", 0.01), ("refuted", 0.02)], "refuted", 0.04),
        ([("refuted", 0.01), ("inconclusive", 0.5)], "refuted", 0.02),
        ([("supported", 0.01), ("inconclusive", 0.5)], "inconclusive", 0.5),
        ([("supported", None), ("supported", 0.03)], "supported", 0.03),
        ([("supported", 0.03), ("refuted", None)], "refuted", None),
        ([], "inconclusive", None),
    ],
)
def test_every_condition_must_hold(
    outcomes: list[tuple[Outcome, float | None]], whole: Outcome, p_value: float | None
) -> None:
    found = every(claim(), [part(*outcome) for outcome in outcomes])
    assert (found.verdict, found.p_value) == (whole, p_value)
    assert found.missing == ("more" if whole == "inconclusive" and outcomes else "")


def test_what_stands_beside_decides_nothing() -> None:
    parts = [part("supported", 0.01), part("refuted", 0.001, decides=False)]
    assert every(claim(), parts).verdict == "supported"
    assert every(claim(), parts[1:]).verdict == "inconclusive"


def test_not_significant_in_a_family_is_inconclusive() -> None:
    family = [
        Verdict(claim=claim(name), verdict=outcome, p_value=p_value)
        for name, outcome, p_value in (
            ("A", "supported", 0.04),
            ("B", "refuted", 0.01),
            ("C", "inconclusive", 0.5),
        )
    ]
    apart = Verdict(claim=claim("D", "Complexity"), verdict="supported", p_value=0.04)
    exact = Verdict(claim=claim("E"), verdict="supported")
    found = corrected([*family, apart, exact])
    assert [verdict.verdict for verdict in found] == [
        "inconclusive",  # 2 x 0.04
        "refuted",  # 3 x 0.01
        "inconclusive",
        "supported",  # another family, of one
        "supported",
    ]
    assert "p = 0.08 after Holm" in found[0].missing
    assert found[4].adjusted_p is None


@pytest.mark.parametrize(
    ("values", "below", "outcome"),
    [
        ([0.5, 0.6, 0.55, 0.5, 0.6], False, "supported"),
        ([-0.5, -0.6, -0.55, -0.5, -0.6], False, "refuted"),
        ([-0.5, -0.6, -0.55, -0.5, -0.6], True, "supported"),
        ([0.5, 0.6, 0.55, 0.5, 0.6], True, "refuted"),
        ([-1.0, 1.0, -0.5, 0.5, 0.1], False, "inconclusive"),
    ],
)
def test_the_whole_interval_decides(values: list[float], below: bool, outcome: Outcome) -> None:
    found = mean_beyond(claim(), values, bound=0.0, below=below, minimum=5)
    assert found.verdict == outcome
    blocked = mean_beyond(claim(), values, bound=0.0, below=below, minimum=5, blockers=["that"])
    assert blocked.verdict == "inconclusive"
    assert blocked.missing == "that"
    assert blocked.effect_value == found.effect_value
    short = mean_beyond(claim(), values[:4], bound=0.0, below=below, minimum=5)
    assert short.verdict == "inconclusive"
    assert short.missing == "1 more seed (4 of 5)"


def test_nothing_measured_has_no_effect() -> None:
    found = mean_beyond(claim(), [], bound=0.0, minimum=5)
    assert (found.effect_value, found.interval, found.p_value) == (None, None, None)
    assert not_measured(claim(), "a thing").missing == "not measured in this report: a thing"


def test_the_registry_names_every_claim_in_order() -> None:
    found = verdicts(Synthetic().results())
    assert [verdict.claim.id for verdict in found] == list(CLAIMS)
    for verdict in found:
        assert verdict.claim.how
        assert verdict.claim.source
        assert verdict.claim.statement.endswith((".", ")"))


def test_verdicts_are_the_same_every_time() -> None:
    made = Synthetic()
    for name in ("rnn", "lstm"):
        for seed in range(16):  # beyond 14 seeds permutations are drawn
            made.recall(name, seed, {1: 0.9, 8: 0.3 + 0.02 * ((seed * 5) % 7) + 0.1 * (name == "lstm")})
    assert verdicts(made.results()) == verdicts(made.results())
