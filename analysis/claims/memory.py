"""Claim C5: memory of attention against length, by kernel."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.slopes import CLOSE, memory_growth
from analysis.fits import exponents
from analysis.load import Results

CLAIM = Claim(
    id="C5",
    statement="Attention needs memory that grows with the square of the length.",
    topic="Complexity",
    kind="measured",
    how="Exponent in n of the peak memory of one training step of a layer of self-attention, over the "
    "largest three lengths, with explicit scores and with the fused kernel. Supported when it is 2 "
    f"(±{CLOSE}) with both; refuted where a kernel does without.",
    source="Vaswani et al. 2017; against it Rabe and Staats 2021, Dao et al. 2022",
)

QUADRATIC = 2.0


def verdict(results: Results) -> Verdict:
    """Return the verdict on C5."""
    parts = []
    for part in ("attention", "scores"):
        for series in exponents(results, "memory", "n", architecture="transformer", part=part):
            if series.attention not in ("explicit", "fused"):
                continue
            claim = CLAIM.part(
                f".{part}.{series.attention}",
                f"{part.capitalize()} with the {series.attention} kernel: quadratic in n.",
            )
            parts.append(memory_growth(claim, series, QUADRATIC, decides=part == "attention"))
    parts = [_with_control(part, parts) for part in parts]
    measured = {part.claim.id for part in parts}
    wanted = {kernel: f"{CLAIM.id}.attention.{kernel}" for kernel in ("explicit", "fused")}
    absent = [kernel for kernel, id_ in wanted.items() if id_ not in measured]
    if len(absent) == len(wanted):
        return not_measured(CLAIM, "memory of self-attention by kernel")
    for kernel in absent:
        claim = CLAIM.part(f".attention.{kernel}", f"Attention with the {kernel} kernel.")
        parts.append(not_measured(claim, f"memory with the {kernel} kernel"))
    return every(CLAIM, parts, figure="memory")


def _with_control(part: Verdict, parts: Sequence[Verdict]) -> Verdict:
    """Let a fused kernel refute only where explicit scores show the square at these lengths."""
    layer, _, kernel = part.claim.id.rpartition(".")
    if kernel != "fused" or part.verdict != "refuted":
        return part
    control = next((other for other in parts if other.claim.id == f"{layer}.explicit"), None)
    if control is not None and control.verdict == "supported":
        return part
    missing = "lengths at which explicit scores show the square, to hold the fused kernel against"
    return replace(part, verdict="inconclusive", missing=missing)
