"""Claim C3: convolution costs k·n·d², attention restricted to a window r·n·d."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.counts import Counts, layer_name
from analysis.claims.slopes import CLOSE, memory_growth, time_growth
from analysis.fits import exponents
from analysis.load import Results
from analysis.polynomials import Polynomial, polynomial

CLAIM = Claim(
    id="C3",
    statement="A convolution of kernel size k costs k·n·d², self-attention restricted to a window of r "
    "costs r·n·d.",
    topic="Complexity",
    kind="measured",
    how="Counted FLOPs as exact polynomials: in n, in k or r, and in d; of attention in d without its "
    "projections, as the difference of two windows. And the slope of step time over the largest three "
    f"lengths. Supported when the exponents are exact and the interval over rounds of the slope lies "
    f"within ±{CLOSE} of theory. Peak memory stands beside it.",
    source="Vaswani et al. 2017, table 1",
)


@dataclass(frozen=True)
class Subject:
    """A layer whose cost has one more size: how far a position sees at once."""

    architecture: str
    part: str
    option: str  # of the model
    symbol: str
    degree_in_d: int


SUBJECTS = (
    Subject("conv", "convolution", "kernel_size", "k", 2),
    Subject("local_transformer", "local_attention", "window", "r", 1),
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on C3."""
    parts: list[Verdict] = []
    for subject in SUBJECTS:
        rows = results.sizes("flops", architecture=subject.architecture, part=subject.part)
        reach = pd.Series([model.get(subject.option) for model in rows.model], rows.index, dtype=float)
        rows = rows.assign(reach=reach)
        rows = rows[rows.n >= 2 * rows.reach]  # a window wider than that is no window
        if rows.empty:
            name = layer_name(subject.architecture, subject.part)
            part = CLAIM.part(f".flops.{subject.architecture}", f"{name}.")
            parts.append(not_measured(part, name))
            continue
        in_n, fixed = _sweep(rows, "n", ("d", "reach"))
        parts.append(_power(subject, "n", 1, in_n, fixed, rows))
        in_reach, fixed = _sweep(rows, "reach", ("n", "d"))
        parts.append(_power(subject, subject.symbol, 1, in_reach, fixed, rows))
        parts.append(_in_width(subject, rows))
        parts += _beside(results, subject, in_n, rows)
    if not any(part.evidence for part in parts):
        return not_measured(CLAIM, "layers of convolution and of restricted attention")
    return every(CLAIM, parts, figure="layer_time")


def _sweep(
    rows: pd.DataFrame, over: str, fixed: tuple[str, str]
) -> tuple[Polynomial | None, dict[str, int]]:
    """Return the polynomial over one size, the others at their values with most sizes."""
    ok = rows[rows.status == "ok"]
    if ok.empty:
        return None, {}
    counts = ok.groupby(list(fixed))[over].nunique()
    values = counts.index.to_list()[int(counts.to_numpy().argmax())]
    mine = ok[(ok[fixed[0]] == values[0]) & (ok[fixed[1]] == values[1])]
    flops = [Fraction(int(m["forward"]), int(b)) for m, b in zip(mine.metrics, mine.batch, strict=True)]
    found = polynomial([int(size) for size in mine[over]], flops, checked=False)
    return found, dict(zip(fixed, (int(value) for value in values), strict=True))


def _in_width(subject: Subject, rows: pd.DataFrame) -> Verdict:
    """Return the part on d: of the whole count, or of the difference between two windows."""
    if subject.degree_in_d == 2:
        in_d, fixed = _sweep(rows, "d", ("n", "reach"))
        return _power(subject, "d", 2, in_d, fixed, rows)
    ok = rows[rows.status == "ok"]
    table = ok.assign(flops=[m["forward"] for m in ok.metrics]).pivot_table(
        index=["n", "d"], columns="reach", values="flops", aggfunc="first"
    )
    best: tuple[int, Polynomial | None, dict[str, int]] = (0, None, {})
    for low, high in pairwise(table.columns):
        both = table[[low, high]].dropna()
        for n in dict.fromkeys(both.index.get_level_values("n").to_list()):
            group = both.xs(n, level="n")
            widths = [int(d) for d in group.index.to_list()]
            if len(widths) > best[0]:
                counts = [int(value) for value in group[high] - group[low]]
                found = polynomial(widths, counts, checked=False)
                best = (len(widths), found, {"n": int(n), "r": int(low), "r'": int(high)})
    return _power(subject, "d", 1, best[1], best[2], rows)


def _power(
    subject: Subject,
    symbol: str,
    power: int,
    found: Polynomial | None,
    fixed: dict[str, int],
    rows: pd.DataFrame,
) -> Verdict:
    name = layer_name(subject.architecture, subject.part)
    part = CLAIM.part(
        f".flops.{subject.architecture}.{symbol}", f"{name}: FLOPs go as {symbol}^{power}.", "exact"
    )
    waiting = sorted({str(status).replace("_", " ") for status in rows.status if status != "ok"})
    about: dict[str, Any] = {"claim": part, "evidence": tuple(rows.key), "figure": "flops"}
    if waiting or found is None or not (found.checked or found.degree > power):
        missing = f"cells {', '.join(waiting)}" if waiting else f"counts at more values of {symbol}"
        return Verdict(verdict="inconclusive", missing=f"{name}: {missing}", **about)
    names = {"reach": subject.symbol}
    held = ", ".join(f"{names.get(key, key)} = {value:,}" for key, value in fixed.items())
    shown = f"a polynomial of degree {found.degree} in {symbol}" if found.checked else "no such power"
    return Verdict(
        verdict="supported" if found.checked and found.degree == power else "refuted",
        effect=f"{name}: FLOPs are {shown} from {found.sizes[0]:,} to {found.sizes[-1]:,} ({held}).",
        effect_value=float(found.degree) if found.checked else None,
        **about,
    )


def _beside(
    results: Results, subject: Subject, in_n: Polynomial | None, rows: pd.DataFrame
) -> Iterator[Verdict]:
    """Yield the parts on time, which decide, and on memory, which do not."""
    terms = None if in_n is None else {(i, 0): c for i, c in enumerate(in_n.coefficients) if c}
    counts = Counts(
        subject.architecture, subject.part, in_n, None, terms, tuple(rows.key), unfinished=()
    )
    where = {"architecture": subject.architecture, "part": subject.part}
    timed = exponents(results, "step_time", "n", **where)
    for series in timed:
        yield time_growth(CLAIM, series, counts, decides=True)
    if not timed:
        part = CLAIM.part(f".time.{subject.architecture}", f"{counts.name}: time goes as n^1.")
        yield Verdict(claim=part, verdict="inconclusive", missing=f"{counts.name}: step times")
    for series in exponents(results, "memory", "n", **where):
        kernel = series.attention or "n"
        part = CLAIM.part(
            f".memory.{subject.architecture}.{kernel}", f"{counts.name}: peak memory goes as n^1."
        )
        yield memory_growth(part, series, 1.0, decides=False)
