"""Claim S2: throughput against length, at fixed tokens a batch."""

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.timing import device, kernels, model_steps, round_matrix, unfinished
from analysis.fits import one_block
from analysis.load import Results
from analysis.statistics import MIN_ROUNDS
from analysis.style import short_name

CLAIM = Claim(
    id="S2",
    statement="Because its steps wait for one another, a recurrent model cannot use parallel hardware: "
    "on this device its training slows down with length where a Transformer’s does not.",
    topic="Speed",
    kind="measured",
    how="Slope of log tokens/s against log n while the tokens in a batch stay the same, for n up to 6d "
    "(d: the Transformer’s width), in each round of one block. Supported when the interval over rounds "
    "of slope(RNN) - slope(Transformer) lies below 0. It holds for this device and these kernels.",
    source="Vaswani et al. 2017, section 1",
)

LONGEST = 6
"""n/d up to which the quadratic part of a Transformer layer is no more than the rest of it."""


def verdict(results: Results) -> Verdict:
    """Return the verdict on S2; the LSTM, whose kernel differs from the RNN's, is shown beside it."""
    rows = one_block(model_steps(results, ("rnn", "lstm", "transformer")))
    if not {"rnn", "transformer"} <= set(rows.architecture):
        return not_measured(CLAIM, "training steps of RNN and Transformer at fixed tokens a batch")
    width = float(rows[rows.architecture == "transformer"].d.max())
    rows = rows[rows.n <= LONGEST * width]
    parts = [
        _slower(name, rows[rows.architecture.isin([name, "transformer"])], width)
        for name in ("rnn", "lstm")
        if name in set(rows.architecture)
    ]
    return every(CLAIM, parts, figure="throughput")


def _slower(name: str, rows: pd.DataFrame, width: float) -> Verdict:
    label = short_name(name)
    claim = CLAIM.part(
        f".{name}", f"The {label}’s throughput falls faster with n than the Transformer’s."
    )
    blockers = unfinished(rows)
    ok = rows[(rows.status == "ok") & (rows.rounds.map(len) > 0)]
    shared = set(ok[ok.architecture == name].n) & set(ok[ok.architecture == "transformer"].n)
    ok = ok[ok.n.isin(shared)].sort_values("n")
    if len(shared) < 2:
        blockers.append(f"two lengths up to n = {LONGEST}·{width:g} that both were timed at")
        return mean_beyond(
            claim, [], bound=0.0, covers="rounds", blockers=blockers, decides=name == "rnn"
        )
    common, to = min(len(times) for times in ok.rounds), "transformer"
    slopes = {}
    for one in (name, to):
        mine = ok[ok.architecture == one]
        tokens = (mine.n * mine.batch).to_numpy(float)
        speed = np.log(tokens / round_matrix(mine)[:common])
        slopes[one] = np.polyfit(np.log(mine.n.to_numpy(float)), speed.T, 1)[0]
    first, last = min(shared), max(shared)
    return mean_beyond(
        claim,
        list(slopes[name] - slopes[to]),
        bound=0.0,
        below=True,
        covers="rounds",
        minimum=MIN_ROUNDS,
        blockers=blockers,
        effect=f"From n = {first:,.0f} to {last:,.0f}, tokens a second go as "
        f"n^{slopes[name].mean():.2f} for the {label} and as n^{slopes[to].mean():.2f} for the "
        "Transformer.",
        evidence=tuple(ok.key),
        figure="throughput",
        device=device(ok),
        kernel=kernels(ok),
        decides=name == "rnn",
    )
