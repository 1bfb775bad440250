"""Figure ``pretraining``: accuracy against the share of labels, by what training started from."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from analysis.figures.base import Figure, Panel, level, line, panel
from analysis.pretraining import DENOISING, NOTHING, STARTS, VECTORS, few_labels
from analysis.style import MUTED, Style, short_name
from analysis.view import View
from analysis.wording import percent, plural

LOOKS = {
    NOTHING: Style(STARTS[NOTHING], MUTED, "o", "-"),
    VECTORS: Style(STARTS[VECTORS], "#0072b2", "s", (0, (5, 1.5))),
    DENOISING: Style(STARTS[DENOISING], "#d55e00", "^", (0, (1.2, 1.2))),
}


def draw(results: View) -> Figure | None:
    """Draw a panel an architecture, a line a start, a point a seed."""
    found = few_labels(results.results)
    if found is None:
        return None
    rows = pd.DataFrame(
        [
            {
                "architecture": row.architecture,
                "start": row.start,
                "share": row.share,
                "seed": row.seed,
                "accuracy": row.score,
                "converged": row.converged,
                "key": row.key,
            }
            for row in found.rows
            if row.score is not None
        ]
    )
    if rows.empty:
        return None
    chance = next((row.chance for row in found.rows if row.chance is not None), None)
    names = [name for name in found.architectures if (rows.architecture == name).any()]
    seeds = int(rows.groupby(["architecture", "start", "share"]).seed.nunique().max())
    source = f" Word vectors: {found.of_vectors}." if found.vectors else ""
    return Figure(
        name="pretraining",
        title="What is pretraining worth, and with how few labels?",
        caption="Test accuracy against the share of the training documents that have labels. Each "
        f"point is one seed (at most {plural(seeds, 'seed')} a line), hollow where unconverged; "
        f"the line is their mean, the dashed level chance.{source}",
        panels=tuple(_panel(name, rows[rows.architecture == name], chance) for name in names),
        data=rows,
        keys=tuple(sorted(rows.key)),
    )


def _panel(architecture: str, rows: pd.DataFrame, chance: float | None) -> Panel:
    def lines(axes: Axes) -> None:
        for start, look in LOOKS.items():
            mine = rows[rows.start == start].sort_values(["share", "seed"])
            if mine.empty:
                continue
            for done, group in mine.groupby("converged"):
                axes.scatter(
                    group.share,
                    group.accuracy,
                    s=16,
                    marker=look.marker,
                    color=look.colour if done else "white",
                    edgecolors=look.colour,
                    linewidths=0.9,
                    zorder=3,
                )
            mean = mine.groupby("share").accuracy.mean()
            line(axes, list(mean.index), list(mean), look, markersize=0)
        shares = sorted(rows.share.unique())
        axes.set_xscale("log")
        axes.set_xticks(shares, [percent(share, 0) for share in shares])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("training documents with labels")
        axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.set_ylabel("test accuracy")
        if chance is not None:
            level(axes, chance, "chance")

    title = f"{short_name(architecture)}: accuracy by labels"
    return panel(f"pretraining_{architecture}", title, lines)
