"""Figure ``digits``: test score of every seed, for each task on real data or without slices."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, panel
from analysis.style import MUTED, Style, styles
from analysis.view import View
from analysis.wording import percent


def draw(results: View) -> Figure | None:
    """Draw one panel a task, one row an architecture, one point a seed."""
    rows = results.frame("train")
    if rows.empty:
        return None
    rows = rows[(rows.status == "ok") & rows.test.notna()]
    if rows.empty:
        return None
    looks = styles(results.architectures)
    panels = [_panel(results, str(task), part, looks) for task, part in rows.groupby("task", sort=True)]
    data = rows[
        ["task", "architecture", "seed", "test", "validation", "learning_rate", "converged", "key"]
    ]
    return Figure(
        name="digits",
        title="Test score over a whole task, every seed",
        caption="Each point is one seed; hollow points had not converged. The vertical bar is the mean "
        "over seeds, the dashed line chance.",
        panels=tuple(panels),
        data=data.sort_values(["task", "architecture", "seed"]),
        keys=tuple(sorted(data.key)),
    )


def _panel(results: View, task: str, rows: pd.DataFrame, looks: dict[str, Style]) -> Panel:
    present = [name for name in looks if (rows.architecture == name).any()]
    regression = results.is_regression(task)

    def points(axes: Axes) -> None:
        for place, name in enumerate(reversed(present)):
            look, mine = looks[name], rows[rows.architecture == name].sort_values("seed")
            for done, group in mine.groupby(mine.converged.astype(bool)):
                axes.scatter(
                    group.test,
                    [place + _jitter(seed) for seed in group.seed],
                    s=30,
                    marker=look.marker,
                    color=look.colour if done else "white",
                    edgecolors=look.colour,
                    linewidths=1.2,
                    zorder=3,
                )
            axes.plot([mine.test.mean()] * 2, [place - 0.33, place + 0.33], color=look.colour, lw=2)
        axes.set_yticks(range(len(present)), [looks[name].label for name in reversed(present)])
        axes.set_ylim(-0.6, len(present) - 0.4)
        axes.grid(axis="y", visible=False)
        if regression:
            axes.set_xlabel("test mean squared error")
        else:
            axes.set_xlim(-0.03, 1.03)
            axes.xaxis.set_major_formatter(lambda value, _: percent(value, 0))
            axes.set_xlabel("test accuracy")
        chance = results.chance(task)
        if chance is not None:
            axes.axvline(chance, color=MUTED, lw=1, linestyle=(0, (4, 3)))
            axes.annotate(
                "chance",
                (chance, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -2),
                textcoords="offset points",
                fontsize=7.5,
                color=MUTED,
                va="top",
            )

    height = 1.35 + 0.34 * len(present)
    return panel(f"scores_{task}", f"{task}: test score", partial(points), height=height, legend=False)


def _jitter(seed: int) -> float:
    """Return a small offset that depends on the seed alone, so that equal scores are told apart."""
    return ((seed * 7) % 11 - 5) * 0.04
