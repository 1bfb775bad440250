"""Claim D3: pretrained word vectors help, most of all where few data are labelled."""

from dataclasses import replace
from typing import Any

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.paired import Setting
from analysis.claims.quality import TOO_SMALL, higher
from analysis.load import Results
from analysis.pretraining import DENOISING, NOTHING, STARTS, VECTORS, FewLabels, few_labels
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import short_name
from analysis.wording import percent

CLAIM = Claim(
    id="D3",
    statement="Pretrained word vectors help, most of all with little data.",
    topic="Training and decoding",
    kind="measured",
    how="Documents are classified with labels for 1, 10 and 100 % of the training documents, the "
    "source embedding starting from word vectors and from random numbers, all else equal, pairs of the "
    "same seed. Supported when, for each architecture, the interval of the difference at the smallest "
    "share lies above 0, and so does that of the difference there minus the difference at the largest "
    f"share; refuted when one of them lies below {TOO_SMALL}. The other shares, and pretraining by "
    "denoising, are shown beside.",
    source="Mikolov et al. 2013; Pennington, Socher and Manning 2014; Qi et al. 2018",
)
FIGURE = "pretraining"


def verdict(results: Results) -> Verdict:
    """Return the verdict on D3."""
    found = few_labels(results)
    if found is None or not found.vectors or len(found.shares) < 2:
        return not_measured(CLAIM, "training with and without word vectors on several shares of labels")
    parts = [part for name in found.architectures for part in _parts(found, name)]
    return every(CLAIM, parts, figure=FIGURE)


def _parts(found: FewLabels, architecture: str) -> list[Verdict]:
    smallest, largest = found.shares[0], found.shares[-1]
    name = short_name(architecture)
    parts = [
        _helps(found, architecture, VECTORS, smallest, decides=True),
        _most(found, architecture, smallest, largest),
        *(_helps(found, architecture, VECTORS, share, decides=False) for share in found.shares[1:]),
    ]
    for share in found.shares:
        if found.runs(architecture, DENOISING, share, name) is not None:
            parts.append(_helps(found, architecture, DENOISING, share, decides=False))
    return parts


def _named(architecture: str, start: str) -> str:
    return f"the {short_name(architecture)} {STARTS[start]}"


def _helps(found: FewLabels, architecture: str, start: str, share: float, *, decides: bool) -> Verdict:
    """Return the verdict on "starting so scores higher than starting from nothing" at one share."""
    claim = CLAIM.part(
        f".{architecture}.{start}.{share:g}",
        f"Starting {STARTS[start]} helps the {short_name(architecture)} with {percent(share, 0)} of "
        "the labels.",
    )
    one, other = (
        found.runs(architecture, kind, share, _named(architecture, kind)) for kind in (start, NOTHING)
    )
    if one is None or other is None:
        missing = not_measured(claim, f"{_named(architecture, start)} and {STARTS[NOTHING]}")
        return replace(missing, decides=decides)
    return higher(
        claim,
        one,
        other,
        f"With labels for {percent(share, 0)} of the documents",
        figure=FIGURE,
        decides=decides,
    )


def _most(found: FewLabels, architecture: str, smallest: float, largest: float) -> Verdict:
    """Return the verdict on "the difference is larger at the smallest share than at the largest"."""
    claim = CLAIM.part(
        f".{architecture}.most", f"They help the {short_name(architecture)} most with little data."
    )
    four = [
        found.runs(architecture, start, share, f"{_named(architecture, start)} at {percent(share, 0)}")
        for share in (smallest, largest)
        for start in (VECTORS, NOTHING)
    ]
    settings = [one for one in four if one is not None]
    if len(settings) < len(four):
        return not_measured(claim, f"{_named(architecture, VECTORS)} at every share")
    known = _differences(settings, converged=True)
    shown = known or _differences(settings, converged=False)
    effect = ""
    if shown:
        little, all_ = (float(np.mean(values)) for values in zip(*shown.values(), strict=True))
        caveat = "" if known else "Over seeds that had not all converged: "
        effect = (
            f"{caveat}The {short_name(architecture)} gains {little:+.2f} with {percent(smallest, 0)} "
            f"of the labels and {all_:+.2f} with {percent(largest, 0)}."
        )
    about: dict[str, Any] = {
        "effect": effect,
        "evidence": tuple(one.runs[seed].key for seed in shown for one in settings),
        "figure": FIGURE,
    }
    return mean_beyond(
        claim,
        [little - all_ for little, all_ in known.values()],
        bound=0.0,
        refuted_at=TOO_SMALL,
        minimum=MIN_PAIRED_SEEDS,
        blockers=[text for one in settings for text in one.unfinished],
        **about,
    )


def _differences(settings: list[Setting], *, converged: bool) -> dict[int, tuple[float, float]]:
    """Return seed -> what vectors gain at the smallest share and at the largest."""
    seeds = sorted(set.intersection(*(set(one.runs) for one in settings)))
    found = {}
    for seed in seeds:
        runs = [one.runs[seed] for one in settings]
        if converged and not all(run.converged for run in runs):
            continue
        found[seed] = (runs[0].score - runs[1].score, runs[2].score - runs[3].score)
    return found
