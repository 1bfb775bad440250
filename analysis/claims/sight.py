"""Claims L9 and L10: a window that grows with the layers, and nothing beyond it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond, mean_within
from analysis.load import Results, chosen
from analysis.reach import Encoder, Run, encoders, sight
from analysis.statistics import MIN_SEEDS
from analysis.wording import listed, number, plural

FIGURE = "accuracy_by_offset"

AT_CHANCE = 0.02
"""Accuracy that may differ from chance without calling it an answer."""

NOT_LEARNED = "what is seen was not learned at this budget, which says nothing of how far is seen"

_HOW = (
    "a position is asked for the symbol k places to its right. Supported when the interval of the "
    f"accuracy beyond the receptive field lies within {AT_CHANCE} of chance (converged seeds), and "
    f"that inside more than {AT_CHANCE} above it, for every encoder trained. Inside but at chance is a "
    "limit of training, no refutation; the farthest offset inside stands beside, since what is seen by "
    "one path alone is learned last (Luo et al. 2016)."
)

L9 = Claim(
    id="L9",
    statement="A convolution of kernel k needs n/k layers to connect two positions, or log_k n if it "
    "is dilated.",
    topic="Long-range",
    kind="measured",
    how="Support of the Jacobian of whole encoders, by kernel size and layers: L·(k − 1)/2 positions "
    f"to either side, with gaps (kᴸ − 1)/2 (exact). And accuracy around that distance: {_HOW}",
    source="Vaswani et al. 2017, section 4; Kalchbrenner et al. 2016",
)
L10 = Claim(
    id="L10",
    statement="Self-attention restricted to a window of r trades a path of n/r for its lower cost.",
    topic="Long-range",
    kind="measured",
    how="Support of the Jacobian of whole encoders, by window and layers: L·(r − 1)/2 positions to "
    f"either side (exact). And accuracy around that distance: {_HOW} Counted FLOPs of a layer, without "
    "restriction and with it, stand beside.",
    source="Vaswani et al. 2017, table 1 and section 4",
)


def convolution(results: Results) -> Verdict:
    """Return the verdict on L9."""
    kinds = (
        ("contiguous", "Contiguous convolutions see L·(k − 1)/2 positions to a side.", False),
        ("dilated", "Dilated ones see (kᴸ − 1)/2.", True),
    )
    exact = [
        _supports(L9.part(f".field.{name}", text, "exact"), results, "conv", gaps)
        for name, text, gaps in kinds
    ]
    return _together(L9, results, "conv", exact)


def restricted(results: Results) -> Verdict:
    """Return the verdict on L10."""
    part = L10.part(".field", "A window of r sees L·(r − 1)/2 positions to a side.", "exact")
    exact = [_supports(part, results, "local_transformer", None), _cost(results)]
    return _together(L10, results, "local_transformer", exact)


def _together(claim: Claim, results: Results, architecture: str, exact: Sequence[Verdict]) -> Verdict:
    trained = [one for one in encoders(results) if one.architecture == architecture]
    if not trained and not any(part.evidence for part in exact):
        return not_measured(claim, f"receptive fields of {architecture}, and accuracy by offset")
    parts = list(exact)
    for place, encoder in enumerate(trained, start=1):
        parts += _around(claim, encoder, f".{place}")
    if not trained:
        parts.append(not_measured(claim.part(".accuracy", "Accuracy by offset."), "accuracy by offset"))
    return every(claim, parts, figure=FIGURE)


def _supports(claim: Claim, results: Results, architecture: str, gaps: bool | None) -> Verdict:
    """Return whether every measured support is what the formula says, over several layers."""
    rows = results.measured("receptive_field")
    rows = rows[rows.architecture == architecture]
    if gaps is not None:
        rows = chosen(rows, "model", lambda model: bool(model.get("dilated")) == gaps)
    ok = rows[rows.status == "ok"]
    waiting = sorted({str(status).replace("_", " ") for status in rows.status if status != "ok"})
    layers = {int(model.get("layers", 0)) for model in ok.model}
    if waiting or len(layers) < 2:
        missing = f"cells {', '.join(waiting)}" if waiting else "receptive fields at several depths"
        return Verdict(claim=claim, verdict="inconclusive", missing=missing, evidence=tuple(rows.key))
    formula = [sight(architecture, model)[0] or 0 for model in ok.model]
    wrong = [
        f"{metrics['reach']} instead of {number(side)}"
        for metrics, side in zip(ok.metrics, formula, strict=True)
        if metrics["reach"] != side or metrics["positions"] != side + 1
    ]
    stacks = plural(len(ok), "stack")
    shown = f"at {len(wrong)} of {stacks} ({wrong[0]})" if wrong else f"at all {stacks}"
    deep = int(np.argmax(formula))
    depth = plural(int(ok.model.iloc[deep].get("layers", 0)), "layer")
    return Verdict(
        claim=claim,
        verdict="refuted" if wrong else "supported",
        effect=f"The formula {'fails' if wrong else 'holds'} {shown}, up to {number(formula[deep])} "
        f"positions to a side over {depth}.",
        effect_value=float(len(wrong)),
        evidence=tuple(ok.key),
        figure="receptive_field",
    )


def _around(claim: Claim, encoder: Encoder, suffix: str) -> Iterator[Verdict]:
    """Yield the parts on accuracy beyond and inside the receptive field of one encoder."""
    inside, beyond = encoder.inside, encoder.beyond
    words = encoder.label
    if not encoder.runs or not inside or not beyond:
        part = claim.part(suffix, f"{words}: chance beyond what it sees, above chance inside.")
        missing = encoder.unfinished or (f"{words}: offsets inside and beyond",)
        yield Verdict(claim=part, verdict="inconclusive", missing="; ".join(missing))
        return
    converged = [run for run in encoder.runs if run.converged]
    yield mean_within(
        claim.part(f"{suffix}.beyond", f"{words}: chance {_at(beyond)}, beyond what it sees."),
        [_gain(run, beyond) for run in converged],
        low=-AT_CHANCE,
        high=AT_CHANCE,
        **_about(encoder, converged, beyond),
    )
    yield _learned(
        mean_beyond(
            claim.part(f"{suffix}.inside", f"{words}: above chance {_at(inside)}, inside."),
            [_gain(run, inside) for run in encoder.runs],
            bound=AT_CHANCE,
            **_about(encoder, encoder.runs, inside),
        )
    )
    edge = inside[-1:]
    yield _learned(
        mean_beyond(
            claim.part(f"{suffix}.edge", f"{words}: above chance {_at(edge)}, the farthest it sees."),
            [_gain(run, edge) for run in encoder.runs],
            bound=AT_CHANCE,
            decides=False,
            **_about(encoder, encoder.runs, edge),
        )
    )


def _about(encoder: Encoder, used: Sequence[Run], offsets: Sequence[int]) -> Mapping[str, Any]:
    shown = used or encoder.runs
    caveat = "" if used else "Over seeds that had not converged: "
    accuracy = float(np.mean([run.mean(offsets) for run in shown]))
    unconverged = sum(not run.converged for run in encoder.runs)
    left = f" Unconverged, which is not incapable: {unconverged} of {len(encoder.runs)}."
    return {
        "minimum": MIN_SEEDS,
        "blockers": encoder.unfinished,
        "effect": f"{caveat}{encoder.label}: accuracy {accuracy:.2f} {_at(offsets)} (chance "
        f"{shown[0].chance:.2f}).{left if unconverged else ''}",
        "evidence": tuple(run.key for run in shown),
        "figure": FIGURE,
    }


def _gain(run: Run, offsets: Sequence[int]) -> float:
    return run.mean(offsets) - run.chance


def _at(offsets: Sequence[int]) -> str:
    return f"at offset{'s' if len(offsets) > 1 else ''} {listed(str(offset) for offset in offsets)}"


def _learned(found: Verdict) -> Verdict:
    """Return a verdict that does not take what was not learned for what cannot be seen."""
    if found.verdict == "refuted":
        return replace(found, verdict="inconclusive", missing=NOT_LEARNED)
    return found


def _cost(results: Results) -> Verdict:
    """Return how the counted FLOPs of a layer fall with the window: exact, beside."""
    claim = L10.part(".cost", "A window costs less than attention to all positions.", "exact")
    rows = results.sizes("flops", architecture="local_transformer", part="local_attention")
    rows = rows[rows.status == "ok"]
    reach = [model.get("window", 33) // 2 for model in rows.model]
    rows = rows.assign(reach=np.array(reach, dtype=int))
    full = rows[rows.reach >= rows.n]
    both = rows[rows.reach < rows.n].merge(full, on=["n", "d", "batch"], suffixes=("", "_full"))
    if both.empty:
        missing = "FLOPs of a layer with a window, and without restriction"
        return Verdict(claim=claim, verdict="inconclusive", missing=missing, decides=False)
    both = both.assign(ratio=both.value / both.value_full).sort_values(["n", "reach"])
    shown = both[both.n == both.n.max()]
    told = listed(
        f"{ratio:.3f} (r = {2 * reach + 1})"
        for ratio, reach in zip(shown.ratio, shown.reach, strict=True)
    )
    return Verdict(
        claim=claim,
        verdict="supported" if (both.ratio < 1).all() else "refuted",
        effect=f"Of the FLOPs of a self-attention layer at n = {number(shown.n.iloc[0])}, d = "
        f"{number(shown.d.iloc[0])}, projections included, a window leaves {told}.",
        effect_value=float(shown.ratio.iloc[0]),
        evidence=tuple(dict.fromkeys([*both.key, *both.key_full])),
        figure="flops",
        decides=False,
    )
