"""The question of agreement: answer, remarks, figures, tables, and what they do not show."""

from typing import Any

import numpy as np

from analysis.agreement import Run, Setting, settings
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import fixed, listed, percent


def agreement(view: View) -> dict[str, Any] | None:
    """Return what the section is made of; None where the store has no agreement."""
    found = settings(view.results)
    if not found:
        return None
    looks = styles(view.architectures)
    return {
        "anchor": "agreement",
        "short": "Who agrees?",
        "question": "Language: does the verb agree with its subject?",
        "answer": " ".join(text for setting in found if (text := _accuracies(setting, looks))),
        "remarks": [
            text
            for setting in found
            for text in (
                _seen(setting),
                _attractors(setting, looks),
                _corrupted(setting, looks),
                _pairs(setting, looks),
            )
            if text
        ],
        "figures": (
            *("agreement", "agreement_crossed", "agreement_corruption"),
            *("agreement_pairs", "agreement_training"),
        ),
        "tables": ("agreement",),
        "limits": (
            "Other dependencies: agreement in number is one, in one language.",
            "That the syntax was found: on a corpus the nearest noun, or the usual number of a word, "
            "is often right too. The sentences with attractors tell them apart.",
            "What pretraining would give: the models see the sentences of one corpus alone.",
            "Rare distances: the number of test examples stands below each point.",
        ),
    }


def _accuracies(setting: Setting, looks: dict[str, Style]) -> str:
    told = _each(setting, looks, lambda run: run.accuracy, percent)
    if not told:
        return ""
    return (
        f"On {setting.label} agreement the number of the verb is right in {told} of the test "
        f"sentences; always saying the more frequent number gives {percent(setting.baseline)}."
    )


def _seen(setting: Setting) -> str:
    if not setting.seen:  # none, or not counted
        return ""
    return (
        f"{setting.label}: {percent(setting.seen)} of the test sentences stand, up to the verb, in the "
        "training split too; those answers may have been learned by heart."
    )


def _attractors(setting: Setting, looks: dict[str, Style]) -> str:
    told = _each(setting, looks, lambda run: run.slope, lambda value: fixed(value, 3, signed=True))
    return (
        f"{setting.label}: at a fixed distance each attractor more changes the accuracy by {told}."
        if told
        else ""
    )


def _corrupted(setting: Setting, looks: dict[str, Style]) -> str:
    told = _each(setting, looks, lambda run: run.lost, percent)
    return (
        f"{setting.label}: cutting, dropping and swapping 5 to 20 % of the tokens costs, on average, "
        f"{told} of accuracy."
        if told
        else ""
    )


def _pairs(setting: Setting, looks: dict[str, Style]) -> str:
    told = _each(setting, looks, lambda run: run.pair_accuracy, percent)
    return (
        f"On minimal pairs the models trained on {setting.label} prefer the grammatical verb in {told}."
        if told
        else ""
    )


def _each(setting: Setting, looks: dict[str, Style], value: Any, shown: Any) -> str:
    """Return the mean of each architecture in words: ``98.0 % (LSTM) and 91.2 % (RNN)``."""
    parts = []
    for architecture in setting.planned:
        values = [
            found for run in setting.of(architecture) if (found := _number(value, run)) is not None
        ]
        if values:
            parts.append(f"{shown(float(np.mean(values)))} ({looks[architecture].label})")
    return listed(parts)


def _number(value: Any, run: Run) -> float | None:
    found: float | None = value(run)
    return found
