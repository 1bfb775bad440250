"""Claim C4: is self-attention cheaper than recurrence while n < d? Each reading has its verdict."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Outcome, Verdict, every, not_measured
from analysis.claims.counts import Counts, layer_counts, layer_name
from analysis.claims.family import corrected
from analysis.claims.timing import device, kernels, unfinished
from analysis.fits import crossover, one_block
from analysis.load import Results
from analysis.polynomials import crossing_ratio, formula
from analysis.statistics import MIN_ROUNDS, mean_interval, student_test

CLAIM = Claim(
    id="C4",
    statement="Self-attention is cheaper than recurrence as long as the sequence is shorter than the "
    "layer is wide.",
    topic="Complexity",
    kind="exact",
    how="The sentence names neither layers nor kind of cost, so every reading is decided apart. In "
    "FLOPs: n*/d, the length up to which attention needs fewer, exactly, from counts; a reading is "
    "supported when n*/d is 1 or more. In time: the ratio of step times at every size with n < d, in "
    "one block. The whole is supported when it holds in FLOPs in every reading.",
    source="Vaswani et al. 2017, section 4",
)

READINGS = (
    (("transformer", "scores"), ("rnn", "recurrent"), "the bare scores against an RNN layer"),
    (("transformer", "attention"), ("lstm", "recurrent"), "with projections, against an LSTM layer"),
    (("transformer", "attention"), ("rnn", "recurrent"), "with projections, against an RNN layer"),
    (
        ("transformer", "transformer"),
        ("lstm", "recurrent"),
        "a whole Transformer layer against an LSTM layer",
    ),
)
SIZES = ["n", "d", "batch"]


def verdict(results: Results) -> Verdict:
    """Return the verdict on C4, with each reading in FLOPs and in time."""
    counted, timed = [], []
    for one, other, words in READINGS:
        pair = layer_counts(results, *one), layer_counts(results, *other)
        if pair[0] is not None and pair[1] is not None:
            counted.append(_flops(pair[0], pair[1], words))
        else:
            claim = CLAIM.part(f".flops.{one[1]}.{other[0]}", f"In FLOPs: {words}.")
            counted.append(not_measured(claim, words))
        timed += list(_time(results, one, other, words))
    if not any(part.evidence for part in counted):
        return not_measured(CLAIM, "FLOPs of self-attention and of recurrent layers")
    holds = sum(part.verdict == "supported" for part in counted)
    known = sum(part.verdict != "inconclusive" for part in counted)
    effect = f"In FLOPs it holds in {holds} of {known} readings measured: " + "; ".join(
        f"{part.claim.statement.partition(': ')[2].rstrip('.')}, {part.effect.rstrip('.')}"
        for part in counted
        if part.effect
    )
    effect = f"{effect}." if known else ""
    return every(CLAIM, [*counted, *corrected(timed)], effect=effect, figure="flops")


def _flops(one: Counts, other: Counts, words: str) -> Verdict:
    claim = CLAIM.part(f".flops.{one.part}.{other.architecture}", f"In FLOPs: {words}.")
    keys = (*one.keys, *other.keys)
    unknown = [counts for counts in (one, other) if counts.terms is None or counts.unfinished]
    if unknown:
        missing = "; ".join(f"{c.name}: {'; '.join(c.unfinished) or 'exact counts'}" for c in unknown)
        return Verdict(
            claim=claim, verdict="inconclusive", missing=missing, evidence=keys, figure="flops"
        )
    assert one.terms is not None
    assert other.terms is not None
    ratio = crossing_ratio(one.terms, other.terms)
    sums = f"({formula(one.terms)} against {formula(other.terms)})"
    if ratio is None:
        effect = f"cheaper at every length {sums}."
    elif ratio == 0:
        effect = f"never cheaper {sums}."
    else:
        effect = f"cheaper up to n = {'' if ratio == 1 else f'{ratio}·'}d {sums}."
    return Verdict(
        claim=claim,
        verdict="supported" if ratio is None or ratio >= 1 else "refuted",
        effect=effect,
        effect_value=None if ratio is None else float(ratio),
        evidence=keys,
        figure="flops",
    )


def _time(
    results: Results, one: tuple[str, str], other: tuple[str, str], words: str
) -> Iterator[Verdict]:
    rows = one_block(results.sizes("step_time", comparison="fixed_batch"))
    left, right = (
        rows[(rows.architecture == architecture) & (rows.part == part)]
        for architecture, part in (one, other)
    )
    for kernel, mine in left.groupby("attention", sort=True):
        claim = CLAIM.part(
            f".time.{one[1]}.{other[0]}.{kernel}",
            f"In time: {words}, {kernel} kernel.",
            "measured",
        )
        yield _timed(claim, mine, right, f"{layer_name(*one)} ({kernel}) to {layer_name(*other)}")


@dataclass(frozen=True)
class _Ratio:
    """Time of attention over that of recurrence at one size, by rounds."""

    low: float
    high: float
    p_value: float  # that it is 1


def _timed(claim: Claim, one: pd.DataFrame, other: pd.DataFrame, name: str) -> Verdict:
    planned = pd.concat([one, other])
    planned = planned[planned.n < planned.d]
    pairs = _pairs(one, other)
    short = pairs[pairs.n < pairs.d]
    about = Verdict(
        claim=claim,
        verdict="inconclusive",
        effect=_crossing(pairs, name),
        evidence=(*pairs.key_one, *pairs.key_other),
        figure="layer_time",
        device=device(pd.concat([one, other])),
        kernel=kernels(pd.concat([one, other])),
        decides=False,
    )
    missing = unfinished(planned)
    if short.empty:
        return replace(
            about, missing="; ".join([*missing, "a size with n < d that both were timed at"])
        )
    ratios, rounds = [], []
    for row in short.to_dict("records"):
        common = min(len(row["rounds_one"]), len(row["rounds_other"]))
        logs = np.log(np.array(row["rounds_one"][:common]) / np.array(row["rounds_other"][:common]))
        rounds.append(common)
        interval = mean_interval(logs, "rounds")
        if interval is not None:
            ratios.append(_Ratio(interval.low, interval.high, student_test(logs)))
    if min(rounds) < MIN_ROUNDS:
        missing.append(f"{MIN_ROUNDS - min(rounds)} more rounds ({min(rounds)} of {MIN_ROUNDS})")
    if missing or not ratios:
        return replace(about, missing="; ".join(missing))
    outcome, p_value = _judge(ratios)
    wins = sum(ratio.high < 0 for ratio in ratios)
    effect = f"Attention takes less time at {wins} of {len(ratios)} sizes with n < d. {about.effect}"
    open_ = "the intervals of some sizes with n < d contain a ratio of 1"
    return replace(
        about,
        verdict=outcome,
        effect=effect.strip(),
        p_value=p_value,
        missing=open_ if outcome == "inconclusive" else "",
    )


def _judge(ratios: list[_Ratio]) -> tuple[Outcome, float]:
    """Supported: cheaper at every size. Refuted: dearer at some size."""
    dearer = [ratio.p_value for ratio in ratios if ratio.low > 0]
    if dearer:
        return "refuted", min(1.0, len(ratios) * min(dearer))
    weakest = max(ratio.p_value for ratio in ratios)
    return ("supported" if all(ratio.high < 0 for ratio in ratios) else "inconclusive"), weakest


def _crossing(pairs: pd.DataFrame, name: str) -> str:
    """Return the measured crossover over n at the width with most lengths, in a sentence."""
    if pairs.empty:
        return ""
    counts = pairs.groupby("d").n.nunique()
    mine = pairs[pairs.d == counts.index.to_numpy(float)[counts.to_numpy().argmax()]].sort_values("n")
    found = crossover(
        mine.n.to_numpy(float), mine.value_one.to_numpy(float), mine.value_other.to_numpy(float)
    )
    width = float(mine.d.iloc[0])
    if found is None:
        return ""
    ratio = "" if found.value is None else f", n*/d = {found.value / width:.2f}"
    return f"{name}: crossover in time at d = {width:g}: {found}{ratio}."


def _pairs(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    left, right = (
        frame[(frame.status == "ok") & (frame.value > 0)].drop_duplicates(SIZES)
        for frame in (one, other)
    )
    return left.merge(right, on=SIZES, suffixes=("_one", "_other"))
