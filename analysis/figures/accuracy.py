"""Figure ``accuracy_by_distance``: test accuracy by distance, load or length; every seed a point."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, level, line, log_lengths, panel
from analysis.figures.length_generalisation import SLICE, trained_lengths
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import percent, plural


def draw(results: View) -> Figure | None:
    """Draw one panel for each task and slice that has at least two values.

    Lengths beside trained ones are another figure's: ``length_generalisation``.
    """
    rows = results.slices
    if rows.empty:
        return None
    rows = rows[(rows.split == "test") & rows.accuracy.notna()]
    looks = styles(results.architectures)
    panels, kept = [], []
    elsewhere = trained_lengths(results)
    for (task, name), part in rows.groupby(["task", "slice"], sort=True):
        if part.value.nunique() < 2 or (name == SLICE and task in elsewhere):
            continue
        chance = results.chance(str(task))
        panels.append(_panel(str(task), str(name), part, chance, looks))
        kept.append(part)
    if not panels:
        return None
    data = pd.concat(kept)[
        ["task", "slice", "architecture", "seed", "value", "accuracy", "count", "key"]
    ]
    seeds = data.groupby(["task", "architecture"]).seed.nunique().max()
    return Figure(
        name="accuracy_by_distance",
        title="How far back each architecture answers correctly",
        caption=f"Accuracy on the test split. Each point is one seed (at most "
        f"{plural(seeds, 'seed')} an architecture), the line their mean, the dashed "
        "line chance. The learning rate was chosen on the validation split.",
        panels=tuple(panels),
        data=data.sort_values(["task", "slice", "architecture", "value", "seed"]),
        keys=tuple(sorted(set(data.key))),
    )


def _panel(
    task: str, name: str, rows: pd.DataFrame, chance: float | None, looks: dict[str, Style]
) -> Panel:
    def points(axes: Axes) -> None:
        for architecture, look in looks.items():
            mine = rows[rows.architecture == architecture]
            if mine.empty:
                continue
            axes.scatter(
                mine.value, mine.accuracy, s=13, color=look.colour, marker=look.marker, alpha=0.45, lw=0
            )
            mean = mine.groupby("value").accuracy.mean()
            line(axes, list(mean.index), list(mean), look, markersize=3.5)
        axes.set_ylim(-0.03, 1.05)
        axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.set_ylabel("test accuracy")
        log_lengths(axes, rows.value, f"{name} (tokens)")
        if chance is not None:
            level(axes, chance, f"chance {percent(chance)}")

    title = f"{task}: accuracy against {name}"
    return panel(f"accuracy_{task}_{name}", title, partial(points), size="half")
