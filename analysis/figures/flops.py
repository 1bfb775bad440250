"""Figure ``flops``: counted FLOPs of one layer against n; where two layers cost the same."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.exponents import one_width
from analysis.figures import sweep
from analysis.figures.base import Figure, Panel
from analysis.style import MUTED, styles
from analysis.view import View
from analysis.wording import number, scaled


def draw(results: View) -> Figure | None:
    """Draw forward FLOPs against n for every layer part, and of whole models where counted."""
    rows = results.frame("flops")
    if rows.empty or not (rows.status == "ok").any():
        return None
    looks = styles(results.architectures)
    panels: list[Panel] = []
    for scope, what in (("layer", "one layer"), ("model", "a whole model")):
        mine = rows[(rows.scope == scope)]
        if mine.empty or not (mine.status == "ok").any():
            continue
        mine = one_width(mine, "n")
        if mine.n.nunique() < 2:  # a point is no growth
            continue
        width = float(mine.width.iloc[0])
        marks = crossings(mine[mine.status == "ok"], "forward") if scope == "layer" else []
        chart = sweep.Sweep(
            name=f"flops_{scope}",
            title=f"Counted FLOPs of {what}, forward (d = {number(width)})",
            x="n",
            y="forward",
            x_label="n, positions",
            y_label="FLOPs (a multiply-add is 2)",
            shown=scaled,
            height=3.8,
            with_kernel=False,
        )
        panels.append(sweep.draw(chart, mine, looks, decorate=partial(_mark, marks=marks)))
    if not panels:
        return None
    return Figure(
        name="flops",
        title="FLOPs as sequences grow, and where two layers cost the same",
        caption="Counted from the operators that run, and checked against the formula. Rings mark the "
        "measured lengths between which a layer overtakes another "
        "architecture’s. Lines that coincide hide one another: see the table.",
        panels=tuple(panels),
        data=rows[
            [
                *sweep.SERIES,
                *("scope", "n", "width", "batch", "forward", "backward", "formula", "agrees"),
                *("extrapolated", "status", "key"),
            ]
        ],
        keys=tuple(sorted(rows.key)),
    )


def crossings(rows: pd.DataFrame, column: str) -> list[tuple[float, float, str]]:
    """Return (n, value, names) wherever two architectures cross, by interpolation."""
    lines = {
        key: group.set_index("n")[column].sort_index()
        for key, group in rows.groupby(["architecture", "part"], sort=True)
    }
    found = []
    names = sorted(lines)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            if one[0] == other[0]:
                continue
            both = pd.concat([lines[one], lines[other]], axis=1, join="inner").dropna()
            gap = np.log((both.iloc[:, 0] / both.iloc[:, 1]).to_numpy(float))
            x = np.log(both.index.to_numpy(dtype=float))
            for i in np.flatnonzero(np.sign(gap[1:]) != np.sign(gap[:-1])):
                if gap[i] == 0:
                    continue  # found as the end of the stretch before
                share = gap[i] / (gap[i] - gap[i + 1])
                n = float(np.exp(x[i] + share * (x[i + 1] - x[i])))
                y = np.log(both.iloc[:, 0].to_numpy(dtype=float))
                found.append(
                    (n, float(np.exp(y[i] + share * (y[i + 1] - y[i]))), f"{one[1]} = {other[1]}")
                )
    return sorted(found)


def _mark(axes: Axes, marks: list[tuple[float, float, str]]) -> None:
    for n, value, _ in marks:
        axes.plot(
            [n], [value], "o", markersize=9, markerfacecolor="none", markeredgecolor=MUTED, zorder=4
        )
        axes.annotate(
            f"n ≈ {number(n, 2)}",
            (n, value),
            xytext=(7, -9),
            textcoords="offset points",
            fontsize=7,
            color=MUTED,
        )
