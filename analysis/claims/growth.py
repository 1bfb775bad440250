"""Claims C1 and C2: how FLOPs, time and memory of one layer grow with n and d."""

from collections.abc import Iterator
from typing import Any

from analysis.claims.base import Claim, Outcome, Verdict, every, not_measured
from analysis.claims.counts import Counts, layer_counts, layer_name
from analysis.claims.timing import device
from analysis.fits import Axis, Exponent, Series, exponents, log_log
from analysis.load import Results
from analysis.polynomials import formula
from analysis.statistics import MIN_ROUNDS, smallest_detectable, student_test

CLOSE = 0.2
"""How far a measured exponent may lie from theory."""

SETTLING = 0.05
"""A local slope that comes nearer to theory by more than this is still on its way."""

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
            yield _time(claim, series, counts, decides=decides)
        if not found:
            part = claim.part(f".time.{over}.{counts.architecture}", f"{counts.name}: time in {over}.")
            yield Verdict(
                claim=part,
                verdict="inconclusive",
                missing=f"{counts.name}: step times",
                decides=decides,
            )


def _time(claim: Claim, series: Series, counts: Counts, *, decides: bool) -> Verdict:
    kernel = series.attention or series.kernel
    part = claim.part(
        f".time.{series.over}.{series.architecture}.{series.part}.{kernel}",
        f"{counts.name} ({series.kernel}): time grows with {series.over} as theory says.",
    )
    fit = series.exponent
    missing = series.unfinished
    if fit is None or counts.terms is None or len(fit.sizes) < 3:
        missing = [*missing, "times at three sizes or more, and exact FLOPs"]
    elif fit.large_end_interval is None or len(fit.large_end_rounds) < MIN_ROUNDS:
        have = len(fit.large_end_rounds)
        missing = [*missing, f"{MIN_ROUNDS - have} more rounds ({have} of {MIN_ROUNDS})"]
    about: dict[str, Any] = {
        "claim": part,
        "evidence": series.keys,
        "figure": "layer_time",
        "device": device(series.rows),
        "kernel": f"{counts.name}: {series.kernel}",
        "decides": decides,
    }
    if fit is None or counts.terms is None:
        return Verdict(verdict="inconclusive", missing=_named(counts, missing), **about)
    theory = _theory(counts, series, fit)
    outcome, p_value, why = _judge(fit, theory)
    if missing:
        outcome = "inconclusive"
    sizes = fit.large_sizes
    return Verdict(
        verdict=outcome,
        effect=f"{counts.name}, {series.kernel}: time goes as {series.over}^{fit.large_end:.2f} from "
        f"{series.over} = {sizes[0]:,.0f} to {sizes[-1]:,.0f}, theory {theory:.2f}"
        f"{_failed(series)}.",
        effect_value=fit.large_end,
        interval=fit.large_end_interval,
        smallest_detectable=smallest_detectable(fit.large_end_rounds),
        p_value=p_value,
        missing=_named(counts, missing or ([why] if outcome == "inconclusive" else [])),
        **about,
    )


def _theory(counts: Counts, series: Series, fit: Exponent) -> float:
    """Return the slope of the exact FLOPs over the same sizes: of a sum it is between its powers."""
    values = [
        counts.flops(size, series.fixed) if series.over == "n" else counts.flops(series.fixed, size)
        for size in fit.large_sizes
    ]
    slope = log_log(fit.large_sizes, values)
    assert slope is not None
    return slope.large_end


def _judge(fit: Exponent, theory: float) -> tuple[Outcome, float | None, str]:
    """Hold a slope to theory: all of its interval within ±CLOSE, or all of it outside."""
    interval, slopes = fit.large_end_interval, fit.large_end_rounds
    if interval is None:
        return "inconclusive", None, ""
    low, high = theory - CLOSE, theory + CLOSE
    sides = [student_test(slopes, low), student_test(slopes, high)]
    if interval.within(low, high):
        return "supported", max(sides), ""
    if low <= interval.high and interval.low <= high:
        return "inconclusive", max(sides), f"the interval leaves it open ({interval})"
    if moving := _moving(fit, theory):
        return "inconclusive", max(sides), moving
    return "refuted", sides[0] if interval.high < low else sides[1], ""


def _moving(fit: Exponent, theory: float) -> str:
    """Return what is missing where the last local slope still comes nearer to theory, else nothing."""
    if len(fit.local) < 2:
        return ""
    before, last = fit.local[-2][2], fit.local[-1][2]
    if abs(last - theory) >= abs(before - theory) - SETTLING:
        return ""
    return f"larger sizes: the local slope is still on its way ({before:.2f}, then {last:.2f})"


def _memory(claim: Claim, results: Results, counts: Counts) -> Iterator[Verdict]:
    """Yield the growth of peak memory with n, shown beside the claim."""
    layers = results.manifest.get("layers", {}).get(counts.architecture, {})
    theory = float(layers.get(counts.part, {}).get("memory_exponent", 1.0))
    for series in exponents(results, "memory", "n", architecture=counts.architecture, part=counts.part):
        yield memory_growth(
            claim.part(
                f".memory.{series.architecture}.{series.attention or 'n'}",
                f"{counts.name}: peak memory goes as n^{theory:g}.",
            ),
            series,
            theory,
            decides=False,
        )


def memory_growth(claim: Claim, series: Series, theory: float, *, decides: bool) -> Verdict:
    """Return whether the exponent of peak memory in n is ``theory``, within ±CLOSE, at the large end.

    Peaks are sums of allocations, not samples: there is no interval to ask for.
    """
    name = layer_name(series.architecture, series.part)
    kernel = f", {series.kernel}" if series.kernel else ""
    fit = series.exponent
    if fit is None or len(fit.sizes) < 3 or series.unfinished:
        return Verdict(
            claim=claim,
            verdict="inconclusive",
            missing=f"{name}{kernel}: "
            + ("; ".join(series.unfinished) or "peaks at three lengths or more"),
            evidence=series.keys,
            figure="memory",
            decides=decides,
        )
    sizes = fit.large_sizes
    close = abs(fit.large_end - theory) <= CLOSE
    missing = "" if close else _moving(fit, theory)
    return Verdict(
        claim=claim,
        verdict="supported" if close else "inconclusive" if missing else "refuted",
        missing=f"{name}{kernel}: {missing}" if missing else "",
        effect=f"{name}{kernel}: peak memory goes as n^{fit.large_end:.2f} from n = {sizes[0]:,.0f} to "
        f"{sizes[-1]:,.0f}{_failed(series)}.",
        effect_value=fit.large_end,
        evidence=series.keys,
        figure="memory",
        device=device(series.rows),
        kernel=series.kernel,
        decides=decides,
    )


def _failed(series: Series) -> str:
    return f" ({'; '.join(series.did_not_fit)})" if series.did_not_fit else ""


def _named(counts: Counts, missing: list[str]) -> str:
    return f"{counts.name}: {'; '.join(missing)}" if missing else ""


def _summary(parts: list[Verdict]) -> str:
    """Return the deciding parts' effects, the exact ones first."""
    deciding = [part for part in parts if part.decides and part.effect]
    ordered = sorted(deciding, key=lambda part: part.claim.kind != "exact")
    return " ".join(part.effect for part in ordered)
