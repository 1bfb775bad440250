"""What claims on time share: rounds of one block, the device and the kernel that they hold for."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.claims.base import Verdict, joined
from analysis.load import Results
from analysis.style import short_name


def round_matrix(rows: pd.DataFrame) -> np.ndarray:
    """Return (rounds, cells): raw seconds, the i-th round of every cell taken in the same turn."""
    common = min(len(times) for times in rows.rounds)
    return np.array([[times[i] for times in rows.rounds] for i in range(common)], dtype=float)


def device(rows: pd.DataFrame) -> str:
    """Return the device, precision and threads that timed rows hold for."""
    return joined(
        f"{model if isinstance(model, str) else 'unnamed device'}, {precision}, "
        f"{threads} thread{'s' if threads != 1 else ''}"
        for model, precision, threads in zip(
            rows.device_model, rows.precision, rows.threads, strict=True
        )
    )


def kernels(rows: pd.DataFrame) -> str:
    """Return "RNN: C++ loop; Transformer: explicit attention"."""
    ran: dict[str, list[str]] = {}
    for row in rows.itertuples():
        ran.setdefault(str(row.architecture), []).append(str(row.kernel) or "not named")
    return "; ".join(
        f"{short_name(name)}: {' / '.join(dict.fromkeys(kinds))}" for name, kinds in ran.items()
    )


def as_ratio(verdict: Verdict) -> Verdict:
    """Return a verdict on the mean of log ratios with effect and interval as ratios."""
    interval, value, least = verdict.interval, verdict.effect_value, verdict.smallest_detectable
    if interval is not None:
        interval = replace(interval, low=math.exp(interval.low), high=math.exp(interval.high))
    return replace(
        verdict,
        effect_value=None if value is None else math.exp(value),
        interval=interval,
        smallest_detectable=None if least is None else math.exp(least),
    )


def unfinished(rows: pd.DataFrame) -> list[str]:
    """Return what became of timed cells without a result, in words."""
    failed = rows[rows.status != "ok"]
    return [
        f"{short_name(str(row.architecture))} at n = {row.n:g}: {str(row.status).replace('_', ' ')}"
        for row in failed.itertuples()
    ]


def model_steps(results: Results, architectures: Sequence[str]) -> pd.DataFrame:
    """Return whole training steps at fixed tokens a batch, by architecture and n."""
    frame = results.sizes("step_time", scope="model", comparison="fixed_tokens")
    return frame[frame.architecture.isin(list(architectures))]
