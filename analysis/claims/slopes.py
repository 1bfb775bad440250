"""Hold measured exponents of one layer, in time and in memory, to theory."""

from typing import Any

from analysis.claims.base import Claim, Outcome, Verdict
from analysis.claims.counts import Counts, layer_name
from analysis.claims.timing import device
from analysis.fits import Exponent, Series, log_log
from analysis.statistics import MIN_ROUNDS, smallest_detectable, student_test

CLOSE = 0.2
"""How far a measured exponent may lie from theory."""

SETTLING = 0.05
"""A local slope that comes nearer to theory by more than this is still on its way ..."""

HORIZON = 4
"""... unless at this pace it would not be there after so many more sizes: then it settles elsewhere,
as the memory of a fused kernel settles at 1 and not at 2."""


def time_growth(claim: Claim, series: Series, counts: Counts, *, decides: bool) -> Verdict:
    """Return whether time grows as the exact FLOPs do, over the same sizes, within ±CLOSE."""
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
    gap = abs(last - theory)
    nearer = abs(before - theory) - gap
    if nearer <= SETTLING or nearer * HORIZON < gap:
        return ""
    return f"larger sizes: the local slope is still on its way ({before:.2f}, then {last:.2f})"


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
