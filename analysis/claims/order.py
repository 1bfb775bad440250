"""Claim T3: attention without positions knows no order."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.identities import equal_sides, identity_rows
from analysis.claims.paired import setting
from analysis.claims.quality import TOO_SMALL, higher
from analysis.load import Results

TASK = "reversal"
"""The task of order: the answer is the source's symbols, and only their order is asked."""

CLAIM = Claim(
    id="T3",
    statement="Attention ignores order: permute the input, and the outputs are permuted alike.",
    topic="Inside the Transformer",
    kind="measured",
    how="A whole encoder without positions, in float64: states of a permuted source against permuted "
    "states, equal to rounding where those with sinusoidal positions are not (exact); and accuracy on "
    f"{TASK} with sinusoidal positions minus that without, paired by seed. Supported when both hold: "
    f"the interval lies above 0; refuted when it lies below {TOO_SMALL}.",
    source="Vaswani et al. 2017, section 3.5; Lee et al. 2019 (Set Transformer)",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T3."""
    rows = identity_rows(results, "order")
    given, without = (
        setting(
            results,
            f"a Transformer with {words}",
            TASK,
            "transformer",
            partial(_positions, name=name),
        )
        for name, words in (("sinusoidal", "positions"), ("none", "no positions"))
    )
    if rows.empty and without is None:
        return not_measured(CLAIM, "an encoder without positions")
    exact = CLAIM.part(".exact", "Without positions, outputs are permuted as inputs are.", "exact")
    task = CLAIM.part(".task", f"Without positions a Transformer fails at {TASK}.")
    missing = f"a Transformer with and without positions on {TASK}"
    failing = (
        not_measured(task, missing)
        if given is None or without is None
        else higher(task, given, without, f"On {TASK}")
    )
    return every(CLAIM, (equal_sides(exact, rows), failing))


def _positions(model: Mapping[str, Any], *, name: str) -> bool:
    return bool(model.get("positions", "sinusoidal") == name)
