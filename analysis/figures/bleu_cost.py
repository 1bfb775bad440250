"""Figure ``bleu_by_cost``: validation BLEU against training FLOPs and against time."""

from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from analysis.figures.base import Figure, Panel, line, panel
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import listed, scaled, seconds

TIMES = tuple(float(count * unit) for unit in (1, 60, 3600) for count in (1, 3, 10, 30))
"""Seconds that a reader knows: 1, 3, 10, 30 seconds, minutes, hours."""

COSTS = {"bleu_by_flops": "training FLOPs", "bleu_by_seconds": "training time"}


def draw(results: View) -> Figure | None:
    """Draw two panels a setting, one line a run."""
    looks = styles(results.architectures)
    panels: list[Panel] = []
    rows = []
    for place, (setting, label) in enumerate(results.translations.settings.items()):
        for name, what in COSTS.items():
            mine = [
                {
                    "setting": label,
                    "against": what,
                    "architecture": system.architecture,
                    "system": system.label,
                    "seed": results.results.records[key].cell.seed,
                    "cost": cost,
                    "bleu": bleu,
                    "key": key,
                }
                for system in results.translations.of(setting)
                for key in system.keys
                for cost, bleu in results.results.records[key].curves.get(name, [])
                if cost and bleu is not None
            ]
            if mine:
                title = f"{label}: BLEU against {what}"
                panels.append(_panel(f"{name}_{place}", title, what, pd.DataFrame(mine), looks))
                rows += mine
    if not panels:
        return None
    data = pd.DataFrame(rows)
    devices = listed(
        sorted(
            {
                str(results.results.records[key].environment.get("device_model") or "one device")
                for key in set(data.key)
            }
        )
    )
    return Figure(
        name="bleu_by_cost",
        title="What a BLEU point costs in training: Table 2 of the paper, measured",
        caption="Greedy BLEU on the validation split, one line a run, marked where its training "
        "ended. FLOPs are counted, and hold "
        f"anywhere; time is that of training alone on {devices}, and holds there.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
    )


def _panel(name: str, title: str, what: str, rows: pd.DataFrame, looks: dict[str, Style]) -> Panel:
    flops = what == COSTS["bleu_by_flops"]

    def points(axes: Axes) -> None:
        for system, mine in rows.groupby("system", sort=False):
            look = looks[mine.architecture.iloc[0]]
            for place, (_, run) in enumerate(mine.groupby("key", sort=True)):
                run = run.sort_values("cost")
                line(
                    axes,
                    list(run.cost),
                    list(run.bleu),
                    look,
                    markevery=[len(run) - 1],
                    lw=1.4,
                    label=str(system) if place == 0 else None,
                )
        axes.set_xscale("log")
        low, high = rows.cost.min(), rows.cost.max()
        if flops:
            subs = (1.0,) if high / low > 50 else (1.0, 2.0, 5.0)
            axes.xaxis.set_major_locator(LogLocator(subs=subs))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: scaled(value)))
        else:
            ticks = [time for time in TIMES if low * 0.9 <= time <= high * 1.1]
            axes.set_xticks(ticks, [seconds(time) for time in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(what)
        axes.set_ylabel("validation BLEU")
        axes.set_ylim(bottom=0)

    return panel(name, title, partial(points))
