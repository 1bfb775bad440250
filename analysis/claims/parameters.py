"""Claim C6, the exact half: an attention layer's parameters against length."""

from analysis.claims.base import NOT_MEASURED, Claim, Verdict, not_measured
from analysis.load import Results

CLAIM = Claim(
    id="C6",
    statement="The parameters of an attention layer do not grow with the length. (The other half, that "
    "those of a fully connected layer over all positions do, is not in this report.)",
    topic="Complexity",
    kind="exact",
    how="Number of parameters of a layer of self-attention at every length whose FLOPs were counted, "
    "at one width. Supported when it is the same at all of them. Learned positions, which are no part "
    "of the layer, would be the exception.",
    source="Vaswani et al. 2017, section 3.2",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on the exact half of C6."""
    rows = results.sizes("flops", architecture="transformer", part="attention")
    if rows.empty:
        return not_measured(CLAIM, "layers of self-attention")
    rows = rows[rows.status == "ok"]
    rows = rows.assign(parameters=[theory.get("parameters") for theory in rows.theory])
    rows = rows[rows.parameters.notna()]
    counts = rows.groupby("d").n.nunique()
    if counts.empty or counts.max() < 2:
        return Verdict(
            claim=CLAIM, verdict="inconclusive", missing="parameters at two lengths of one width"
        )
    mine = rows[rows.d == counts.index.to_numpy(float)[counts.to_numpy().argmax()]]
    found = sorted({int(count) for count in mine.parameters})
    first, last = mine.n.min(), mine.n.max()
    shown = " to ".join(f"{count:,}" for count in dict.fromkeys((found[0], found[-1])))
    return Verdict(
        claim=CLAIM,
        verdict="supported" if len(found) == 1 else "refuted",
        effect=f"{shown} parameters at each of {mine.n.nunique()} lengths from {first:,.0f} to "
        f"{last:,.0f}, at d = {mine.d.iloc[0]:,.0f}.",
        effect_value=0.0 if len(found) == 1 else None,
        evidence=tuple(mine.key),
        missing=f"{NOT_MEASURED}: the fully connected layer",
    )
