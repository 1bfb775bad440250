"""Sentences that records can refute. One line a claim: id → ``"module:function"`` of results → Verdict.

The order is that of the report. A claim whose cells the store does not have is *inconclusive*: not
measured in this report.
"""

import importlib
from dataclasses import replace

from analysis.claims.base import Claim, Verdict
from analysis.claims.family import corrected
from analysis.load import Results

__all__ = ["CLAIMS", "Claim", "Verdict", "verdicts"]

CLAIMS: dict[str, str] = {
    "L1": "analysis.claims.gradient:verdict",
    "L2": "analysis.claims.gain:verdict",
    "L3": "analysis.claims.distance:gates",
    "L4": "analysis.claims.distance:postponed",
    "L5": "analysis.claims.gru:verdict",
    "L6": "analysis.claims.translation_length:verdict",
    "L7": "analysis.claims.distance:attention",
    "L8": "analysis.claims.distance:constant_path",
    "L9": "analysis.claims.sight:convolution",
    "L10": "analysis.claims.sight:restricted",
    "L11": "analysis.claims.directions:verdict",
    "L12": "analysis.claims.agreement:attractors",
    "L13": "analysis.claims.agreement:corruption",
    "S1": "analysis.claims.depth:verdict",
    "S2": "analysis.claims.throughput:verdict",
    "S3": "analysis.claims.gates:verdict",
    "S4": "analysis.claims.translation_cost:verdict",
    "C1": "analysis.claims.growth:recurrent",
    "C2": "analysis.claims.growth:attention",
    "C3": "analysis.claims.windows:verdict",
    "C4": "analysis.claims.crossover:verdict",
    "C5": "analysis.claims.memory:verdict",
    "C6": "analysis.claims.parameters:verdict",
    "T1": "analysis.claims.scores:verdict",
    "T2": "analysis.claims.identities:numbers",
    "T3": "analysis.claims.order:verdict",
    "T4": "analysis.claims.positions:verdict",
    "T5": "analysis.claims.heads:verdict",
    "T6": "analysis.claims.feedforward:verdict",
    "T7": "analysis.claims.causal:verdict",
    "T8": "analysis.claims.identities:masking",
    "T9": "analysis.claims.residual:verdict",
    "T10": "analysis.claims.normalisation:verdict",
    "T11": "analysis.claims.warmup:verdict",
    "T12": "analysis.claims.sizes:verdict",
    "T13": "analysis.claims.identities:heads",
    "D1": "analysis.claims.translation_beam:verdict",
    "D2": "analysis.claims.translation_exposure:verdict",
    "D3": "analysis.claims.pretraining:verdict",
    "D4": "analysis.claims.translation_floor:verdict",
}


def verdicts(results: Results) -> list[Verdict]:
    """Return every claim's verdict, p-values Holm-corrected within each topic."""
    found = []
    for name in CLAIMS.values():
        module, _, function = name.partition(":")
        verdict: Verdict = getattr(importlib.import_module(module), function)(results)
        found.append(replace(verdict, seconds_missing=_seconds_missing(verdict, results)))
    return corrected(found)


def _seconds_missing(verdict: Verdict, results: Results) -> float | None:
    """Return what the missing seeds would take if each took as long as those that are there."""
    if not verdict.seeds or not verdict.seeds_missing:
        return None
    spent = [results.records[key].duration_s for key in verdict.evidence if key in results.records]
    return sum(spent) / verdict.seeds * verdict.seeds_missing if sum(spent) > 0 else None
