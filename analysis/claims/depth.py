"""Claim S1: sequential operations, from the longest path of the operator graph."""

from collections.abc import Sequence

import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.load import Results
from analysis.polynomials import polynomial
from analysis.style import short_name

CLAIM = Claim(
    id="S1",
    statement="A recurrent layer takes as many steps one after the other as the sequence has "
    "positions; self-attention takes a number that does not depend on it.",
    topic="Speed",
    kind="exact",
    how="Longest path of the operator graph at several n, forward and in training, recorded on the "
    "meta device, where no fused kernel hides steps. Supported when it is an exact polynomial of "
    "degree 1 in n for every recurrent layer and bounded for every layer of self-attention.",
    source="Vaswani et al. 2017, table 1 and section 4",
)

RECURRENT = (("rnn", "recurrent"), ("lstm", "recurrent"), ("attentional_lstm", "recurrent_attention"))
PARALLEL = (("transformer", "attention"), ("transformer", "scores"), ("transformer", "transformer"))


def verdict(results: Results) -> Verdict:
    """Return the verdict on S1."""
    frame = results.sizes("depth")
    parts = []
    for layers, exponent in ((RECURRENT, 1), (PARALLEL, 0)):
        for architecture, part in layers:
            rows = frame[(frame.architecture == architecture) & (frame.part == part)]
            parts.append(_layer(architecture, part, exponent, rows))
    if not any(part.evidence for part in parts):
        return not_measured(CLAIM, "depth of recurrent and of attention layers")
    effect = " ".join(part.effect for part in parts)
    return every(CLAIM, parts, effect=effect, figure="depth")


def degree(sizes: Sequence[int], depths: Sequence[int]) -> int | None:
    """Return the exact exponent of ``depths`` in the size; None if they are no such polynomial.

    Bounded depth is degree 0 also where it changes once, with the kernel that long sequences use:
    constant on either side, each side seen at two sizes or more.
    """
    pairs = sorted(zip(sizes, depths, strict=True))
    runs: list[list[int]] = []
    for _, depth in pairs:
        if runs and runs[-1][0] == depth:
            runs[-1].append(depth)
        else:
            runs.append([depth])
    if len(runs) <= 2 and all(len(run) >= 2 for run in runs) and len(pairs) >= 3:
        return 0
    found = polynomial([n for n, _ in pairs], [depth for _, depth in pairs])
    return None if found is None else found.degree


def _layer(architecture: str, part: str, exponent: int, rows: pd.DataFrame) -> Verdict:
    name = f"{short_name(architecture)}, {part.replace('_', ' ')}"
    words = "grows in proportion to n" if exponent else "does not grow with n"
    claim = CLAIM.part(f".{exponent}.{architecture}.{part}", f"{name}: the depth {words}.")
    ok = rows[rows.status == "ok"].sort_values("n").drop_duplicates("n")
    waiting = sorted({str(status).replace("_", " ") for status in rows.status if status != "ok"})
    sizes = [int(n) for n in ok.n]
    found = {
        when: degree(sizes, [int(metrics[when]) for metrics in ok.metrics])
        for when in ("forward", "training")
        if len(ok) and all(metrics.get(when) is not None for metrics in ok.metrics)
    }
    if rows.empty:
        return not_measured(claim, f"depth of {name}")
    if waiting or len(sizes) < 3 or "forward" not in found:
        missing = f"cells {', '.join(waiting)}" if waiting else "three lengths or more"
        return Verdict(
            claim=claim, verdict="inconclusive", missing=f"{name}: {missing}", figure="depth"
        )
    first, last = (int(ok.metrics.iloc[i]["forward"]) for i in (0, -1))
    holds = all(value == exponent for value in found.values())
    return Verdict(
        claim=claim,
        verdict="supported" if holds else "refuted",
        effect=f"{name}: {first:,} operators in a row at n = {sizes[0]:,}, {last:,} at "
        f"n = {sizes[-1]:,} ({_words(found)}).",
        effect_value=None if found["forward"] is None else float(found["forward"]),
        evidence=tuple(ok.key),
        figure="depth",
    )


def _words(found: dict[str, int | None]) -> str:
    """Return "n^1", or "n^1 forward, no polynomial training" where the two differ."""
    shown = {when: "no polynomial" if value is None else f"n^{value}" for when, value in found.items()}
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    return ", ".join(f"{value} {when}" for when, value in shown.items())
