"""Claim T1: the scale 1/√d_k of attention's scores."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond, mean_within
from analysis.claims.paired import setting
from analysis.claims.quality import higher
from analysis.load import Results, chosen
from analysis.statistics import MIN_SEEDS

TASK = "recall"
CLOSE = 0.1
"""How far the exponent of the variance may lie from 1."""

CLAIM = Claim(
    id="T1",
    statement="The product q·k has the variance d_k, so the softmax saturates without the scale "
    "1/√d_k, and training suffers.",
    topic="Inside the Transformer",
    kind="measured",
    how="Over head widths d_k, for vectors whose components have variance 1 and for a layer at "
    "initialisation: the exponent of the variance of q·k in d_k, 1 when its interval over seeds lies "
    f"within ±{CLOSE}; at the largest d_k, the entropy of the softmax with the scale above that "
    f"without; and accuracy on {TASK} with one head, with the scale minus without. Supported when all "
    "intervals lie so. The gradient through the softmax is shown beside: it is small where the "
    "softmax is nearly uniform, too.",
    source="Vaswani et al. 2017, section 3.2.1 and footnote 4",
)
SUBJECTS = {"normal": "of vectors of variance 1", "layer": "of a layer at initialisation"}


def verdict(results: Results) -> Verdict:
    """Return the verdict on T1."""
    frame = results.measured("score_variance")
    scaled, plain = (
        setting(
            results,
            f"a Transformer {words} the scale",
            TASK,
            "transformer",
            partial(_one_head, scale=scale),
        )
        for scale, words in ((True, "with"), (False, "without"))
    )
    if frame.empty and plain is None:
        return not_measured(CLAIM, "products of queries and keys by head width")
    parts = []
    for vectors, words in SUBJECTS.items():
        parts += _products(_of(frame, vectors), vectors, words)
    training = CLAIM.part(".training", f"A Transformer with one head learns {TASK} better with it.")
    parts.append(
        not_measured(training, f"one-headed Transformers with and without the scale on {TASK}")
        if scaled is None or plain is None
        else higher(training, scaled, plain, f"On {TASK}", figure="accuracy_by_distance")
    )
    return every(CLAIM, parts)


def _one_head(model: Mapping[str, Any], *, scale: bool) -> bool:
    return bool(model.get("heads") == 1 and model.get("scale", True) == scale)


def _of(frame: pd.DataFrame, vectors: str) -> pd.DataFrame:
    return chosen(frame, "options", lambda options: options.get("vectors", "normal") == vectors)


def _products(rows: pd.DataFrame, vectors: str, words: str) -> list[Verdict]:
    """Return the parts on variance, entropy and gradient over one kind of vectors."""
    ok = rows[rows.status == "ok"].sort_values("seed")
    waiting = len(rows) - len(ok)
    about: dict[str, Any] = {
        "minimum": MIN_SEEDS,
        "blockers": [f"{waiting} of {len(rows)} cells"] if waiting else [],
        "evidence": tuple(ok.key),
    }
    curves = list(ok.curves)
    slopes = [_exponent(curve["variance"]) for curve in curves]
    entropy = [curve["entropy_scaled"][-1][1] - curve["entropy"][-1][1] for curve in curves]
    gradient = [np.log(curve["jacobian_scaled"][-1][1] / curve["jacobian"][-1][1]) for curve in curves]
    width = f"{curves[0]['variance'][-1][0]:g}" if curves else ""
    return [
        mean_within(
            CLAIM.part(f".variance.{vectors}", f"The variance of q·k {words} grows as d_k."),
            slopes,
            low=1 - CLOSE,
            high=1 + CLOSE,
            effect=f"The variance of q·k {words} goes as d_k^{np.mean(slopes):.3f}." if curves else "",
            **about,
        ),
        mean_beyond(
            CLAIM.part(f".entropy.{vectors}", f"Without the scale the softmax {words} saturates."),
            entropy,
            bound=0.0,
            effect=f"At d_k = {width} the entropy of the softmax {words} is {np.mean(entropy):.2f} "
            "nats higher with the scale."
            if curves
            else "",
            **about,
        ),
        mean_beyond(
            CLAIM.part(
                f".gradient.{vectors}", f"Without it the gradient of the softmax {words} fades."
            ),
            gradient,
            bound=0.0,
            effect=f"At d_k = {width} the gradient through the softmax {words} is "
            f"{np.exp(np.mean(gradient)):.2f} times as large with the scale."
            if curves
            else "",
            decides=False,
            **about,
        ),
    ]


def _exponent(points: Sequence[Sequence[float]]) -> float:
    widths, values = np.array(points, dtype=float).T
    return float(np.polyfit(np.log(widths), np.log(values), 1)[0])
