"""The question of sight: answer, remarks, figures, tables, and what they do not show."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.reach import Encoder, encoders
from analysis.view import View
from analysis.wording import listed, number, percent

LEARNED = 0.9
"""Accuracy from which an offset counts as answered."""


def reach(view: View) -> dict[str, Any] | None:
    """Return what the section is made of; None where no receptive field was planned.

    The view holds every planned setting: an architecture's encoders differ in what they see.
    """
    planned = {entry["cell"].get("measure") for entry in view.results.planned.values()}
    found = [encoder for encoder in encoders(view.results) if encoder.runs]
    if not found and "receptive_field" not in planned:
        return None
    return {
        "anchor": "reach",
        "short": "How far does each see?",
        "question": "How far does each see, and what lies out of its sight?",
        "answer": _answered(found),
        "remarks": [text for text in (_beyond(found), _edges(found), _effective(found)) if text],
        "figures": ("accuracy_by_offset", "receptive_field"),
        "tables": ("reach", "layers_needed"),
        "limits": (
            "Decoders: attention to the source joins any two positions. These are encoders, asked in "
            "place.",
            "That all of a receptive field is used: it says what may matter. The effective one, after "
            "training on this task, says what this task asked for.",
            "Language. The symbol asked for stands at a known place, and nothing else tells it.",
            "What longer training would reach: an offset inside that is not answered was not learned "
            "at this budget.",
        ),
    }


def _answered(found: Sequence[Encoder]) -> str:
    """Say which encoders answer at every offset in sight, which only near by, and which nowhere."""
    if not found:
        return "No record of this store answers this question."
    whole, near, none = [], [], []
    for encoder in found:
        right = [k for k in encoder.offsets if _mean(encoder, [k]) >= LEARNED]
        if not right:
            none.append(encoder.label)
        elif encoder.right is not None and not set(encoder.inside) - set(right):
            whole.append(f"{encoder.label} to {right[-1]}")
        else:
            near.append(f"{encoder.label} at {listed(str(k) for k in right)}")
    parts = [
        f"{words}: {'; '.join(told)}."
        for words, told in (
            ("as far as they see", whole),
            ("At some offsets in sight", near),
            ("At none", none),
        )
        if told
    ]
    return (
        f"Asked for the symbol some places to the right, encoders give {percent(LEARNED, 0)} right "
        f"answers or more {' '.join(parts)}"
    )


def _beyond(found: Sequence[Encoder]) -> str:
    limited = [encoder for encoder in found if encoder.beyond]
    if not limited:
        return ""
    scores = [_mean(encoder, encoder.beyond) for encoder in limited]
    chance = next(run.chance for encoder in limited for run in encoder.runs)
    return (
        f"Beyond the receptive field the accuracy lies between {percent(min(scores))} and "
        f"{percent(max(scores))} (mean over seeds and offsets, {len(limited)} encoders); chance is "
        f"{percent(chance)}."
    )


def _edges(found: Sequence[Encoder]) -> str:
    """Name what is in sight and was not answered: the effective field is smaller than the other."""
    left = [
        f"{encoder.label} at {listed(missed)}"
        for encoder in found
        if (missed := [str(k) for k in encoder.inside if _mean(encoder, [k]) < LEARNED])
    ]
    return f"In sight, but not learned at this budget: {'; '.join(left)}." if left else ""


def _effective(found: Sequence[Encoder]) -> str:
    parts = []
    for encoder in found:
        runs = [run.gradients.metrics for run in encoder.runs if run.gradients]
        if not runs or not encoder.right or math.isinf(encoder.right) or encoder.left is None:
            continue
        before, after = (
            float(np.mean([metrics[f"size_{when}"] for metrics in runs]))
            for when in ("init", "trained")
        )
        parts.append(
            f"{encoder.label} {number(before)} at initialisation and {number(after)} after training, "
            f"of {number(encoder.left + 1 + encoder.right)}"
        )
    return (
        f"Positions whose gradient exceeds 4.55 % of the largest: {'; '.join(parts)}." if parts else ""
    )


def _mean(encoder: Encoder, offsets: Sequence[int]) -> float:
    return float(np.mean([run.mean(offsets) for run in encoder.runs]))
