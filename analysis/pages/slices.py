"""Tables of sizes: how far an architecture answers on every task, and all of them on one task."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.load import Results
from analysis.pages.pairs import Pair
from analysis.pages.site import Site
from analysis.spans import summary
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.wording import fixed, interval, number, percent


def slices(results: Results, pairs: Sequence[Pair]) -> Table | None:
    """Return a row for each task and slice: spans, area, change, accuracy near and far."""
    rows, data = [], []
    for pair in pairs:
        for name, shares in pair.slices.items():
            found = summary(_of(results, pair), pair.task, name)
            if not found:  # of translations, whose sizes are no spans
                continue
            one, near, far = found[0], min(shares), max(shares)
            bounds = one.auc_interval
            rows.append(
                (
                    Entry(pair.label, name.replace("_", " ")),
                    Entry(str(one.span90)),
                    Entry(str(one.span50)),
                    Entry(fixed(one.auc), interval(bounds.low, bounds.high) if bounds else ""),
                    Entry(percent(shares[near]), f"at {number(near)}"),
                    Entry(percent(shares[far]), f"at {number(far)}"),
                    Entry(f"{one.solved} of {one.seeds}"),
                )
            )
            data += [
                {"architecture": pair.architecture, "task": pair.label, "slice": name}
                | {"value": value, "accuracy": share}
                for value, share in shares.items()
            ]
    if not rows:
        return None
    return Table(
        name="slices",
        title="Accuracy by distance, length and load",
        caption="span90 and span50: the longest value up to which accuracy stays at 90 % and 50 %, "
        "median over seeds; ≥ marks the end of the measured range, < its beginning. AUC: area under "
        "chance-corrected accuracy against the logarithm of the value.",
        columns=(
            Column("Task", note="slice"),
            Column("span90", "num"),
            Column("span50", "num"),
            Column("AUC", "num", "mean [95 %] over seeds"),
            Column("nearest", "num"),
            Column("farthest", "num"),
            Column("solved", "num", "seeds"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(pair.keys for pair in pairs)),
    )


def _of(results: Results, pair: Pair) -> Results:
    """Return the cells of one pair alone."""
    cells = {key: results.planned[key] for key in pair.planned}
    records = [results.records[key] for key in pair.planned if key in results.records]
    return Results({**results.manifest, "cells": cells}, records)


MOST = 9
"""Values of a slice that a table shows: of more, so many are chosen evenly, both ends among them."""


def accuracies(pairs: Sequence[Pair], site: Site) -> list[Table]:
    """Return, for each slice of one task, the accuracy of every architecture at its values."""
    names = dict.fromkeys(name for pair in pairs for name in pair.slices)
    return [_accuracies(name, [p for p in pairs if name in p.slices], site) for name in names]


def _accuracies(name: str, pairs: Sequence[Pair], site: Site) -> Table:
    words = name.replace("_", " ")
    values = sorted({value for pair in pairs for value in pair.slices[name]})
    places = np.linspace(0, len(values) - 1, min(MOST, len(values))).round().astype(int)
    shown = [values[place] for place in places]
    return Table(
        name=f"by_{name}",
        title=f"{pairs[0].label}: test accuracy by {words}",
        caption=f"Mean over seeds; {len(shown)} of {len(values)} values of {words}."
        if len(shown) < len(values)
        else "Mean over seeds.",
        columns=(Column("Architecture"), *(Column(number(value), "num") for value in shown)),
        rows=tuple(
            (
                Entry(
                    site.looks[pair.architecture].label,
                    colour=site.looks[pair.architecture].colour,
                    href=site.architecture_path(pair.architecture),
                ),
                *(Entry(percent(pair.slices[name].get(value))) for value in shown),
            )
            for pair in pairs
        ),
        data=pd.DataFrame(
            [
                {"task": pair.label, "architecture": pair.architecture, name: value, "accuracy": share}
                for pair in pairs
                for value, share in pair.slices[name].items()
            ]
        ),
        keys=keys_of(*(pair.keys for pair in pairs)),
    )
