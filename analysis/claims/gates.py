"""Claim S3: an LSTM layer against a vanilla RNN layer of the same width."""

from fractions import Fraction

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.timing import as_ratio, device, kernels, round_matrix, unfinished
from analysis.fits import one_block
from analysis.load import Results
from analysis.statistics import MIN_ROUNDS

CLAIM = Claim(
    id="S3",
    statement="An LSTM is slower than a vanilla RNN, since it has more parameters and computes more.",
    topic="Speed",
    kind="measured",
    how="Parameters and counted FLOPs of one layer at equal width, 4:1 (exact), and the ratio of step "
    "times in the same class of kernel, a loop over cells for both. Supported when both are exactly 4 "
    "and the interval over rounds of the time ratio lies above 1. The ratio with each one’s default "
    "kernel is shown beside it: it mixes kernel and architecture.",
    source="Hochreiter and Schmidhuber 1997; Greff et al. 2017",
)

GATES = 4
SIZES = ["n", "d", "batch"]


def verdict(results: Results) -> Verdict:
    """Return the verdict on S3."""
    counted, timed = results.sizes("flops"), results.sizes("step_time", comparison="fixed_tokens")
    mine = [
        frame[(frame.part == "recurrent") & frame.architecture.isin(["rnn", "lstm"])]
        for frame in (counted, timed)
    ]
    if any({"rnn", "lstm"} - set(frame.architecture) for frame in mine):
        return not_measured(CLAIM, "FLOPs and times of RNN and LSTM layers at equal width")
    times = one_block(mine[1])
    parts = [
        _exact("parameters", mine[0]),
        _exact("flops", mine[0]),
        _ratio(times[times.asked == "loop"], "loop", decides=True),
        _ratio(times[times.asked != "loop"], "default", decides=False),
    ]
    return every(CLAIM, parts, figure="kernels")


def _exact(what: str, rows: pd.DataFrame) -> Verdict:
    shown = "FLOPs" if what == "flops" else what
    claim = CLAIM.part(f".{what}", f"An LSTM layer has {GATES} times an RNN layer’s {shown}.", "exact")
    ok = rows[rows.status == "ok"]
    values = [
        metrics.get("forward") if what == "flops" else theory.get("parameters")
        for metrics, theory in zip(ok.metrics, ok.theory, strict=True)
    ]
    pairs = _pairs(ok.assign(count=pd.Series(values, index=ok.index, dtype=object)))
    pairs = pairs[pairs.count_rnn.notna() & pairs.count_lstm.notna()]
    if pairs.empty:
        return Verdict(claim=claim, verdict="inconclusive", missing=f"{shown} at a common size")
    ratios = {
        Fraction(int(lstm), int(rnn))
        for rnn, lstm in zip(pairs.count_rnn, pairs.count_lstm, strict=True)
    }
    values_shown = ", ".join(f"{float(ratio):g}" for ratio in sorted(ratios))
    return Verdict(
        claim=claim,
        verdict="supported" if ratios == {Fraction(GATES)} else "refuted",
        effect=f"{shown[0].upper()}{shown[1:]}: {values_shown} to 1 at {len(pairs)} sizes.",
        effect_value=float(max(ratios)),
        evidence=(*pairs.key_rnn, *pairs.key_lstm),
        figure="flops",
    )


def _ratio(rows: pd.DataFrame, kernel: str, *, decides: bool) -> Verdict:
    shown = "the same class of kernel, a loop over cells" if decides else "the default kernels"
    claim = CLAIM.part(f".time.{kernel}", f"With {shown}, an LSTM layer takes longer.")
    ok = rows[(rows.status == "ok") & (rows.rounds.map(len) > 0)]
    blockers = unfinished(rows)
    pairs = _pairs(ok)
    if pairs.empty:
        blockers.append(f"times of both layers with {shown}")
        return mean_beyond(claim, [], bound=0.0, covers="rounds", blockers=blockers, decides=decides)
    used = ok[ok.key.isin([*pairs.key_rnn, *pairs.key_lstm])]
    if decides and used.kernel.nunique() > 1:
        blockers.append("one class of kernel for both")
    rnn, lstm = (round_matrix(pairs.rename(columns={f"rounds_{a}": "rounds"})) for a in ("rnn", "lstm"))
    common = min(len(rnn), len(lstm))
    logs = np.log(lstm[:common] / rnn[:common]).mean(axis=1)
    longest = pairs.sort_values("n").iloc[-1]
    found = mean_beyond(
        claim,
        list(logs),
        bound=0.0,
        covers="rounds",
        minimum=MIN_ROUNDS,
        blockers=blockers,
        effect=f"With {shown}, an LSTM layer takes {np.exp(logs.mean()):.2f} times an RNN layer’s time "
        f"(geometric mean over {len(pairs)} lengths; {_at(longest):.2f} at n = {longest.n:,.0f}).",
        evidence=tuple(used.key),
        figure="kernels",
        device=device(used),
        kernel=kernels(used),
        decides=decides,
    )
    return as_ratio(found)


def _at(row: pd.Series) -> float:
    return float(np.median(row.rounds_lstm) / np.median(row.rounds_rnn))


def _pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a size that both layers have, with columns ``_rnn`` and ``_lstm``."""
    one, other = (rows[rows.architecture == name].drop_duplicates(SIZES) for name in ("rnn", "lstm"))
    return one.merge(other, on=SIZES, suffixes=("_rnn", "_lstm")).sort_values("n")
