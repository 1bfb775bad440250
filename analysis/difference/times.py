"""Times in two stores, as ratios to one architecture that was timed interleaved with the others.

Seconds of two days do not compare: a machine is slower today. Ratios within one block do.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.difference.base import CHANGED, FEW, Change, as_ratio, difference
from analysis.load import Results

SERIES = ["comparison", "scope", "part", "architecture", "asked", "attention"]
SIZE = ["n", "d", "batch"]
_WORDS = {"fixed_tokens": "training step, fixed tokens", "fixed_batch": "layer, fixed batch"}
Key = tuple[str, ...]
Ratios = dict[Key, dict[tuple[float, ...], np.ndarray]]


def time_changes(a: Results, b: Results) -> Iterator[Change]:
    """Yield a change of each timed series but the reference, over the sizes that both have."""
    frames = [_timed(results) for results in (a, b)]
    reference = _reference(frames)
    if reference is None:
        return
    devices = [sorted({str(model) for model in frame.device_model}) for frame in frames]
    note = "" if devices[0] == devices[1] else f"{devices[0][0]} against {devices[1][0]}"
    before, after = (_ratios(frame, reference) for frame in frames)
    for key in before:
        sizes = sorted(set(before[key]) & set(after.get(key, {})))
        if sizes and key[3] != reference:
            yield _change(key, before[key], after[key], sizes, reference, note)


def _timed(results: Results) -> pd.DataFrame:
    frame = pd.concat([results.sizes("step_time", scope=scope) for scope in ("layer", "model")])
    return frame[frame.status == "ok"]


def _reference(frames: list[pd.DataFrame]) -> str | None:
    shared = [name for name in frames[0].architecture if name in set(frames[1].architecture)]
    order = ["rnn", "lstm", *shared]
    return next((name for name in order if name in shared), None)


def _ratios(frame: pd.DataFrame, reference: str) -> Ratios:
    """Return by series and size the log ratios, round by round, to the reference in the same block."""
    base = frame[(frame.architecture == reference) & (frame.asked != "loop")]
    times = {
        (block, *size): np.log(rounds)
        for block, *size, rounds in zip(
            base.block, base.n, base.batch, base.d, base.rounds, strict=True
        )
    }
    by_length: dict[tuple[object, ...], np.ndarray] = {}
    for (block, n, batch, _), rounds in times.items():
        by_length.setdefault((block, n, batch), rounds)
    found: Ratios = {}
    keys = frame[SERIES].astype(str).itertuples(index=False, name=None)
    sizes = zip(frame.block, frame.n, frame.batch, frame.d, frame.scope, frame.rounds, strict=True)
    for key, (block, n, batch, d, scope, rounds) in zip(keys, sizes, strict=True):
        # whole models have each their own width; layers are compared at one
        whole = scope == "model"
        other = by_length.get((block, n, batch)) if whole else times.get((block, n, batch, d))
        if other is None:
            continue
        mine = np.log(np.asarray(rounds, dtype=float))
        common = min(len(mine), len(other))
        size = (float(n), float(batch), 0.0 if whole else float(d))
        found.setdefault(key, {})[size] = mine[:common] - other[:common]
    return found


def _change(
    key: Key,
    before: dict[tuple[float, ...], np.ndarray],
    after: dict[tuple[float, ...], np.ndarray],
    sizes: list[tuple[float, ...]],
    reference: str,
    note: str,
) -> Change:
    sides = []
    for side in (before, after):
        common = min(len(side[size]) for size in sizes)
        sides.append(np.mean([side[size][:common] for size in sizes], axis=0))
    interval, p_value = difference(sides[0], sides[1], paired=False)
    comparison, scope, part, architecture, asked, attention = key
    kernel = attention or asked
    what = _WORDS.get(comparison, comparison or "time")
    words = [
        what,
        *([part.replace("_", " ")] if scope == "layer" else []),
        *([kernel] if kernel else []),
    ]
    return as_ratio(
        Change(
            kind="times",
            what=f"{', '.join(words)}: time to that of {reference}, over {len(sizes)} sizes",
            architecture=architecture,
            before=float(sides[0].mean()),
            after=float(sides[1].mean()),
            outcome=FEW if p_value is None else CHANGED,
            interval=interval,
            p_value=p_value,
            points=(len(sides[0]), len(sides[1])),
            covers="rounds",
            note=note,
        )
    )
