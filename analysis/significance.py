"""Is one system's corpus score above another's? Tests over sentences, which re-add statistics.

Both tests take systems on the same sentences, and draw in one fixed order from a fixed seed, the same
as sacreBLEU's, so that a p-value can be had again from the texts by ``sacrebleu --paired-bs`` and
``--paired-ar``. They say how far the choice of sentences could explain a difference between *these*
trained models; how far the choice of the training seed could, they cannot say.

Given several runs (seeds) of each system, a resample takes the same sentences from all of them, and the
score is the mean over runs: still an interval over sentences.

R runs, N sentences, K sums of a score, B resamples.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.corpus_scores import Counts, Floats, Score
from analysis.statistics import LEVEL, Interval

SEED = 12345
"""sacreBLEU's."""
RESAMPLES = 1000
TRIALS = 10_000
_AT_ONCE = 4_000_000  # random numbers held in memory
_TIE = 1e-9  # BLEU points: differences this near are the same difference


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The difference of two systems' scores, and what chance makes of it."""

    difference: float  # one - other
    interval: Interval | None  # over sentences
    p_bootstrap: float
    p_randomisation: float


def score_of(statistics: Counts, score: Score) -> float:
    """Return the score of the (N, K) sentences; of (R, N, K) the mean over runs."""
    return float(np.mean([score.one(run.sum(axis=0)) for run in _runs(statistics, score)]))


