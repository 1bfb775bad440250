"""The FLOPs of one layer as an exact sum of n·d² and n²·d, from counts alone."""

from dataclasses import dataclass
from fractions import Fraction

import pandas as pd

from analysis.load import Results
from analysis.polynomials import Polynomial, Terms, polynomial, terms
from analysis.style import short_name


@dataclass(frozen=True)
class Counts:
    """What was counted of one layer: over n at one width, and over the width at one n."""

    architecture: str
    part: str
    in_n: Polynomial | None  # through all counts, checked or not
    in_d: Polynomial | None
    terms: Terms | None  # on which the two agree; None: they are no such sum
    keys: tuple[str, ...]
    unfinished: tuple[str, ...]

    @property
    def name(self) -> str:
        """The layer in words."""
        return layer_name(self.architecture, self.part)

    def flops(self, n: float, d: float) -> float:
        """Return the FLOPs of one example by the sum that was found."""
        return sum(float(c) * n**i * d**j for (i, j), c in (self.terms or {}).items())


def layer_name(architecture: str, part: str) -> str:
    """Return "Transformer, scores"."""
    return f"{short_name(architecture)}, {part.replace('_', ' ')}"


def layer_counts(results: Results, architecture: str, part: str) -> Counts | None:
    """Return the counts of one layer, or None if none was planned."""
    rows = results.sizes("flops", architecture=architecture, part=part)
    if rows.empty:
        return None
    ok = rows[rows.status == "ok"]
    in_n, d = _sweep(ok, "n", "d")
    in_d, n = _sweep(ok, "d", "n")
    found = terms(in_n, d, in_d, n) if in_n is not None and in_d is not None else None
    unfinished = rows[rows.status != "ok"]
    return Counts(
        architecture=architecture,
        part=part,
        in_n=in_n,
        in_d=in_d,
        terms=found,
        keys=tuple(ok.key),
        unfinished=tuple(
            f"FLOPs at n = {row.n:g}, d = {row.d:g}: {str(row.status).replace('_', ' ')}"
            for row in unfinished.itertuples()
        ),
    )


def _sweep(rows: pd.DataFrame, over: str, fixed: str) -> tuple[Polynomial | None, int]:
    """Return the polynomial over one size, where the other is fixed at its value with most sizes."""
    if rows.empty:
        return None, 0
    counts = rows.groupby(fixed)[over].nunique()
    value = int(counts.index.to_numpy(float)[counts.to_numpy().argmax()])
    mine = rows[rows[fixed] == value]
    flops = [
        Fraction(int(metrics["forward"]), int(batch))
        for metrics, batch in zip(mine.metrics, mine.batch, strict=True)
    ]
    return polynomial([int(size) for size in mine[over]], flops, checked=False), value
