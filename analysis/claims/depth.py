"""Claim S1: sequential operations, from the longest path of the operator graph."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

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
    "degree 1 in n for every recurrent layer and bounded for every layer of self-attention and of "
    "convolution. Other layers are shown beside, held to what they declare.",
    source="Vaswani et al. 2017, table 1 and section 4",
)

Growth = int | Literal["log"]
"""The exponent of the depth in n, or that it grows with log n."""

RECURRENT = (("rnn", "recurrent"), ("lstm", "recurrent"), ("attentional_lstm", "recurrent_attention"))
PARALLEL = (("transformer", "attention"), ("transformer", "scores"), ("transformer", "transformer"))
FURTHER: dict[str, Growth] = {
    **dict.fromkeys(("gru", "attentional_rnn", "attentional_gru"), 1),
    **dict.fromkeys(("local_transformer", "conv"), 0),
}
"""Of the same kinds, held to it where their depth is measured; convolution stands with attention."""

MIN_DOUBLINGS = 4
"""So many doublings of n tell growth with log n from growth with n."""

DECLARED: dict[str, Growth] = {"n": 1, "1": 0, "log n": "log"}
"""What other architectures say of their layers: shown beside, the claim is not about them."""


def verdict(results: Results) -> Verdict:
    """Return the verdict on S1."""
    frame = results.sizes("depth")
    layers: dict[tuple[str, str], Growth] = {
        **dict.fromkeys(RECURRENT, 1),
        **dict.fromkeys(PARALLEL, 0),
    }
    measured = sorted(set(zip(frame.architecture, frame.part, strict=True)) - set(layers))
    layers |= {layer: FURTHER[layer[0]] for layer in measured if layer[0] in FURTHER}
    beside = {
        layer: DECLARED[declared]
        for layer in measured
        if layer[0] not in FURTHER and (declared := _declared(results, *layer)) in DECLARED
    }
    parts = [
        replace(_layer(name, part, growth, _rows(frame, name, part)), decides=(name, part) in layers)
        for (name, part), growth in (layers | beside).items()
    ]
    if not any(part.evidence for part in parts):
        return not_measured(CLAIM, "depth of recurrent and of attention layers")
    effect = " ".join(part.effect for part in parts if part.decides and part.effect)
    return every(CLAIM, parts, effect=effect, figure="depth")


def degree(sizes: Sequence[int], depths: Sequence[int]) -> int | None:
    """Return the exact exponent of ``depths`` in the size; None if they are no such polynomial.

    Bounded depth is degree 0 also where it changes with the kernel that long sequences use: once,
    seen at two sizes or more on either side, or before the larger half of the sizes, four at least.
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
    if runs and len(runs[-1]) >= max(4, (len(pairs) + 1) // 2):
        return 0
    found = polynomial([n for n, _ in pairs], [depth for _, depth in pairs])
    return None if found is None else found.degree


def _declared(results: Results, architecture: str, part: str) -> str:
    layer = results.manifest.get("layers", {}).get(architecture, {}).get(part, {})
    return str(layer.get("sequential", ""))


def _rows(frame: pd.DataFrame, architecture: str, part: str) -> pd.DataFrame:
    """Return the counts of one layer; of one with a window, over sequences that do not fit into two."""
    rows = frame[(frame.architecture == architecture) & (frame.part == part)]
    windows = pd.Series([model.get("window", 0) for model in rows.model], rows.index, dtype=float)
    return rows[rows.n > 2 * windows]


def _layer(architecture: str, part: str, growth: Growth, rows: pd.DataFrame) -> Verdict:
    name = f"{short_name(architecture)}, {part.replace('_', ' ')}"
    words = {1: "grows in proportion to n", 0: "does not grow with n", "log": "grows with log n"}
    claim = CLAIM.part(f".{growth}.{architecture}.{part}", f"{name}: the depth {words[growth]}.")
    ok = rows[rows.status == "ok"].sort_values("n").drop_duplicates("n")
    waiting = sorted({str(status).replace("_", " ") for status in rows.status if status != "ok"})
    sizes = [int(n) for n in ok.n]
    found = {
        when: _growth(sizes, [int(metrics[when]) for metrics in ok.metrics])
        for when in ("forward", "training")
        if len(ok) and all(metrics.get(when) is not None for metrics in ok.metrics)
    }
    if rows.empty:
        return not_measured(claim, f"depth of {name}")
    least = MIN_DOUBLINGS + 1 if growth == "log" else 3
    if waiting or len(sizes) < least or "forward" not in found:
        missing = f"cells {', '.join(waiting)}" if waiting else f"{least} lengths or more"
        return Verdict(
            claim=claim, verdict="inconclusive", missing=f"{name}: {missing}", figure="depth"
        )
    first, last = (int(ok.metrics.iloc[i]["forward"]) for i in (0, -1))
    holds = all(value == growth for value in found.values())
    return Verdict(
        claim=claim,
        verdict="supported" if holds else "refuted",
        effect=f"{name}: {first:,} operators in a row at n = {sizes[0]:,}, {last:,} at "
        f"n = {sizes[-1]:,} ({_words(found)}).",
        effect_value=float(found["forward"]) if isinstance(found["forward"], int) else None,
        evidence=tuple(ok.key),
        figure="depth",
    )


def _growth(sizes: Sequence[int], depths: Sequence[int]) -> Growth | None:
    """Return the exponent, or "log" where later doublings of n add about as much as earlier ones.

    In proportion to n they would add twice as much every time.
    """
    if (exponent := degree(sizes, depths)) is not None:
        return exponent
    doubles = all(after == 2 * before for before, after in pairwise(sizes))
    if len(sizes) < MIN_DOUBLINGS + 1 or not doubles or sorted(depths) != list(depths):
        return None
    half = len(sizes) // 2
    early, late = depths[half] - depths[0], depths[-1] - depths[-1 - half]
    return "log" if 0 < late <= 2 * early else None


def _words(found: dict[str, Growth | None]) -> str:
    """Return "n^1", or "n^1 forward, no polynomial training" where the two differ."""
    named: dict[Growth | None, str] = {None: "no polynomial", "log": "log n"}
    shown = {when: named.get(value, f"n^{value}") for when, value in found.items()}
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    return ", ".join(f"{value} {when}" for when, value in shown.items())
