"""BLEU and chrF of a corpus from the statistics of its sentences, added up. Needs no texts.

``bleu`` and ``chrf`` call sacreBLEU's own formulas (Post 2018), so that a score from added statistics
is sacreBLEU's score of the texts to the last digit. ``bleu_of`` and ``chrf_of`` compute the same for
thousands of resampled corpora at once.

R resampled corpora, N sentences.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

BLEU_ORDERS = 4
CHRF_ORDERS = 6
CHRF_BETA = 2.0
BLEU_SUMS = 2 + 2 * BLEU_ORDERS
"""System length, reference length, correct 1- to 4-grams, total 1- to 4-grams."""
CHRF_SUMS = 3 * CHRF_ORDERS
"""For each order 1 to 6: n-grams of the hypothesis, of the reference, in both."""

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Name = Literal["bleu", "chrf"]


def bleu(sums: Counts) -> float:
    """Return BLEU (Papineni et al. 2002), 0 to 100, with sacreBLEU's default smoothing ``exp``.

    ``sums`` is (10,): one corpus' statistics. Raises ValueError for another shape.
    """
    _check(sums, BLEU_SUMS, 1)
    return float(_sacrebleu("BLEU")._compute_score_from_stats(sums.tolist()).score)


def chrf(sums: Counts) -> float:
    """Return chrF2 (Popović 2015), 0 to 100, of 6 character orders and no words.

    ``sums`` is (18,): one corpus' statistics. Raises ValueError for another shape.
    """
    _check(sums, CHRF_SUMS, 1)
    return float(_sacrebleu("CHRF")._compute_score_from_stats(sums.tolist()).score)


def sentence_chrf(output: str, reference: str) -> float:
    """Return chrF2 of one sentence: where systems differ most, not how good they are."""
    return float(_sacrebleu("CHRF").sentence_score(output, [reference]).score)


def bleu_of(sums_R10: Floats) -> Floats:
    """Return BLEU (R,) of R corpora at once: what ``bleu`` returns of each, to rounding."""
    _check(sums_R10, BLEU_SUMS, 2)
    system, reference = sums_R10[:, 0], sums_R10[:, 1]
    correct = sums_R10[:, 2 : 2 + BLEU_ORDERS]
    total = sums_R10[:, 2 + BLEU_ORDERS :]
    with np.errstate(divide="ignore", invalid="ignore"):
        penalty = np.where(system < reference, np.exp(1 - reference / system), 1.0)
        # an order without a match counts as 1/2, the next one as 1/4 ... (mteval-v13a)
        halvings = np.cumsum(correct == 0, axis=1)
        precision = np.where(correct == 0, 0.5**halvings, correct) / total
        score = 100 * penalty * np.exp(np.log(precision).mean(axis=1))
    scored = correct.any(axis=1) & (total > 0).all(axis=1)
    return np.where(scored, score, 0.0)


def chrf_of(sums_R18: Floats) -> Floats:
    """Return chrF2 (R,) of R corpora at once: what ``chrf`` returns of each, to rounding."""
    _check(sums_R18, CHRF_SUMS, 2)
    parts = sums_R18.reshape(len(sums_R18), CHRF_ORDERS, 3)
    system, reference, matching = parts[..., 0], parts[..., 1], parts[..., 2]
    there = (system > 0) & (reference > 0)  # an order that one side is too short for counts nowhere
    orders = np.maximum(there.sum(axis=1), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(there, matching / system, 0.0).sum(axis=1) / orders
        recall = np.where(there, matching / reference, 0.0).sum(axis=1) / orders
        factor = CHRF_BETA**2
        score = 100 * (1 + factor) * precision * recall / (factor * precision + recall)
    return np.where(precision + recall > 0, score, 0.0)


@dataclass(frozen=True)
class Score:
    """A corpus score: of one corpus exactly, and of many at once."""

    name: Name
    label: str
    sums: int
    one: Callable[[Counts], float]
    many: Callable[[Floats], Floats]


BLEU = Score("bleu", "BLEU", BLEU_SUMS, bleu, bleu_of)
CHRF = Score("chrf", "chrF", CHRF_SUMS, chrf, chrf_of)


@cache
def _sacrebleu(metric: str) -> Any:
    """Return sacreBLEU's metric with its defaults; imported when first needed: it takes a moment."""
    from sacrebleu import metrics

    return getattr(metrics, metric)()


def _check(sums: NDArray[Any], width: int, dimensions: int) -> None:
    if sums.ndim != dimensions or sums.shape[-1] != width:
        raise ValueError(f"statistics of shape {sums.shape}: {width} sums are needed")
