"""Figure ``length_generalisation``: accuracy by tested length, the trained range shaded."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Figure, Panel, level, line, log_lengths, panel
from analysis.formal_languages import LANGUAGES
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import percent, plural

SLICE = "length"
TRAINED = "#0072b2"


def draw(view: View) -> Figure | None:
    """Draw one panel for each task, formal languages apart, that names the lengths it trains on."""
    return drawn(view, [task for task in trained_lengths(view) if task not in LANGUAGES])


def drawn(view: View, tasks: Sequence[str]) -> Figure | None:
    """Draw some of the tasks, in their order; None where none has two tested lengths."""
    ranges = trained_lengths(view)
    rows = view.slices
    rows = rows[(rows.split == "test") & (rows["slice"] == SLICE) & rows.accuracy.notna()]
    looks = styles(view.architectures)
    panels, kept = [], []
    for task in tasks:
        part = rows[rows.task == task]
        if task in ranges and part.value.nunique() > 1:
            panels.append(_panel(task, part, ranges[task], view.chance(task), looks))
            shortest, longest = ranges[task]
            trained = part.value.between(shortest, longest)
            kept.append(part.assign(trained=trained))
    if not panels:
        return None
    columns = ["task", "architecture", "seed", "value", "trained", "accuracy", "count", "key"]
    data = pd.concat(kept)[columns].sort_values(["task", "architecture", "value", "seed"])
    seeds = int(data.groupby(["task", "architecture"]).seed.nunique().max())
    return Figure(
        name="length_generalisation",
        title="Length generalisation: accuracy by tested length, within the trained range and beyond",
        caption="Accuracy on the test split. Shaded: the lengths that were trained; the "
        f"model was selected on them alone. Each point is one seed (at most {plural(seeds, 'seed')} an "
        "architecture), the line their mean, the dashed line chance.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
        size="third",
    )


def trained_lengths(view: View) -> dict[str, tuple[int, int]]:
    """Return the shortest and the longest trained length of each planned task that names them."""
    found: dict[str, tuple[int, int]] = {}
    for entry in view.results.planned.values():
        cell: dict[str, Any] = entry["cell"]
        lengths = (cell.get("data") or {}).get("train_lengths")
        if cell["measure"] == "train" and lengths:
            low, high = found.get(cell["task"], (lengths[0], lengths[1]))
            found[cell["task"]] = (min(low, lengths[0]), max(high, lengths[1]))
    return found


def _panel(
    task: str,
    rows: pd.DataFrame,
    trained: tuple[int, int],
    chance: float | None,
    looks: dict[str, Style],
) -> Panel:
    def points(axes: Axes) -> None:
        for architecture, look in looks.items():
            mine = rows[rows.architecture == architecture]
            if mine.empty:
                continue
            dots: dict[str, Any] = {"s": 13, "color": look.colour, "marker": look.marker}
            axes.scatter(mine.value, mine.accuracy, alpha=0.45, lw=0, **dots)
            mean = mine.groupby("value").accuracy.mean()
            line(axes, list(mean.index), list(mean), look, markersize=3.5)
        axes.set_ylim(-0.03, 1.05)
        axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.set_ylabel("test accuracy")
        log_lengths(axes, rows.value, f"{SLICE} (tokens)")
        # of a range that ends before the first tested length, the end is shown
        low, high = axes.get_xlim()
        low = min(low, 0.8 * trained[1])
        axes.axvspan(max(low, trained[0]), trained[1], color=TRAINED, alpha=0.08, lw=0)
        axes.set_xlim(low, high)
        if chance is not None:
            level(axes, chance, f"chance {percent(chance)}")

    title = task.replace("_", " ")
    return panel(f"length_generalisation_{task}", title, partial(points), size="third")