def score_interval(
    statistics: Counts,
    score: Score,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> Interval | None:
    """Return the percentile bootstrap interval of the score over sentences; None below two."""
    runs = _runs(statistics, score)
    if runs.shape[1] < 2:
        return None
    scores = _mean(_resampled(runs, resamples, seed), score)
    return percentile_interval(scores, runs.shape[1], level)


def difference_interval(
    one: Counts,
    other: Counts,
    score: Score,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> Interval | None:
    """Return the percentile bootstrap interval of the difference over sentences; None below two."""
    a, b = _paired(one, other, score)
    if a.shape[1] < 2:
        return None
    drawn = _resampled_differences(a, b, score, resamples, seed)
    return percentile_interval(drawn, a.shape[1], level)


def bootstrap_p(
    one: Counts, other: Counts, score: Score, *, resamples: int = RESAMPLES, seed: int = SEED
) -> float:
    """Return the two-sided p of the paired bootstrap (Koehn 2004), as sacreBLEU computes it.

    The share of resamples whose absolute difference lies above its mean by more than the difference
    seen. Equal systems have p = 1, where sacreBLEU gives the smallest it can.
    """
    a, b = _paired(one, other, score)
    drawn = np.abs(_resampled_differences(a, b, score, resamples, seed))
    return _p(drawn - drawn.mean(), _difference(a, b, score))


def randomisation_p(
    one: Counts, other: Counts, score: Score, *, trials: int = TRIALS, seed: int = SEED
) -> float:
    """Return the two-sided p of paired approximate randomisation (Riezler and Maxwell 2005).

    If it did not matter which system an output is from, exchanging the outputs of any sentence would
    give differences as large as the one seen. As large counts too (Noreen 1989; sacreBLEU counts only
    larger ones, which finds two systems that differ in a single sentence different).
    """
    a, b = _paired(one, other, score)
    gap_NRK = np.ascontiguousarray((a - b).transpose(1, 0, 2)).astype(np.float64)
    sums_a, sums_b = (runs.sum(axis=1).astype(np.float64) for runs in (a, b))
    drawn = []
    for keep in _coins(trials, a.shape[1], seed):
        moved = (~keep).astype(np.float64) @ gap_NRK.reshape(len(gap_NRK), -1)
        moved = moved.reshape(len(keep), *sums_a.shape)
        drawn.append(_mean(sums_a - moved, score) - _mean(sums_b + moved, score))
    return _p(np.abs(np.concatenate(drawn)), _difference(a, b, score), ties=True)


def compare(one: Counts, other: Counts, score: Score) -> Paired:
    """Return both tests of the difference, and its interval over sentences."""
    return Paired(
        difference=score_of(one, score) - score_of(other, score),
        interval=difference_interval(one, other, score),
        p_bootstrap=bootstrap_p(one, other, score),
        p_randomisation=randomisation_p(one, other, score),
    )


def resampled_differences(
    one: Counts, other: Counts, score: Score, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Floats:
    """Return (B,) differences of the score over resampled sentences."""
    return _resampled_differences(*_paired(one, other, score), score, resamples, seed)


def percentile_interval(values: Floats, sentences: int, level: float = LEVEL) -> Interval:
    """Return the interval that holds ``level`` of resampled values, over so many sentences."""
    low, high = np.percentile(values, [50 * (1 - level), 50 * (1 + level)])
    return Interval(float(low), float(high), level, "sentences", sentences)


def resampled_counts(sentences: int, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield (B, N) counts: how often each resample holds each sentence. Rows add up to N."""
    generator = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // max(1, sentences))
    for begin in range(0, resamples, rows):
        size = (min(rows, resamples - begin), sentences)
        drawn = generator.choice(sentences, size=size, replace=True)
        offsets = np.arange(len(drawn))[:, None] * sentences
        counts = np.bincount((drawn + offsets).ravel(), minlength=drawn.size)
        yield counts.reshape(drawn.shape).astype(np.float64)


def _resampled(runs: Counts, resamples: int, seed: int) -> Floats:
    """Return (B, R, K) sums of resampled corpora."""
    flat_NX = runs.transpose(1, 0, 2).reshape(runs.shape[1], -1).astype(np.float64)
    parts = [counts @ flat_NX for counts in resampled_counts(len(flat_NX), resamples, seed)]
    return np.concatenate(parts).reshape(resamples, runs.shape[0], runs.shape[2])


def _resampled_differences(a: Counts, b: Counts, score: Score, resamples: int, seed: int) -> Floats:
    both = _resampled(np.concatenate([a, b]), resamples, seed)
    return _mean(both[:, : len(a)], score) - _mean(both[:, len(a) :], score)


def _coins(trials: int, sentences: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield (B, N) coin flips; 32 come from one draw, so only multiples of 32 rows split the stream."""
    generator = np.random.default_rng(seed)
    rows = max(32, _AT_ONCE // max(1, sentences) // 32 * 32)
    for begin in range(0, trials, rows):
        size = (min(rows, trials - begin), sentences)
        yield generator.integers(2, size=size, dtype=np.bool_)


def _mean(sums_BRK: Floats, score: Score) -> Floats:
    flat = np.ascontiguousarray(sums_BRK).reshape(-1, sums_BRK.shape[-1])
    return score.many(flat).reshape(sums_BRK.shape[:2]).mean(axis=1)


def _difference(a: Counts, b: Counts, score: Score) -> float:
    sums_a, sums_b = (runs.sum(axis=1)[None].astype(np.float64) for runs in (a, b))
    return abs(float(_mean(sums_a, score)[0] - _mean(sums_b, score)[0]))


def _p(drawn: Floats, seen: float, ties: bool = False) -> float:
    if seen < _TIE:
        return 1.0
    larger = int((drawn >= seen - _TIE if ties else drawn > seen).sum())
    return (larger + 1) / (len(drawn) + 1)


def _runs(statistics: Counts, score: Score) -> Counts:
    runs = statistics[None] if statistics.ndim == 2 else statistics
    if runs.ndim != 3 or runs.shape[-1] != score.sums:
        raise ValueError(f"statistics of shape {statistics.shape}: {score.sums} sums a sentence")
    return runs


def _paired(one: Counts, other: Counts, score: Score) -> tuple[Counts, Counts]:
    a, b = _runs(one, score), _runs(other, score)
    if a.shape != b.shape:
        raise ValueError(f"systems of unlike sentences or runs: {a.shape} and {b.shape}")
    return a, b
