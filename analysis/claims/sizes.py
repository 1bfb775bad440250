"""Claim T12: bigger models."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from analysis.ablation import Ablation, Row, ablations
from analysis.claims.ablation_scores import mean_score, percent_or_bleu, set_aside, where
from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.load import Results
from analysis.pairing import pairs
from analysis.statistics import MIN_PAIRED_SEEDS

DIALS = {"layers": "layers", "width": "width", "feedforward": "feed-forward width"}

CLAIM = Claim(
    id="T12",
    statement="Bigger models are better, all the way.",
    topic="Inside the Transformer",
    kind="measured",
    how="Layers, width and feed-forward width, each over three sizes with all else equal, after equal "
    "steps on the same batches (equal epochs), paired by seed. Supported when for each of them the "
    "score of the larger of two neighbours minus that of the smaller has an interval above −0.02 "
    "(BLEU: −1), and that of the largest minus the smallest an interval above 0; refuted when an "
    "interval between neighbours lies below −0.02, or that of the ends below 0.02. Runs that had not "
    "converged count: the sentence is about equal training.",
    source="Vaswani et al. 2017, table 3 (C)",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T12."""
    parts: list[Verdict] = []
    for place, ablation in enumerate(ablations(results)):
        suffix = f".{place}" if place else ""
        for option, words in DIALS.items():
            sizes = ablation.along(option)
            if len(sizes) > 2:
                parts += _steps(ablation, option, words, sizes, suffix)
                parts.append(_ends(ablation, option, words, sizes, suffix))
    if not parts:
        return not_measured(CLAIM, "Transformers of three sizes with all else equal")
    return every(CLAIM, parts, effect=" ".join(p.effect for p in parts if ".ends" in p.claim.id))


def _steps(ablation: Ablation, option: str, words: str, sizes: list[Row], suffix: str) -> list[Verdict]:
    """Return the parts on neighbouring sizes."""
    found = []
    for small, large in pairwise(sizes):
        low, high = small.options[option], large.options[option]
        part = CLAIM.part(
            f".{option}.{low}-{high}{suffix}", f"From {words} {low} to {high} the score does not drop."
        )
        told = f"{words[0].upper()}{words[1:]} {high} against {low}"
        found.append(_difference(part, ablation, large, small, told, bound=-ablation.margin))
    return found


def _ends(ablation: Ablation, option: str, words: str, sizes: list[Row], suffix: str) -> Verdict:
    """Return the part on the smallest and the largest size."""
    part = CLAIM.part(f".{option}.ends{suffix}", f"The largest {words} beats the smallest.")
    known = [pairs(row, sizes[0], converged=False) for row in sizes]
    means = [mean_score([run for run, _ in one]) for one in known if one]
    told = ", ".join(
        f"{percent_or_bleu(ablation, mean)} at {row.options[option]}"
        for mean, row in zip(means, sizes, strict=False)
    )
    effect = f"{where(ablation)}, by {words}: {told}." if len(means) == len(sizes) else ""
    found = _difference(part, ablation, sizes[-1], sizes[0], "", bound=0.0, refuted_at=ablation.margin)
    return replace(found, effect=(effect + set_aside(sizes)).strip())


def _difference(
    part: Claim, ablation: Ablation, large: Row, small: Row, told: str, **bounds: Any
) -> Verdict:
    known = pairs(large, small, converged=False)
    gains = [a.score - b.score for a, b in known]
    effect = ""
    if gains and told:
        gain = percent_or_bleu(ablation, float(np.mean(gains)), signed=True)
        effect = f"{told}: {gain}.{set_aside((small, large))}"
    return mean_beyond(
        part,
        gains,
        minimum=MIN_PAIRED_SEEDS,
        blockers=(*large.unfinished, *small.unfinished),
        effect=effect,
        evidence=tuple(run.key for pair in known for run in pair),
        **bounds,
    )
