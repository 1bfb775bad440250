"""Claim C6: parameters against length, of an attention layer and of a fully connected one."""

import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.load import Results
from analysis.polynomials import Polynomial, polynomial

CLAIM = Claim(
    id="C6",
    statement="The parameters of an attention layer do not grow with the length; those of a layer that "
    "is fully connected over all positions do.",
    topic="Complexity",
    kind="exact",
    how="Number of parameters of either layer at every length whose FLOPs were counted, at one width, "
    "as exact polynomials in n. Supported when that of self-attention has degree 0 and that of the "
    "fully connected layer degree 1. Learned positions, which are no part of the layer, would be an "
    "exception.",
    source="Vaswani et al. 2017, section 3.2; Bahdanau, Cho and Bengio 2015, section 1",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on C6."""
    parts = [
        _layer(results, "transformer", "attention", 0, "self-attention"),
        _layer(results, "mlp", "fully_connected", 1, "the fully connected layer"),
    ]
    if not any(part.evidence for part in parts):
        return not_measured(CLAIM, "parameters of layers by length")
    return every(CLAIM, parts)


def _layer(results: Results, architecture: str, part: str, degree: int, words: str) -> Verdict:
    doing = "grow with n" if degree else "do not grow with n"
    claim = CLAIM.part(f".{architecture}", f"The parameters of {words} {doing}.")
    rows = results.sizes("flops", architecture=architecture, part=part)
    if rows.empty:
        return not_measured(claim, f"parameters of {words}")
    rows = rows[rows.status == "ok"]
    rows = rows.assign(parameters=[theory.get("parameters") for theory in rows.theory])
    mine = _longest_sweep(rows[rows.parameters.notna()])
    found = _polynomial(mine)
    if mine.n.nunique() < 2 or (degree and mine.n.nunique() < 3):
        missing = f"{words}: parameters at {'three' if degree else 'two'} lengths of one width"
        return Verdict(claim=claim, verdict="inconclusive", missing=missing)
    holds = found is not None and found.degree == degree and (found.checked or not degree)
    first, last = (int(mine.sort_values("n").parameters.iloc[i]) for i in (0, -1))
    shown = f"{first:,} parameters" if first == last else f"{first:,} to {last:,} parameters"
    return Verdict(
        claim=claim,
        verdict="supported" if holds else "refuted",
        effect=f"{words[0].upper()}{words[1:]}: {shown} at each of {mine.n.nunique()} lengths from "
        f"{mine.n.min():,.0f} to {mine.n.max():,.0f}, at d = {mine.d.iloc[0]:,.0f}.",
        effect_value=float(found.degree) if found is not None else None,
        evidence=tuple(mine.key),
    )


def _longest_sweep(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the width with most lengths."""
    counts = rows.groupby("d").n.nunique()
    if counts.empty:
        return rows
    return rows[rows.d == counts.index.to_numpy(float)[counts.to_numpy().argmax()]]


def _polynomial(rows: pd.DataFrame) -> Polynomial | None:
    return polynomial([int(n) for n in rows.n], [int(p) for p in rows.parameters], checked=False)
