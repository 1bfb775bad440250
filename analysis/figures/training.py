"""Figures ``training_curves`` and ``translation_training``: validation while training."""

from functools import partial
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, level, panel
from analysis.style import BAD, Style, styles
from analysis.view import View
from analysis.wording import number, percent

CAPTION = (
    "lr is the selected learning rate. ● the loss and the score had stopped improving over the last "
    "quarter of the steps (converged); ○ they had not, so a low score says unconverged, not incapable."
)


def draw(results: View) -> Figure | None:
    """Draw a small chart for each task and architecture, one line a seed."""
    rows = _rows(results, "train", "validation")
    if rows.empty:
        return None
    looks = styles(results.architectures)
    panels = [
        _panel(
            mine,
            looks[architecture],
            name=f"training_{task}_{results.slug(architecture)}",
            title=f"{task}: {looks[architecture].label}",
            axis="error" if results.is_regression(str(task)) else "accuracy",
            chance=results.chance(str(task)),
        )
        for task, of_task in rows.groupby("task", sort=True)
        for architecture in looks
        if not (mine := of_task[of_task.architecture == architecture]).empty
    ]
    return _figure(
        "training_curves",
        "Had training converged? Validation score while training, one line a seed",
        panels,
        rows,
    )


def draw_translation(results: View) -> Figure | None:
    """Draw validation BLEU against step for each setting and system, one line a seed."""
    rows = _rows(results, "translate", "validation_bleu")
    if rows.empty:
        return None
    looks = styles(results.architectures)
    panels = []
    for place, system in enumerate(results.translations.systems):
        mine = rows[rows.key.isin(system.keys)]
        if not mine.empty:
            panels.append(
                _panel(
                    mine,
                    looks[system.architecture],
                    name=f"training_bleu_{place}",
                    title=f"{results.translations.settings[system.setting]}: {system.label}",
                    axis="BLEU",
                )
            )
    return _figure(
        "translation_training",
        "Had training converged? Validation BLEU (greedy) while training, one line a seed",
        panels,
        rows,
    )


def _rows(results: View, measure: str, curve: str) -> pd.DataFrame:
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
        if record.cell.measure == measure and record.status == "ok"
        for step, value in record.curves.get(curve, [])
        if value is not None
    ]
    if not rows:
        return pd.DataFrame()
    return pd.DataFrame(rows).sort_values(["task", "architecture", "seed", "step"])


def _figure(name: str, title: str, panels: list[Panel], rows: pd.DataFrame) -> Figure:
    return Figure(
        name=name,
        title=title,
        caption=CAPTION,
        panels=tuple(panels),
        data=rows,
        keys=tuple(sorted(set(rows.key))),
        size="third",
    )


def _panel(
    rows: pd.DataFrame,
    look: Style,
    *,
    name: str,
    title: str,
    axis: Literal["accuracy", "error", "BLEU"],
    chance: float | None = None,
) -> Panel:
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
        if axis == "error":
            axes.set_ylabel("validation error (squared)")
        elif axis == "BLEU":
            axes.set_ylim(bottom=0)
            axes.set_ylabel("validation BLEU")
        else:
            axes.set_ylim(-0.03, 1.05)
            axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
            axes.set_ylabel("validation accuracy")
        axes.xaxis.set_major_formatter(lambda value, _: number(value))
        if chance is not None:
            level(axes, chance, "chance")

    return panel(
        name,
        title,
        partial(points),
        size="third",
        height=2.3,
        legend=False,
    )


def _end_note(rows: pd.DataFrame) -> str:
    one_each = rows.drop_duplicates("seed")
    rates = "/".join(dict.fromkeys(f"{rate:.3g}" for rate in one_each.learning_rate.dropna()))
    return f"lr {rates}; {int(one_each.converged.sum())} of {len(one_each)} converged"
