"""Figure ``tuning``: the best validation score, expected and so far, against the number of trials."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.figures.base import Figure, Panel, line, panel
from analysis.style import Style, styles
from analysis.tables.tuning import all_tuned
from analysis.tuning import Tuned
from analysis.view import View
from analysis.wording import fixed, number


def draw(view: View) -> Figure | None:
    """Draw the expected best of n trials, and the best as the trials came."""
    found = all_tuned(view)
    if not found:
        return None
    looks = styles(view.architectures)
    return Figure(
        name="tuning",
        title="What more trials would have given",
        caption="Left: the best validation score to expect of n trials drawn from those that were made "
        "(Dodge et al. 2019), with one standard deviation; where a curve still rises at its end, more "
        "trials would have given more. Right: the best so far, as the trials came. A pruned trial "
        "counts with the best that it had reached.",
        panels=(_expected(found, looks), _so_far(found, looks)),
        data=pd.DataFrame([row for tuned in found for row in _rows(tuned)]),
        keys=tuple(sorted({key for tuned in found for key in tuned.keys})),
    )


def _rows(tuned: Tuned) -> list[dict[str, object]]:
    return [
        {
            "architecture": tuned.architecture,
            "trials": expected.trials,
            "expected_best": expected.mean,
            "deviation": expected.deviation,
            "best_so_far": best,
            "key": trial["key"],
        }
        for expected, best, trial in zip(tuned.expected(), tuned.so_far(), tuned.finished, strict=True)
    ]


def _expected(found: list[Tuned], looks: dict[str, Style]) -> Panel:
    def points(axes: Axes) -> None:
        for tuned in found:
            look, expected = looks[tuned.architecture], tuned.expected()
            x, y = [each.trials for each in expected], [each.mean for each in expected]
            # no trial was better than the best, nor worse than the worst
            worst, best = min(tuned.scores), max(tuned.scores)
            low = [max(worst, each.mean - each.deviation) for each in expected]
            high = [min(best, each.mean + each.deviation) for each in expected]
            axes.fill_between(x, low, high, color=look.colour, alpha=0.12, lw=0)
            line(axes, x, y, look, markersize=3.5)
        _axes(axes, "expected best validation score")

    return panel("tuning_expected", "Expected best of n trials", partial(points))


def _so_far(found: list[Tuned], looks: dict[str, Style]) -> Panel:
    def points(axes: Axes) -> None:
        for tuned in found:
            best = tuned.so_far()
            line(
                axes,
                range(1, len(best) + 1),
                best,
                looks[tuned.architecture],
                markersize=3.5,
                drawstyle="steps-post",
            )
        _axes(axes, "best validation score so far")

    return panel("tuning_so_far", "Best so far", partial(points))


def _axes(axes: Axes, label: str) -> None:
    axes.set_xlabel("trials")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.yaxis.set_major_formatter(lambda value, _: fixed(value, 2))
