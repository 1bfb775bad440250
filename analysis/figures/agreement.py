"""Figures ``agreement`` and ``agreement_crossed``: accuracy by distance and by attractors."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from analysis.agreement import Run, Setting, settings
from analysis.figures.base import Figure, Panel, level, line, panel
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import percent, plural

FEW = 20
"""Test examples below which a point is drawn hollow: one answer more is 5 % of accuracy or above."""

AXIS = {
    "distance": "tokens from subject to verb (test examples)",
    "attractors": "attractors (test examples)",
}
COLUMNS = ["corpus", "architecture", "seed", "slice", "value", "accuracy", "count", "key"]


def draw(results: View) -> Figure | None:
    """Draw accuracy against distance and against attractors, a panel each for every corpus."""
    looks = styles(results.architectures)
    panels, parts = [], []
    for place, setting in enumerate(settings(results.results)):
        for name in AXIS:
            rows = _rows(setting, name)
            if rows.value.nunique() > 1:
                title = f"{setting.label}: accuracy against {name}"
                panels.append(_panel(f"agreement_{name}_{place}", title, setting, rows, name, looks))
                parts.append(rows)
    if not panels:
        return None
    data = pd.concat(parts, ignore_index=True)
    return Figure(
        name="agreement",
        title="Who finds the subject of a verb?",
        caption="Test accuracy for the number of the verb, from the words before it. An attractor is a "
        "noun of the other number between subject and verb. Each point is one seed (at most "
        f"{plural(_seeds(data), 'seed')} an architecture), the line their mean; hollow points rest on "
        f"fewer than {FEW} test examples. The dashed line is the majority baseline: always the more "
        "frequent number.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
    )


def draw_crossed(results: View) -> Figure | None:
    """Draw accuracy against attractors at each distance that has two numbers of attractors."""
    looks = styles(results.architectures)
    panels, parts = [], []
    for place, setting in enumerate(settings(results.results)):
        rows = _crossed(setting)
        for distance, mine in rows.groupby("distance", sort=True):
            if mine.value.nunique() < 2:
                continue
            title = f"{setting.label}: distance {setting.name_of('distance', float(str(distance)))}"
            name = f"agreement_crossed_{place}_{distance}"
            panels.append(_panel(name, title, setting, mine, "attractors", looks, size="third"))
            parts.append(mine)
    if not panels:
        return None
    data = pd.concat(parts, ignore_index=True)
    return Figure(
        name="agreement_crossed",
        title="Do attractors mislead, the distance being fixed?",
        caption="As above, at one distance from subject to verb each. The slopes of these lines are "
        "what claim L12 compares.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
        size="third",
    )


def _rows(setting: Setting, name: str) -> pd.DataFrame:
    parts = [_about(setting, run, run.at(name)) for run in setting.runs]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _crossed(setting: Setting) -> pd.DataFrame:
    parts = [
        _about(setting, run, run.crossed.assign(value=run.crossed.attractors, slice="attractors"))
        for run in setting.runs
    ]
    columns = [*COLUMNS, "distance"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _about(setting: Setting, run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    found = rows.assign(corpus=setting.label, architecture=run.architecture, seed=run.seed, key=run.key)
    return found[[*COLUMNS, *(["distance"] if "distance" in rows else [])]]


def _panel(
    name: str,
    title: str,
    setting: Setting,
    rows: pd.DataFrame,
    slice_name: str,
    looks: dict[str, Style],
    size: Literal["half", "third"] = "half",
) -> Panel:
    counts = rows.groupby("value")["count"].max()
    places = {value: place for place, value in enumerate(sorted(counts.index))}

    def points(axes: Axes) -> None:
        for architecture, look in looks.items():
            mine = rows[rows.architecture == architecture]
            for few, group in mine.groupby(mine["count"] < FEW):
                axes.scatter(
                    group.value.map(places),
                    group.accuracy,
                    s=14,
                    marker=look.marker,
                    color="none" if few else look.colour,
                    edgecolors=look.colour,
                    linewidths=0.8 if few else 0,
                    alpha=0.6,
                )
            if not mine.empty:
                mean = mine.groupby("value").accuracy.mean()
                sure = [place for place, v in enumerate(mean.index) if counts[v] >= FEW]
                x = [places[v] for v in mean.index]
                line(axes, x, list(mean), look, markersize=3, markevery=sure)
        labels = [f"{setting.name_of(slice_name, v)}\n({counts[v]:,.0f})" for v in places]
        axes.set_xticks(list(places.values()), labels)
        axes.set_xlim(-0.4, len(places) - 0.6)
        accuracy_axis(axes)
        axes.set_xlabel(AXIS[slice_name])
        if setting.baseline is not None:
            level(axes, setting.baseline, f"majority {percent(setting.baseline)}")

    return panel(name, title, partial(points), size=size, height=3.2 if size == "half" else 3.0)


def accuracy_axis(axes: Axes) -> None:
    """Show accuracies from 0 to 1 on y."""
    axes.set_ylim(-0.03, 1.05)
    axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
    axes.set_ylabel("test accuracy")


def _seeds(rows: pd.DataFrame | Sequence[int]) -> int:
    return int(pd.DataFrame(rows).groupby(["corpus", "architecture"]).seed.nunique().max())
