"""Figure ``accuracy_by_offset``: what each encoder answers, and where theory ends its sight."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, level, line, panel
from analysis.reach import Encoder, encoders
from analysis.style import Style, shown_names, styles
from analysis.view import View
from analysis.wording import percent, plural


def draw(view: View) -> Figure | None:
    """Draw one panel an architecture, one line an encoder; its edge of sight is a dotted line."""
    found = [encoder for encoder in encoders(view.results) if encoder.runs]
    rows = [
        {
            "architecture": encoder.architecture,
            "encoder": encoder.label,
            "seed": run.seed,
            "offset": offset,
            "accuracy": accuracy,
            "sees": encoder.right,
            "key": run.key,
        }
        for encoder in found
        for run in encoder.runs
        for offset, accuracy in sorted(run.accuracy.items())
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    names = shown_names(view.architectures)
    panels = []
    for architecture in dict.fromkeys(encoder.architecture for encoder in found):
        mine = [encoder for encoder in found if encoder.architecture == architecture]
        panels.append(_panel(view.slug(architecture), names.get(architecture, architecture), mine))
    seeds = max(len(encoder.runs) for encoder in found)
    return Figure(
        name="accuracy_by_offset",
        title="What lies out of sight is a guess: accuracy by offset to the right",
        caption="Each position is asked for the symbol some places to its right. Each point is one "
        f"seed (at most {plural(seeds, 'seed')}), the line their mean. Dotted: the farthest place that "
        "theory lets an encoder see; a forward recurrent one sees none to its right. Dashed: chance.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
        size="third",
    )


def looks_of(found: Sequence[Encoder]) -> list[Style]:
    """Return a look for each encoder of one panel, named by what sets it apart there."""
    looks = styles(f"{place}" for place in range(len(found))).values()
    return [
        replace(look, label=encoder.words or "as planned")
        for look, encoder in zip(looks, found, strict=True)
    ]


def edge(axes: Axes, x: float | None, look: Style) -> None:
    """Draw the last position that is seen as a dotted line, unless it is none or all."""
    if x is not None and math.isfinite(x):
        axes.axvline(x, color=look.colour, linewidth=1, linestyle=":", alpha=0.8)


def _panel(slug: str, title: str, found: Sequence[Encoder]) -> Panel:
    def points(axes: Axes) -> None:
        offsets = sorted({offset for encoder in found for offset in encoder.offsets})
        for encoder, look in zip(found, looks_of(found), strict=True):
            rows = pd.DataFrame(
                [(k, value) for run in encoder.runs for k, value in run.accuracy.items()],
                columns=["offset", "accuracy"],
            )
            dots: dict[str, Any] = {
                "s": 13,
                "color": look.colour,
                "marker": look.marker,
                "alpha": 0.45,
                "lw": 0,
            }
            axes.scatter(rows.offset, rows.accuracy, **dots)
            mean = rows.groupby("offset").accuracy.mean()
            line(axes, list(mean.index), list(mean), look, markersize=3.5)
            edge(axes, encoder.right or None, look)
        axes.set_ylim(-0.03, 1.05)
        axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.set_xticks(offsets)
        axes.set_xlabel("offset to the right (tokens)")
        axes.set_ylabel("test accuracy")
        chance = next(run.chance for encoder in found for run in encoder.runs)
        if math.isfinite(chance):
            level(axes, chance, "")

    return panel(f"accuracy_by_offset_{slug}", title, partial(points), size="third")
