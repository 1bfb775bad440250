"""Figure ``receptive_field``: the gradient of a state by distance, before and after training."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, panel
from analysis.figures.offset import edge, looks_of
from analysis.reach import Encoder, encoders
from analysis.style import Style, shown_names
from analysis.view import View
from analysis.wording import plural, power

_WHEN = {"init": "at initialisation", "trained": "after training"}
_FLOOR = 1e-4
"""Share of the largest gradient below which a position is not drawn."""


def draw(view: View) -> Figure | None:
    """Draw one panel for each architecture and moment; the edges that theory gives are dotted."""
    found = encoders(view.results)
    rows = [row for encoder in found for row in _rows(encoder)]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    names = shown_names(view.architectures)
    panels = []
    for architecture in dict.fromkeys(data.architecture):
        mine = [encoder for encoder in found if encoder.architecture == architecture]
        title = names.get(architecture, architecture)
        for moment in _WHEN:
            part = data[(data.architecture == architecture) & (data.moment == moment)]
            if not part.empty:
                panels.append(_panel(view.slug(architecture), title, moment, part, mine))
    seeds = int(data.groupby("encoder").seed.nunique().max())
    return Figure(
        name="receptive_field",
        title="The effective receptive field: how much a state depends on what stands how far away",
        caption="Norm of the gradient of the encoder’s middle state with respect to the source "
        "embeddings, by distance (to the right positive), in shares of the largest; mean over "
        f"examples, geometric mean over seeds (at most {plural(seeds, 'seed')}), the band their range. "
        "Dotted: the farthest positions that theory allows; beyond them the gradient is exactly 0.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
        size="half",
    )


def _rows(encoder: Encoder) -> list[dict[str, object]]:
    found = []
    for run in encoder.runs:
        if run.gradients is None:
            continue
        for moment in _WHEN:
            curve = run.gradients.curves.get(moment, [])
            largest = max((value for _, value in curve), default=0.0)
            found += [
                {
                    "architecture": encoder.architecture,
                    "encoder": encoder.label,
                    "moment": moment,
                    "seed": run.seed,
                    "distance": distance,
                    "gradient": value,
                    "share": value / largest if largest else 0.0,
                    "key": run.gradients.key,
                }
                for distance, value in curve
            ]
    return found


def _panel(slug: str, name: str, moment: str, rows: pd.DataFrame, found: Sequence[Encoder]) -> Panel:
    def points(axes: Axes) -> None:
        for encoder, look in zip(found, looks_of(found), strict=True):
            mine = rows[(rows.encoder == encoder.label) & (rows.share > _FLOOR)]
            if not mine.empty:
                _profile(axes, mine, look)
            edge(axes, encoder.right, look)
            edge(axes, None if encoder.left is None else -encoder.left, look)
        low, high = rows.distance.min(), rows.distance.max()
        axes.set_xlim(low - 0.5, high + 0.5)
        axes.set_yscale("log")
        axes.set_ylim(_FLOOR, 1.6)
        axes.yaxis.set_major_formatter(lambda value, _: power(value))
        axes.set_xlabel("distance (tokens; to the right positive)")
        axes.set_ylabel("gradient, of the largest")

    title = f"{name}: {_WHEN[moment]}"
    return panel(f"receptive_field_{slug}_{moment}", title, partial(points), size="half")


def _profile(axes: Axes, rows: pd.DataFrame, look: Style) -> None:
    by_distance = rows.assign(log=np.log10(rows.share)).groupby("distance").log
    mean, low, high = (10.0 ** getattr(by_distance, name)() for name in ("mean", "min", "max"))
    axes.fill_between(mean.index, low, high, color=look.colour, alpha=0.12, lw=0)
    axes.plot(
        mean.index,
        mean,
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        markersize=3,
        label=look.label,
    )
