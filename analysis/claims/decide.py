"""Decide a measured claim about a mean: enough points, all of the interval on one side, and a test."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.claims.base import Claim, Outcome, Verdict
from analysis.statistics import (
    MIN_ROUNDS,
    Covers,
    mean_interval,
    sign_flip_test,
    smallest_detectable,
    student_test,
)


def mean_beyond(
    claim: Claim,
    values: Sequence[float],
    *,
    bound: float,
    refuted_at: float | None = None,
    below: bool = False,
    covers: Covers = "seeds",
    minimum: int = MIN_ROUNDS,
    blockers: Sequence[str] = (),
    **about: Any,
) -> Verdict:
    """Return the verdict on "the mean of ``values`` is above ``bound``" (``below``: below it).

    Supported when the whole interval is beyond ``bound``, refuted when the whole interval is on the
    other side of ``refuted_at`` (``bound`` itself by default; further towards the claim it is an
    equivalence margin: an effect too small to matter). Fewer than ``minimum`` values, or anything in
    ``blockers``, leave it inconclusive with the effect so far.
    """
    limit = bound if refuted_at is None else refuted_at
    interval = mean_interval(values, covers)
    outcome: Outcome = "inconclusive"
    null = bound
    if interval is not None:
        if interval.high < bound if below else interval.low > bound:
            outcome = "supported"
        elif interval.low > limit if below else interval.high < limit:
            outcome, null = "refuted", limit
    test = student_test if covers == "rounds" else sign_flip_test
    p_value = test(values, null) if len(values) > 1 else None
    missing = list(blockers)
    if len(values) < minimum:
        short = minimum - len(values)
        missing.append(
            f"{short} more {covers if short > 1 else covers.removesuffix('s')}"
            f" ({len(values)} of {minimum})"
        )
    if missing:
        outcome = "inconclusive"
    elif outcome == "inconclusive":
        missing.append(f"the interval leaves it open ({interval})")
    seeds = covers == "seeds"
    return Verdict(
        claim=claim,
        verdict=outcome,
        effect_value=float(np.mean(values)) if len(values) else None,
        interval=interval,
        seeds=len(values) if seeds else None,
        needed_seeds=minimum if seeds else None,
        smallest_detectable=smallest_detectable(values, max(minimum, len(values))),
        p_value=p_value,
        missing="; ".join(missing),
        **about,
    )


def mean_within(
    claim: Claim,
    values: Sequence[float],
    *,
    low: float,
    high: float,
    covers: Covers = "seeds",
    minimum: int = MIN_ROUNDS,
    blockers: Sequence[str] = (),
    **about: Any,
) -> Verdict:
    """Return the verdict on "the mean of ``values`` lies from ``low`` to ``high``".

    Supported when the whole interval does (two one-sided tests), refuted when none of it does.
    """
    above = mean_beyond(
        claim, values, bound=low, covers=covers, minimum=minimum, blockers=blockers, **about
    )
    below = mean_beyond(
        claim,
        values,
        bound=high,
        below=True,
        covers=covers,
        minimum=minimum,
        blockers=blockers,
        **about,
    )
    sides = (above, below)
    p_values = [side.p_value for side in sides if side.p_value is not None]
    refuted = next((side for side in sides if side.verdict == "refuted"), None)
    if refuted is not None:
        return refuted
    worse = next((side for side in sides if side.verdict != "supported"), above)
    return replace(worse, p_value=max(p_values, default=None))
