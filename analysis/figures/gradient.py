"""Figure ``gradient_profile``: J(k), the gradient k positions back, before and after training."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, log_values, panel
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import plural, power

_WHAT = {"state": "last encoder state", "logit": "correct symbol’s logit"}
_WHEN = {"init": "at initialisation", "trained": "after training"}
_FLOOR = 1e-12  # relative to the largest value: below it, single precision has nothing to say


def draw(results: View) -> Figure | None:
    """Draw J(k) of state and logit at both moments, for each task."""
    rows = [
        (record.cell.task, record.cell.architecture, record.cell.seed, name, k, value, record.key)
        for record in results.records
        if record.cell.measure == "gradient" and record.status == "ok"
        for name, curve in sorted(record.curves.items())
        for k, value in curve
    ]
    if not rows:
        return None
    columns = ["task", "architecture", "seed", "curve", "k", "gradient", "key"]
    data = pd.DataFrame(rows, columns=columns).sort_values(
        ["task", "curve", "architecture", "seed", "k"]
    )
    looks = styles(results.architectures)
    panels = [
        _panel(str(task), curve, part, looks)
        for task, of_task in data.groupby("task", sort=True)
        for curve in (f"{what}_{when}" for when in _WHEN for what in _WHAT)
        if not (part := of_task[of_task.curve == curve]).empty
    ]
    seeds = int(data.groupby(["task", "architecture"]).seed.nunique().max())
    return Figure(
        name="gradient_profile",
        title="How much of the gradient arrives k positions back, J(k)",
        caption="Norm of the gradient with respect to the source embedding k positions before the end, "
        f"mean over examples; the line is the geometric mean over seeds (at most "
        f"{plural(seeds, 'seed')}), the band their range. A straight fall on this "
        "logarithmic axis is exponential vanishing.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
    )


def _panel(task: str, curve: str, rows: pd.DataFrame, looks: dict[str, Style]) -> Panel:
    what, _, when = curve.partition("_")
    positive = rows[rows.gradient > 0]
    floor = _FLOOR * positive.gradient.max() if len(positive) else 0.0

    def points(axes: Axes) -> None:
        for architecture, look in looks.items():
            mine = positive[(positive.architecture == architecture) & (positive.gradient >= floor)]
            if mine.empty:
                continue
            by_k = mine.assign(log=np.log10(mine.gradient)).groupby("k").log
            mean, low, high = (10.0 ** getattr(by_k, name)() for name in ("mean", "min", "max"))
            every = max(1, len(mean) // 8)
            axes.fill_between(mean.index, low, high, color=look.colour, alpha=0.12, lw=0)
            axes.plot(
                mean.index,
                mean,
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                markevery=every,
                markersize=4,
                label=look.label,
            )
        axes.set_xlabel("k, positions back from the end (tokens)")
        log_values(axes, "J(k)", power)

    title = f"{task}: {_WHAT.get(what, what)}, {_WHEN.get(when, when)}"
    return panel(f"gradient_{task}_{curve}", title, partial(points), size="half")
