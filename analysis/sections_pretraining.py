"""The question of pretraining: answer, remarks, figure, and what they do not show."""

from typing import Any

import numpy as np

from analysis.claims.paired import pairs, set_aside
from analysis.pretraining import DENOISING, NOTHING, STARTS, VECTORS, FewLabels, few_labels
from analysis.style import short_name
from analysis.view import View
from analysis.wording import fixed, listed, percent, plural


def pretraining(view: View) -> dict[str, Any] | None:
    """Return what the section is made of; None where no few labels were planned."""
    found = few_labels(view.results)
    if found is None:
        return None
    told = [
        text
        for architecture in found.architectures
        for start in (VECTORS, DENOISING)
        if (text := _gains(found, architecture, start))
    ]
    return {
        "anchor": "pretraining",
        "short": "Few labels?",
        "question": "Few labels: what do word vectors and denoising give?",
        "answer": " ".join(told) or "No record of this store answers this question.",
        "remarks": [text for text in (_vectors(view, found), _unconverged(found)) if text],
        "figures": ("pretraining",),
        "tables": (),
        "limits": (
            "What vectors of far more text would give, where they were learned from this training "
            "text: the gain grows with the text.",
            "Few labels throughout: the learning rate and the checkpoint are selected on a validation "
            "split that has all of its labels, with every start alike.",
            "Other tasks: documents are classified, where single words say much.",
        ),
    }


def _gains(found: FewLabels, architecture: str, start: str) -> str:
    """Tell the mean difference over paired seeds at every share."""
    gains, seeds = [], 0
    for share in found.shares:
        one, other = (found.runs(architecture, kind, share, kind) for kind in (start, NOTHING))
        if one is None or other is None:
            continue
        values = [a.score - b.score for a, b in pairs(one, other, converged=False)]
        if values:
            seeds = max(seeds, len(values))
            points = fixed(100 * float(np.mean(values)), 1, signed=True)
            gains.append(f"{points} points with {percent(share, 0)}")
    if not gains:
        return ""
    return (
        f"Starting {STARTS[start]} changes the accuracy of the {short_name(architecture)} by "
        f"{listed(gains)} of the labels ({plural(seeds, 'seed')})."
    )


def _vectors(view: View, found: FewLabels) -> str:
    """Say where the vectors come from, and how much of the text has one."""
    for row in found.rows:
        record = view.results.records.get(row.key)
        if row.start != VECTORS or record is None:
            continue
        words, text = (record.metrics.get(f"vectors_of_{what}") for what in ("words", "text"))
        if words is not None and text is not None:
            return (
                f"Word vectors: {found.of_vectors}; {percent(words)} of the vocabulary and "
                f"{percent(text)} of the words of the training text have one."
            )
    return ""


def _unconverged(found: FewLabels) -> str:
    settings = [
        setting
        for architecture in found.architectures
        for share in found.shares
        for start in STARTS
        if (
            setting := found.runs(
                architecture,
                start,
                share,
                f"the {short_name(architecture)} {STARTS[start]} with {percent(share, 0)}",
            )
        )
    ]
    return set_aside(settings).strip()
