"""Table ``reach``: what encoders see, by theory, by their answers and by their gradients."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from analysis.reach import Encoder, Run, encoders
from analysis.style import styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import NONE, number, percent


def reach(view: View) -> Table | None:
    """Return one row an encoder: its sight by theory, accuracy around it, and its gradients."""
    found = [encoder for encoder in encoders(view.results) if encoder.runs]
    if not found:
        return None
    looks = styles(view.architectures)
    rows, data = [], []
    for encoder in found:
        look = looks.get(encoder.architecture)
        runs = encoder.runs
        converged = sum(run.converged for run in runs)
        rows.append(
            (
                Entry(encoder.label, colour=look.colour if look else ""),
                Entry(_side(encoder.right)),
                *(
                    _accuracy(runs, offsets)
                    for offsets in (encoder.inside, encoder.inside[-1:], encoder.beyond)
                ),
                Entry(_size(encoder)),
                *(Entry(_mean(_sizes(encoder, moment))) for moment in ("init", "trained")),
                Entry(_mean(run.parameters for run in runs)),
                Entry(f"{converged} of {len(runs)}", kind="open" if converged < len(runs) else ""),
            )
        )
        data += [
            {
                "encoder": encoder.label,
                "architecture": encoder.architecture,
                "seed": run.seed,
                "sees_right": encoder.right,
                "accuracy_inside": run.mean(encoder.inside) if encoder.inside else math.nan,
                "accuracy_edge": run.mean(encoder.inside[-1:]) if encoder.inside else math.nan,
                "accuracy_beyond": run.mean(encoder.beyond) if encoder.beyond else math.nan,
                "size_init": _metric(run, "size_init"),
                "size_trained": _metric(run, "size_trained"),
                "parameters": run.parameters,
                "converged": run.converged,
                "key": run.key,
            }
            for run in runs
        ]
    return Table(
        name="reach",
        title="What encoders see: by theory, by their answers, by their gradients",
        caption="Accuracy over the offsets inside the receptive field, at the farthest of them, and "
        "beyond it (mean over seeds; chance "
        f"{percent(next(run.chance for encoder in found for run in encoder.runs))}). Positions that "
        "the middle state depends on: all that theory allows, and those whose mean gradient exceeds "
        "4.55 % of the largest (mean over seeds).",
        groups=(("", 2), ("Accuracy", 3), ("Positions that matter", 3), ("", 2)),
        columns=(
            Column("Encoder"),
            Column("sees to the right", "num", "positions, by theory"),
            Column("inside", "num"),
            Column("at the edge", "num"),
            Column("beyond", "num"),
            Column("theory", "theory"),
            Column("at initialisation", "num"),
            Column("after training", "num"),
            Column("parameters", "num"),
            Column("converged", "num", "seeds"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(
            (run.key for encoder in found for run in encoder.runs),
            (run.gradients.key for encoder in found for run in encoder.runs if run.gradients),
        ),
    )


def _accuracy(runs: Sequence[Run], offsets: Sequence[int]) -> Entry:
    if not offsets:
        return Entry(NONE, kind="muted")
    place = f"{offsets[0]}" if len(offsets) == 1 else f"{offsets[0]} to {offsets[-1]}"
    return Entry(percent(float(np.mean([run.mean(offsets) for run in runs]))), place)


def _side(sees: float | None) -> str:
    if sees is None:
        return NONE
    return "all" if math.isinf(sees) else number(sees)


def _size(encoder: Encoder) -> str:
    if encoder.left is None or encoder.right is None:
        return NONE
    return _side(encoder.left + 1 + encoder.right)


def _sizes(encoder: Encoder, moment: str) -> list[float]:
    found = (_metric(run, f"size_{moment}") for run in encoder.runs)
    return [size for size in found if math.isfinite(size)]


def _metric(run: Run, name: str) -> float:
    value = run.gradients.metrics.get(name) if run.gradients else None
    return math.nan if value is None else float(value)


def _mean(values: Iterable[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    return number(float(np.mean(known))) if known else NONE
