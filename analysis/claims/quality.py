"""Decide that one setting of training scores higher than another, paired by seed."""

from typing import Any

import numpy as np

from analysis.claims.base import Claim, Verdict
from analysis.claims.decide import mean_beyond
from analysis.claims.paired import Setting, pairs, set_aside, to_show
from analysis.statistics import MIN_PAIRED_SEEDS

TOO_SMALL = 0.02
"""A gain in score below this does not matter: an interval wholly below it refutes a gain."""


def higher(claim: Claim, one: Setting, other: Setting, where: str, **about: Any) -> Verdict:
    """Return the verdict on "``one`` scores higher than ``other``" on the test set.

    Supported when the interval of the difference over converged pairs lies above 0, refuted when it
    lies below TOO_SMALL.
    """
    known = pairs(one, other)
    shown, caveat = to_show(one, other)
    effect = ""
    if shown:
        a, b = (float(np.mean([run.score for run in runs])) for runs in zip(*shown, strict=True))
        effect = (
            f"{caveat}{where}, {one.name} scores {a:.2f} and {other.name} {b:.2f}: a difference of "
            f"{a - b:+.2f}."
        )
    return mean_beyond(
        claim,
        [a.score - b.score for a, b in known],
        bound=0.0,
        refuted_at=TOO_SMALL,
        minimum=MIN_PAIRED_SEEDS,
        blockers=(*one.unfinished, *other.unfinished),
        effect=(effect + set_aside((one, other))).strip(),
        evidence=tuple(run.key for pair in (known or shown) for run in pair),
        **about,
    )
