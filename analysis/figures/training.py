"""Figure ``training_curves``: validation score against step, with the mark of convergence."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, level, panel
from analysis.style import BAD, Style, styles
from analysis.view import View
from analysis.wording import number, percent


def draw(results: View) -> Figure | None:
    """Draw a small chart for each task and architecture, one line a seed."""
    rows = [
        {
            "task": record.cell.task,
            "architecture": record.cell.architecture,
            "seed": record.cell.seed,
            "learning_rate": record.metrics.get("learning_rate"),
            "converged": bool(record.metrics.get("converged")),
            "step": step,
            "validation": value,
            "key": record.key,
        }
        for record in results.records
        if record.cell.measure == "train" and record.status == "ok"
        for step, value in record.curves.get("validation", [])
        if value is not None
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows).sort_values(["task", "architecture", "seed", "step"])
    looks = styles(results.architectures)
    panels = [
        _panel(results, str(task), architecture, mine, looks[architecture])
        for task, of_task in data.groupby("task", sort=True)
        for architecture in looks
        if not (mine := of_task[of_task.architecture == architecture]).empty
    ]
    return Figure(
        name="training_curves",
        title="Had training converged? Validation score while training, one line a seed",
        caption="lr is the selected learning rate. ● the loss and the score had stopped "
        "improving over the last quarter of the steps (converged); ○ they had not, so a low "
        "score says unconverged, not incapable.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
        size="third",
    )


def _panel(results: View, task: str, architecture: str, rows: pd.DataFrame, look: Style) -> Panel:
    regression = results.is_regression(task)

    def points(axes: Axes) -> None:
        for _, one in rows.groupby("seed", sort=True):
            done = bool(one.converged.iloc[0])
            axes.plot(one.step, one.validation, color=look.colour, lw=1.3, alpha=0.85)
            axes.plot(
                one.step.iloc[-1:],
                one.validation.iloc[-1:],
                linestyle="",
                marker="o",
                markersize=5.5,
                color=look.colour if done else BAD,
                markerfacecolor=look.colour if done else "white",
                clip_on=False,
            )
        axes.set_xlabel(f"training steps ({_end_note(rows)})")
        axes.margins(x=0.03)
        if regression:
            axes.set_ylabel("validation error (squared)")
        else:
            axes.set_ylim(-0.03, 1.05)
            axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
            axes.set_ylabel("validation accuracy")
        axes.xaxis.set_major_formatter(lambda value, _: number(value))
        chance = results.chance(task)
        if chance is not None:
            level(axes, chance, "chance")

    return panel(
        f"training_{task}_{results.slug(architecture)}",
        f"{task}: {look.label}",
        partial(points),
        size="third",
        height=2.3,
        legend=False,
    )


def _end_note(rows: pd.DataFrame) -> str:
    one_each = rows.drop_duplicates("seed")
    rates = "/".join(dict.fromkeys(f"{rate:g}" for rate in one_each.learning_rate.dropna()))
    return f"lr {rates}; {int(one_each.converged.sum())} of {len(one_each)} converged"
