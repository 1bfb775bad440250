"""Claim L2: which activations make the gradient through time vanish, and which make it explode."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.gradient import slope
from analysis.load import Results, chosen
from analysis.statistics import MIN_SEEDS

CLAIM = Claim(
    id="L2",
    statement="Sigmoid units make the gradient through time vanish; ReLU units make it explode.",
    topic="Long-range",
    kind="measured",
    how="Slope of log J(k) over the distance k at initialisation, J the norm of the gradient of the "
    "last encoder state, over gains of the orthogonal recurrent weights. Supported when the interval "
    "over seeds lies below 0 at every gain for sigmoid, and for ReLU below 0 at the smallest gain and "
    "above 0 at the largest, so that it crosses 0 inside the sweep. Tanh and ReLU with an identity "
    "matrix are shown beside.",
    source="Pascanu, Mikolov and Bengio 2013, section 2; Le, Jaitly and Hinton 2015",
)
KINDS = {
    ("sigmoid", "orthogonal"): "sigmoid",
    ("relu", "orthogonal"): "ReLU",
    ("tanh", "orthogonal"): "tanh",
    ("relu", "identity"): "ReLU with an identity matrix",
}
Slopes = Mapping[float, list[float]]


def verdict(results: Results) -> Verdict:
    """Return the verdict on L2."""
    frame = results.measured("gain")
    if frame.empty:
        return not_measured(CLAIM, "gradients over gains of the recurrent weights")
    parts: list[Verdict] = []
    for (activation, start), words in KINDS.items():
        rows = _of(frame, (activation, start))
        ok = rows[rows.status == "ok"].sort_values("seed")
        slopes = _by_gain(ok)
        decides = start == "orthogonal" and activation != "tanh"
        if rows.empty and not decides:
            continue
        about: dict[str, Any] = {
            "evidence": tuple(ok.key),
            "blockers": [f"{words}: {len(rows) - len(ok)} of {len(rows)} cells"]
            if len(rows) > len(ok)
            else [],
        }
        name = f"{activation}.{start}"
        if not slopes:
            part = CLAIM.part(f".{name}", f"{words}.")
            parts.append(not_measured(part, f"gradients with {words}"))
        elif activation == "sigmoid":
            for gain in slopes:
                parts.append(_sign(f".{name}.{gain:g}", words, gain, slopes, -1, **about))
        else:
            ends = ((min(slopes), -1), (max(slopes), +1))
            parts += [
                _sign(f".{name}.{gain:g}", words, gain, slopes, sign, decides=decides, **about)
                for gain, sign in ends
            ]
    effect = " ".join(
        text for kind, words in KINDS.items() if (text := _told(words, _by_gain(_of(frame, kind))))
    )
    return every(CLAIM, parts, effect=effect)


def kind_of(model: Mapping[str, Any]) -> tuple[str, str]:
    """Return activation and initial recurrent matrix; defaults may be absent."""
    activation = str(model.get("activation") or "tanh")
    default = "identity" if activation == "relu" else "orthogonal"
    return activation, str(model.get("recurrent_initialisation") or default)


def _of(frame: pd.DataFrame, kind: tuple[str, str]) -> pd.DataFrame:
    return chosen(frame, "model", lambda model: kind_of(model) == kind)


def _by_gain(rows: pd.DataFrame) -> Slopes:
    """Return the slopes of the seeds at each gain, from the smallest gain."""
    found: dict[float, list[float]] = {}
    for curves in rows.curves:
        for name, points in curves.items():
            if (value := slope(points)) is not None:
                found.setdefault(float(name.removeprefix("gain_")), []).append(value)
    return dict(sorted(found.items()))


def _sign(suffix: str, words: str, gain: float, slopes: Slopes, sign: int, **about: Any) -> Verdict:
    doing = "vanishes" if sign < 0 else "explodes"
    return mean_beyond(
        CLAIM.part(suffix, f"With {words} and a gain of {gain:g} the gradient {doing}."),
        slopes[gain],
        bound=0.0,
        below=sign < 0,
        minimum=MIN_SEEDS,
        effect=f"A factor of {np.exp(np.mean(slopes[gain])):.2f} a step at gain {gain:g}.",
        **about,
    )


def _told(words: str, slopes: Slopes) -> str:
    """Return where the slope changes its sign, in words."""
    if not slopes:
        return ""
    means = {gain: float(np.mean(values)) for gain, values in slopes.items()}
    gains = list(means)
    crossing = next(((a, b) for a, b in pairwise(gains) if means[a] < 0 <= means[b]), None)
    factors = f"a factor of {np.exp(means[gains[0]]):.2f} a step at gain {gains[0]:g}"
    factors += f", {np.exp(means[gains[-1]]):.2f} at gain {gains[-1]:g}"
    if crossing is None:
        fate = "vanishes at every gain" if means[gains[-1]] < 0 else "explodes at every gain"
    else:
        fate = f"vanishes up to gain {crossing[0]:g} and explodes from {crossing[1]:g}"
    return f"With {words} the gradient {fate} ({factors})."
