"""Figure ``heads``: how far apart a layer's heads are, and which offsets each attends to."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from analysis.ablation import Ablation, ablations
from analysis.figures.base import Figure, Panel, line, panel
from analysis.head_maps import MODULES, HeadMaps, head_maps
from analysis.style import MUTED, Style, styles
from analysis.view import View
from analysis.wording import number


def draw(view: View) -> Figure | None:
    """Draw distance against layer by module, and the offsets of the base's heads in one run."""
    panels, parts, keys = [], [], set()
    for place, ablation in enumerate(ablations(view.results)):
        maps = head_maps(view.results, ablation)
        several = [one for one in maps if one.heads > 1]
        modules = [name for name in MODULES if any(name in one.modules for one in several)]
        for module in modules:
            rows = _distances(ablation, several, module)
            panels.append(_distance_panel(f"heads_{place}_{module}", ablation, module, rows))
            parts.append(rows)
        keys |= {one.key for one in several}
        if one := _shown(ablation, maps):
            for module in one.modules:
                rows = _offsets(ablation, one, module)
                panels.append(_offset_panel(f"offsets_{place}_{module}", one, module, rows))
                parts.append(rows)
            keys.add(one.key)
    if not panels:
        return None
    return Figure(
        name="heads",
        title="Do heads see different things?",
        caption="First the mean Jensen-Shannon divergence between the maps of two heads of a layer, by "
        "layer: 0 where they are equal, 1 bit where they share no position. Each point is one seed, "
        "the line their mean, dashed the same models before training. Then, for each head of the base "
        "in one run, the share of its weight by offset, the attended position minus its own: −1 is "
        "the previous position, 0 the same, and those at the ends hold all that lie further.",
        panels=tuple(panels),
        data=pd.concat(parts, ignore_index=True),
        keys=tuple(sorted(keys)),
        size="third",
    )


def _shown(ablation: Ablation, maps: Sequence[HeadMaps]) -> HeadMaps | None:
    """Return the first seed of the base: heads have no order that seeds share."""
    heads = ablation.base.options["heads"]
    return next((one for one in maps if one.heads == heads and one.offsets), None)


def _distances(ablation: Ablation, maps: Sequence[HeadMaps], module: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "task": ablation.label,
                "module": module,
                "heads": one.heads,
                "seed": one.seed,
                "trained": trained,
                "layer": int(layer),
                "distance": distance,
                "key": one.key,
            }
            for one in maps
            for trained, curves in ((True, one.by_layer), (False, one.by_layer_init))
            for layer, distance in curves.get(module, [])
        ]
    )


def _distance_panel(name: str, ablation: Ablation, module: str, rows: pd.DataFrame) -> Panel:
    looks = _looks(sorted(rows.heads.unique()))

    def points(axes: Axes) -> None:
        for heads, look in looks.items():
            mine = rows[rows.heads == heads]
            after, before = (mine[mine.trained == trained] for trained in (True, False))
            axes.scatter(
                after.layer,
                after.distance,
                s=14,
                marker=look.marker,
                color=look.colour,
                alpha=0.6,
                linewidths=0,
            )
            mean = after.groupby("layer").distance.mean()
            line(axes, list(mean.index), list(mean), look, linestyle="-", markersize=3)
            start = before.groupby("layer").distance.mean()
            axes.plot(start.index, start, color=look.colour, linestyle=(0, (1, 2)), linewidth=1)
        layers = sorted(rows.layer.unique())
        axes.set_xticks(layers)
        axes.set_xlim(min(layers) - 0.3, max(layers) + 0.3)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("layer")
        axes.set_ylabel("distance of two heads (bits)")

    return panel(name, f"{_title(module)}", partial(points), size="third", height=3.0)


def _looks(counts: Sequence[int]) -> dict[int, Style]:
    found = styles([f"{count} heads" for count in counts])
    return {count: found[f"{count} heads"] for count in counts}


def _offsets(ablation: Ablation, one: HeadMaps, module: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "task": ablation.label,
                "module": module,
                "heads": one.heads,
                "seed": one.seed,
                "layer": layer,
                "head": head,
                "offset": int(offset),
                "share": share,
                "key": one.key,
            }
            for (of, layer, head), points in one.offsets.items()
            if of == module
            for offset, share in points
        ]
    )


def _offset_panel(name: str, one: HeadMaps, module: str, rows: pd.DataFrame) -> Panel:
    grid = rows.pivot(index=["layer", "head"], columns="offset", values="share").sort_index()
    offsets = [int(offset) for offset in grid.columns]
    colours = LinearSegmentedColormap.from_list(name, ["#ffffff", "#0072b2"])
    darkest = max(0.2, float(grid.to_numpy().max()))

    def points(axes: Axes) -> None:
        axes.imshow(
            grid.to_numpy(), cmap=colours, vmin=0, vmax=darkest, aspect="auto", interpolation="none"
        )
        for (y, x), share in np.ndenumerate(grid.to_numpy()):
            if share >= 0.1:
                colour = "white" if share > 0.6 * darkest else MUTED
                text = f"{100 * share:.0f}"
                axes.annotate(text, (x, y), ha="center", va="center", fontsize=6, color=colour)
        shown = [place for place, offset in enumerate(offsets) if offset % 2 == 0]
        axes.set_xticks(shown, [_offset(offsets[place], offsets) for place in shown])
        axes.set_yticks(range(len(grid)), [f"{layer}.{head}" for layer, head in grid.index])
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.set_xlabel("offset attended to (positions; numbers in %)")
        axes.set_ylabel("layer.head")

    height = 1.6 + 0.19 * len(grid)
    title = f"{_title(module)}: offsets, seed {one.seed}"
    return panel(name, title, partial(points), size="third", height=height, legend=False)


def _offset(offset: int, offsets: Sequence[int]) -> str:
    if offset == max(offsets):
        return f"≥{number(offset)}"
    return f"≤{number(offset)}" if offset == min(offsets) else number(offset)


def _title(module: str) -> str:
    words = MODULES[module]
    return words[0].upper() + words[1:]
