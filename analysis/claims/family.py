"""Holm's correction within a family: the measured claims of one topic."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.claims.base import Verdict
from analysis.statistics import ALPHA, holm


def corrected(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts with adjusted p-values; one that is no longer significant is inconclusive.

    Exact claims, and claims that were not measured, are no tests and make no family larger.
    """
    adjusted: dict[str, float] = {}
    for topic in dict.fromkeys(verdict.claim.topic for verdict in verdicts):
        family = {
            verdict.claim.id: verdict.p_value
            for verdict in verdicts
            if verdict.claim.topic == topic and verdict.p_value is not None
        }
        adjusted |= holm(family)
    return [_apply(verdict, adjusted.get(verdict.claim.id)) for verdict in verdicts]


def _apply(verdict: Verdict, adjusted: float | None) -> Verdict:
    if adjusted is None:
        return verdict
    if verdict.verdict != "inconclusive" and adjusted > ALPHA:
        why = f"not significant within its family (p = {adjusted:.2g} after Holm’s correction)"
        return replace(verdict, verdict="inconclusive", adjusted_p=adjusted, missing=why)
    return replace(verdict, adjusted_p=adjusted)
