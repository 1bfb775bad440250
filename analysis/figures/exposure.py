"""Figure ``exposure_gap``: accuracy lost without the true prefix, by target length."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from analysis.claims.translation_exposure import Gaps, gather
from analysis.figures.base import Figure, Panel, level, line, log_lengths, panel
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import percent, plural


def draw(results: View) -> Figure | None:
    """Draw one panel for each task that records both accuracies at two lengths or more."""
    found = [gaps for gaps in gather(results.results) if gaps.rows.length.nunique() > 1]
    if not found:
        return None
    looks = styles(results.architectures)
    data = pd.concat([gaps.rows.assign(task=gaps.label) for gaps in found], ignore_index=True)
    seeds = max(gaps.seeds for gaps in found)
    return Figure(
        name="exposure_gap",
        title="The exposure gap: accuracy lost without the true prefix, by target length",
        caption="Token accuracy given the true prefix (as in training) minus that given the model’s "
        f"own (as in use). Each point is one seed (at most {plural(seeds, 'seed')}), the line their "
        "mean. In translation, running freely also loses for other right wordings and displaced words.",
        panels=tuple(_panel(place, gaps, looks) for place, gaps in enumerate(found)),
        data=data,
        keys=tuple(sorted(set(data.key))),
    )


def _panel(place: int, gaps: Gaps, looks: dict[str, Style]) -> Panel:
    rows = gaps.rows

    def points(axes: Axes) -> None:
        for architecture, look in looks.items():
            mine = rows[rows.architecture == architecture]
            if mine.empty:
                continue
            axes.scatter(
                mine.length, mine.gap, s=13, color=look.colour, marker=look.marker, alpha=0.45, lw=0
            )
            mean = mine.groupby("length").gap.mean()
            line(axes, list(mean.index), list(mean), look, markersize=3.5)
        axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.set_ylabel("accuracy lost")
        log_lengths(axes, rows.length, "target length (tokens)")
        level(axes, 0, "")

    return panel(f"exposure_gap_{place}", f"{gaps.label}: exposure gap", partial(points), size="half")
