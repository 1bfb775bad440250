"""Claims C1 and C2: how FLOPs, time and memory of one layer grow with n and d."""

from collections.abc import Iterator
from typing import Any

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.counts import Counts, layer_counts, layer_name
from analysis.claims.slopes import CLOSE, memory_growth, time_growth
from analysis.fits import Axis, exponents
from analysis.load import Results
from analysis.polynomials import formula

_HOW = (
    "Counted FLOPs, as exact polynomials in n and in d; and the slopes of step time over the largest "
    "three sizes, which theory gives at the same sizes. Supported when the counts are exact and the "
    f"interval over rounds of every slope lies within ±{CLOSE} of theory. Peak memory stands beside it."
)

C1 = Claim(
    id="C1",
    statement="A recurrent layer costs n·d²: in proportion to the length and the square of the width.",
    topic="Complexity",
    kind="measured",
    how=_HOW,
    source="Vaswani et al. 2017, table 1",
)
C2 = Claim(
    id="C2",
    statement="Self-attention costs n²·d: in proportion to the square of the length and to the width. "
    "So does an LSTM with attention.",
    topic="Complexity",
    kind="measured",
    how=_HOW + " The scores alone are held to n²·d; a whole layer, which has projections or a "
    "recurrence as well, to a sum led by n²·d.",
    source="Vaswani et al. 2017, table 1; Luong, Pham and Manning 2015",
)


def recurrent(results: Results) -> Verdict:
    """Return the verdict on C1."""
    parts = []
    for architecture in ("rnn", "lstm"):
        counts = layer_counts(results, architecture, "recurrent")
        if counts is None:
            parts.append(_absent(C1, architecture, "recurrent"))
            continue
        parts.append(_flops(C1, counts, whole=False, power=(1, 2)))
        parts += _times(C1, results, counts, decides=True)
        parts += _memory(C1, results, counts)
    if not any(part.evidence for part in parts):
        return not_measured(C1, "FLOPs of recurrent layers")
    return every(C1, parts, effect=_summary(parts), figure="layer_time")


def attention(results: Results) -> Verdict:
    """Return the verdict on C2."""
    parts = []
    for architecture, part in (
        ("transformer", "scores"),
        ("transformer", "attention"),
        ("transformer", "transformer"),
        ("attentional_lstm", "recurrent_attention"),
    ):
        counts = layer_counts(results, architecture, part)
        if counts is None:
            parts.append(_absent(C2, architecture, part))
            continue
        alone = part == "scores"
        parts.append(_flops(C2, counts, whole=not alone, power=(2, 1)))
        parts += _times(C2, results, counts, decides=alone)
    if not any(part.evidence for part in parts):
        return not_measured(C2, "FLOPs of layers with attention")
    return every(C2, parts, effect=_summary(parts), figure="layer_time")


def _absent(claim: Claim, architecture: str, part: str) -> Verdict:
    name = layer_name(architecture, part)
    return not_measured(claim.part(f".flops.{architecture}.{part}", f"{name}."), name)


def _flops(claim: Claim, counts: Counts, *, whole: bool, power: tuple[int, int]) -> Verdict:
    words = "n·d²" if power == (1, 2) else "n²·d"
    lead = "led by " if whole else ""
    part = claim.part(
        f".flops.{counts.architecture}.{counts.part}",
        f"{counts.name}: FLOPs are {lead}{words}.",
        "exact",
    )
    about: dict[str, Any] = {"evidence": counts.keys, "figure": "flops"}
    polynomials = [p for p in (counts.in_n, counts.in_d) if p is not None]
    proven = len(polynomials) == 2 and all(p.checked for p in polynomials)
    if counts.unfinished or (counts.terms is None and not proven):
        missing = counts.unfinished or ("counts at more sizes, in n and in d",)
        return Verdict(
            claim=part,
            verdict="inconclusive",
            missing=f"{counts.name}: {'; '.join(missing)}",
            evidence=counts.keys,
            figure="flops",
        )
    found = counts.terms
    if found is None:
        shown = f"degree {polynomials[0].degree} in n and {polynomials[1].degree} in d"
        return Verdict(claim=part, verdict="refuted", effect=f"{counts.name}: {shown}.", **about)
    holds = max(found) == power if whole else set(found) == {power}
    return Verdict(
        claim=part,
        verdict="supported" if holds else "refuted",
        effect=f"{counts.name}: exactly {formula(found)} FLOPs.",
        effect_value=float(max(found)[0]),
        **about,
    )


def _times(claim: Claim, results: Results, counts: Counts, *, decides: bool) -> Iterator[Verdict]:
    axes: tuple[Axis, ...] = ("n", "d")
    for over in axes:
        found = exponents(
            results, "step_time", over, architecture=counts.architecture, part=counts.part
        )
        for series in found:
            yield time_growth(claim, series, counts, decides=decides)
        if not found:
            part = claim.part(f".time.{over}.{counts.architecture}", f"{counts.name}: time in {over}.")
            yield Verdict(
                claim=part,
                verdict="inconclusive",
                missing=f"{counts.name}: step times",
                decides=decides,
            )


def _memory(claim: Claim, results: Results, counts: Counts) -> Iterator[Verdict]:
    """Yield the growth of peak memory with n, shown beside the claim."""
    layers = results.manifest.get("layers", {}).get(counts.architecture, {})
    layer = layers.get(counts.part, {})
    for series in exponents(results, "memory", "n", architecture=counts.architecture, part=counts.part):
        explicit = layer.get("explicit_memory_exponent") if series.attention == "explicit" else None
        theory = float(explicit or layer.get("memory_exponent", 1.0))
        yield memory_growth(
            claim.part(
                f".memory.{series.architecture}.{series.attention or 'n'}",
                f"{counts.name}: peak memory goes as n^{theory:g}.",
            ),
            series,
            theory,
            decides=False,
        )


def _summary(parts: list[Verdict]) -> str:
    """Return the deciding parts' effects, the exact ones first."""
    deciding = [part for part in parts if part.decides and part.effect]
    ordered = sorted(deciding, key=lambda part: part.claim.kind != "exact")
    return " ".join(part.effect for part in ordered)
