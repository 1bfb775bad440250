"""Figure ``attention_maps``: where the decoder looks, for one sentence, head by head."""

import re
import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from analysis.figures.base import Figure, Panel, panel
from analysis.style import Style, clip, styles
from analysis.translation import System
from analysis.view import View

PIECES = 30
"""Longest sentence that is drawn, on either side."""
GOOD = 9
"""Number of source pieces that is easiest to read."""

Sample = dict[str, Any]


def draw(results: View) -> Figure | None:
    """Draw a map for each head of each system, of the sentence that most systems have."""
    chosen = _choose(results)
    if not chosen:
        return None
    looks = styles(results.architectures)
    panels, rows = [], []
    for system, key, sample in chosen:
        sources, outputs = ([_piece(text) for text in sample[f"{side}_pieces"]] for side in _SIDES)
        for name, weights in sorted(sample["attention"].items(), key=lambda item: _natural(item[0])):
            weights_TS = np.asarray(weights, dtype=float)
            if weights_TS.shape != (len(outputs), len(sources)):
                continue
            slug = re.sub(r"[^A-Za-z0-9]+", "-", str(name))
            title = f"{system.label}: {clip(str(name), 40)}"
            label = f"attention_{results.slug(system.architecture)}_{slug}"
            panels.append(
                _panel(label, title, weights_TS, sources, outputs, looks[system.architecture])
            )
            rows += [
                {
                    "architecture": system.architecture,
                    "map": str(name),
                    "output_position": t,
                    "source_position": s,
                    "output": outputs[t],
                    "source": sources[s],
                    "weight": weights_TS[t, s],
                    "key": key,
                }
                for t in range(len(outputs))
                for s in range(len(sources))
            ]
    if not panels:
        return None
    label = results.translations.settings[chosen[0][0].setting]
    return Figure(
        name="attention_maps",
        title="Where the decoder looks: attention over the source",
        caption=f"One test sentence of {label}, one chart an attention head; rows are output pieces, "
        "columns source pieces, darker is more weight (white 0, full colour 1; each row adds up to 1). "
        "Weights show where a head looks, not why an output was chosen.",
        panels=tuple(panels),
        data=pd.DataFrame(rows),
        keys=tuple(sorted({key for _, key, _ in chosen})),
        size="third",
    )


_SIDES = ("source", "output")


def _choose(results: View) -> list[tuple[System, str, Sample]]:
    """Return one sentence's samples: that of most systems, then the easiest to read."""
    found: dict[tuple[str, str], list[tuple[System, str, Sample]]] = {}
    for system in results.translations.systems:
        taken = set()
        for key in system.keys:
            for sample in results.results.samples(key):
                about = (system.setting, str(sample.get("source", "")))
                if about not in taken and _drawable(sample):
                    taken.add(about)
                    found.setdefault(about, []).append((system, key, sample))
    if not found:
        return []

    def rank(about: tuple[str, str]) -> tuple[int, int, str]:
        mine = found[about]
        return (-len(mine), abs(len(mine[0][2]["source_pieces"]) - GOOD), about[1])

    return found[min(found, key=rank)]


def _drawable(sample: Sample) -> bool:
    sides = [sample.get(f"{side}_pieces") or () for side in _SIDES]
    return bool(sample.get("attention")) and all(0 < len(side) <= PIECES for side in sides)


def _panel(
    name: str, title: str, weights_TS: Any, sources: list[str], outputs: list[str], look: Style
) -> Panel:
    colours = LinearSegmentedColormap.from_list(name, ["#ffffff", look.colour])

    def points(axes: Axes) -> None:
        axes.imshow(weights_TS, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="none")
        axes.set_xticks(range(len(sources)), sources, rotation=90, fontsize=7)
        axes.set_yticks(range(len(outputs)), outputs, fontsize=7)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(True)

    height = 1.5 + 0.15 * len(outputs) + 0.06 * max(map(len, sources))
    with warnings.catch_warnings():
        # the page's own fonts draw the text: a glyph that matplotlib's font lacks is no loss
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        return panel(name, title, partial(points), size="third", height=height, legend=False)


def _piece(text: object) -> str:
    return clip(str(text), 16) or "∅"


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that puts head 10 after head 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
