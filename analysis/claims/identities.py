"""Claims T2, T8 and T13: what is true of attention to the last digit, or to the third."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Outcome, Verdict, not_measured
from analysis.load import Results, chosen

ROUNDING = 1e-12
"""Difference that float64 arithmetic may leave, relative to the size of what is compared."""

TELLING = 1e-3
"""What the control must differ by, likewise: else the comparison could not have failed."""

CLOSE = 1e-3
PUBLISHED = {"softmax": (4.5e-5, 0.9933, 0.0067), "softmax_scaled": (0.157, 0.549, 0.294)}
"""softmax of (40, 50, 45), and of the same divided by 8, to three or four digits."""

SATURATED = 0.99
"""Probability of one key from which a softmax is called saturated."""

T2 = Claim(
    id="T2",
    statement="softmax(40, 50, 45) is saturated; softmax of the same scores divided by 8 = √64 is not.",
    topic="Inside the Transformer",
    kind="exact",
    how="Attention over three keys whose products with the query are 40, 50 and 45, with d_k = 64, "
    "without the scale and with it. Supported when the weights equal (4.5e-5, 0.9933, 0.0067) and "
    f"(0.157, 0.549, 0.294) to {CLOSE:g}, and only the first have one of {SATURATED} or more.",
    source="Vaswani et al. 2017, section 3.2.1",
)
T8 = Claim(
    id="T8",
    statement="Setting masked scores to −∞ is the same as setting their weights to zero and dividing "
    "the rest by their sum.",
    topic="Inside the Transformer",
    kind="exact",
    how="Both, in float64, over random sequences with padding and a causal mask: scores at −∞, this "
    "repository’s mask, and the outputs of the explicit and the fused kernel. Supported when they are "
    "equal to rounding and weights that are not divided are not.",
    source="Vaswani et al. 2017, section 3.2.3",
)
T13 = Claim(
    id="T13",
    statement="One projection whose output is split into heads is the same as a projection of its own "
    "for each head.",
    topic="Inside the Transformer",
    kind="exact",
    how="Both, in float64, on random input with random weights and biases, for both kernels. Supported "
    "when they are equal to rounding and heads that are put together in another order are not.",
    source="Vaswani et al. 2017, section 3.2.2",
)


def numbers(results: Results) -> Verdict:
    """Return the verdict on T2."""
    rows = identity_rows(results, "numbers")
    ok = rows[rows.status == "ok"]
    if ok.empty:
        return _without(T2, rows, "softmax of three scores")
    metrics = ok.metrics.iloc[0]
    equal = all(
        np.allclose(metrics[name], values, rtol=0, atol=CLOSE) for name, values in PUBLISHED.items()
    )
    peaks = {name: max(metrics[name]) for name in PUBLISHED}
    told = peaks["softmax"] >= SATURATED > peaks["softmax_scaled"]
    plain, scaled = (
        ", ".join(f"{value:.2g}" if value < 1e-3 else f"{value:.4f}" for value in metrics[name])
        for name in PUBLISHED
    )
    ratio = metrics["jacobian_scaled"] / metrics["jacobian"] if metrics["jacobian"] else float("inf")
    return Verdict(
        claim=T2,
        verdict="supported" if equal and told else "refuted",
        effect=f"({plain}) without the scale and ({scaled}) with it; the gradient through the softmax "
        f"is {ratio:.0f} times as large with it.",
        effect_value=peaks["softmax"],
        evidence=tuple(ok.key),
    )


def masking(results: Results) -> Verdict:
    """Return the verdict on T8."""
    return equal_sides(T8, identity_rows(results, "masking"))


def heads(results: Results) -> Verdict:
    """Return the verdict on T13."""
    return equal_sides(T13, identity_rows(results, "heads"))


def identity_rows(results: Results, name: str) -> pd.DataFrame:
    """Return the cells of measure ``identity`` that compute one statement."""
    return chosen(results.measured("identity"), "options", lambda options: options.get("of") == name)


def equal_sides(claim: Claim, rows: pd.DataFrame) -> Verdict:
    """Return whether both sides agree to rounding in every cell, where a control does not."""
    ok = rows[rows.status == "ok"]
    if ok.empty:
        return _without(claim, rows, "both sides of it")
    found = pd.DataFrame(list(ok.metrics), columns=["difference", "size", "control"]).astype(float)
    relative, control = found.difference / found["size"], found.control / found["size"]
    blind = bool((control < TELLING).any())
    outcome: Outcome = "supported" if (relative <= ROUNDING).all() else "refuted"
    waiting = len(rows) - len(ok)
    missing = []
    if outcome == "supported" and blind:
        missing.append("a control that differs: the comparison could not have failed")
    if outcome == "supported" and waiting:
        missing.append(f"cells {_statuses(rows)}")
    return Verdict(
        claim=claim,
        verdict="inconclusive" if missing else outcome,
        effect=f"The largest relative difference is {relative.max():.1g} over {len(ok)} "
        f"{'cells' if len(ok) > 1 else 'cell'}; that of the control is at least {control.min():.1g}.",
        effect_value=float(relative.max()),
        evidence=tuple(ok.key),
        missing="; ".join(missing),
    )


def _without(claim: Claim, rows: pd.DataFrame, what: str) -> Verdict:
    if rows.empty:
        return not_measured(claim, what)
    return Verdict(claim=claim, verdict="inconclusive", missing=f"cells {_statuses(rows)}")


def _statuses(rows: pd.DataFrame) -> str:
    states: Sequence[str] = sorted({str(status) for status in rows.status if status != "ok"})
    return ", ".join(state.replace("_", " ") for state in states)
