"""The question of the ablation: answer, remarks, figures, tables, and what they do not show."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from analysis.ablation import Ablation, Row, ablations
from analysis.head_maps import head_maps
from analysis.pairing import pairs
from analysis.statistics import mean_interval
from analysis.view import View
from analysis.wording import fixed, listed, plural


def ablation(view: View) -> dict[str, Any] | None:
    """Return what the section is made of; None where the store has no ablation.

    ``view`` must hold all settings, not one an architecture.
    """
    found = ablations(view.results)
    if not found:
        return None
    return {
        "anchor": "ablation",
        "short": "Which parts matter?",
        "question": "Which of a Transformer’s options matter?",
        "answer": " ".join(_answer(one) for one in found),
        "remarks": [text for one in found for text in (_longer(one), _heads(view, one)) if text],
        "figures": ("heads",),
        "leading": ("ablation",),
        "tables": (),
        "limits": (
            "Options together: each row changes one beside the base, and what helps alone need not "
            "help with another.",
            "Other tasks and budgets: what a row gains or loses is that of this task, at this size and "
            "after these steps. A bigger model may need more of them.",
            "What a head is for: a map shows where weight lies, not what is done with it.",
        ),
    }


def _answer(one: Ablation) -> str:
    """Return the rows with the largest loss and gain, and how many are told from the base at all."""
    changes = {row: gain for row in one.rows if (gain := _gain(one, row)) is not None}
    if not changes:
        return "No record of this store answers this question."
    worst, best = min(changes, key=changes.__getitem__), max(changes, key=changes.__getitem__)
    unit = "BLEU" if one.in_bleu else "points"
    told = f"On {one.label}, of {plural(len(changes), 'change')} to the base {_clear(one, changes)}."
    shown = [
        f"most is {verb} by {row.words} ({fixed(changes[row], 1, signed=True)} {unit})"
        for verb, row, counts in (
            ("lost", worst, changes[worst] < 0),
            ("gained", best, changes[best] > 0),
        )
        if counts
    ]
    if not shown:
        return told
    text = listed(shown)
    return f"{told} {text[0].upper()}{text[1:]}."


def _gain(one: Ablation, row: Row) -> float | None:
    gains = [a.score - b.score for a, b in pairs(row, one.base, converged=False)]
    return float(np.mean(gains)) * (1.0 if one.in_bleu else 100.0) if gains else None


def _clear(one: Ablation, rows: Iterable[Row]) -> str:
    """Return how many rows differ from the base by more than their seeds scatter, in words."""
    intervals = [
        mean_interval([a.score - b.score for a, b in pairs(row, one.base, converged=False)], "seeds")
        for row in rows
    ]
    if not any(intervals):
        return "none can be told from chance: each has one seed"
    count = sum(found is not None and (found.low > 0 or found.high < 0) for found in intervals)
    verb = "differs" if count == 1 else "differ"
    return f"{count or 'none'} {verb} from it beyond the seeds’ spread"


def _longer(one: Ablation) -> str:
    """Return how the kinds of positions do on longer strings than any trained one."""
    means = {
        row.options["positions"]: float(np.mean(values))
        for row in one.along("positions")
        if (values := [run.beyond for run in row.runs.values() if run.beyond is not None])
    }
    if len(means) < 2:
        return ""
    ordered = sorted(means, key=lambda kind: -means[kind])
    names = {"alibi": "ALiBi"}
    told = listed(
        f"{names.get(kind, kind)} {100 * means[kind]:.0f}\N{NARROW NO-BREAK SPACE}%" for kind in ordered
    )
    return f"At longer strings than any trained one ({one.trained_to}), by positions: {told}."


def _heads(view: View, one: Ablation) -> str:
    """Return how far apart the base's heads are, before and after training."""
    mine = [
        maps
        for maps in head_maps(view.results, one)
        if maps.heads == one.base.options["heads"] and maps.distance is not None
    ]
    if not mine:
        return ""
    after = float(np.mean([maps.distance for maps in mine]))
    before = float(np.mean([maps.distance_init for maps in mine]))
    return (
        f"The maps of two of the base’s {mine[0].heads} heads are {fixed(after)} bits apart on "
        f"average, {fixed(before)} before training (0: equal, 1: no position in common)."
    )
