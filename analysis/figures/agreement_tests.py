"""Figures ``agreement_corruption``, ``agreement_pairs``, ``agreement_training``."""

from dataclasses import replace
from functools import partial

import pandas as pd
from matplotlib.axes import Axes

from analysis.agreement import TASK, only, settings
from analysis.figures import training
from analysis.figures.base import Figure, Panel, level, line, panel
from analysis.style import MUTED, Style, styles
from analysis.view import View
from analysis.wording import percent, plural

WORDS = {
    "cut": "first tokens cut",
    "drop": "random tokens dropped",
    "swap": "neighbours swapped",
}
CHANCE = 0.5


def draw_corruption(results: View) -> Figure | None:
    """Draw accuracy lost against the share of corrupted tokens, a panel for each kind and corpus."""
    looks = styles(results.architectures)
    panels, parts = [], []
    everything = settings(results.results)
    for place, setting in enumerate(everything):
        found = [
            run.corrupted.assign(
                corpus=setting.label,
                architecture=run.architecture,
                seed=run.seed,
                key=next(iter(run.further_keys), run.key),
            )
            for run in setting.runs
            if not run.corrupted.empty
        ]
        if not found:
            continue
        rows = pd.concat(found, ignore_index=True)
        low, high = min(0.0, rows.lost.min()), max(0.05, rows.lost.max())
        for kind, mine in rows.groupby("corruption", sort=True):
            title = WORDS.get(str(kind), str(kind))
            title = f"{setting.label}: {title}" if len(everything) > 1 else title
            name = f"agreement_corruption_{place}_{kind}"
            panels.append(_lost(name, title, mine, looks, (low - 0.01, 1.08 * high)))
        parts.append(rows)
    if not panels:
        return None
    data = pd.concat(parts, ignore_index=True)
    seeds = int(data.groupby(["corpus", "architecture"]).seed.nunique().max())
    return Figure(
        name="agreement_corruption",
        title="What does corrupted input cost?",
        caption="Test accuracy on whole sentences minus that on the same sentences with tokens cut, "
        "dropped or swapped at test time; the models are the same. Each point is one seed (at most "
        f"{plural(seeds, 'seed')}), the line their mean. A model that knows less has less to lose: "
        "compare with the accuracies above.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
        size="third",
    )


def _lost(
    name: str, title: str, rows: pd.DataFrame, looks: dict[str, Style], limits: tuple[float, float]
) -> Panel:
    def points(axes: Axes) -> None:
        for architecture, look in looks.items():
            mine = rows[rows.architecture == architecture]
            if mine.empty:
                continue
            seen = mine[mine.share > 0]
            axes.scatter(
                seen.share, seen.lost, s=12, color=look.colour, marker=look.marker, alpha=0.45, lw=0
            )
            mean = mine.groupby("share").lost.mean()
            line(axes, list(mean.index), list(mean), look, markersize=3)
        axes.set_xticks(sorted(rows.share.unique()))
        axes.xaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.yaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.set_ylim(*limits)
        axes.set_xlabel("share of source tokens")
        axes.set_ylabel("accuracy lost")
        level(axes, 0.0, "")

    return panel(name, title, partial(points), size="third", height=3.0)


def draw_pairs(results: View) -> Figure | None:
    """Draw accuracy on minimal pairs, one row a construction."""
    looks = styles(results.architectures)
    panels, parts = [], []
    for place, setting in enumerate(settings(results.results)):
        found = [
            run.pairs.assign(
                corpus=setting.label,
                architecture=run.architecture,
                seed=run.seed,
                key=next(iter(run.further_keys), run.key),
            )
            for run in setting.runs
            if not run.pairs.empty
        ]
        if found:
            rows = pd.concat(found, ignore_index=True)
            title = f"trained on {setting.label}: minimal pairs by construction"
            panels.append(_constructions(f"agreement_pairs_{place}", title, rows, looks))
            parts.append(rows)
    if not panels:
        return None
    data = pd.concat(parts, ignore_index=True)
    return Figure(
        name="agreement_pairs",
        title="Is the grammatical verb preferred? Minimal pairs",
        caption="Share of the pairs in which the number of the grammatical verb is the more probable, "
        "given the words before it. Half the verbs are plural in every construction, so guessing and "
        "the majority baseline give 50 %. Points are means over seeds; the models saw no such "
        "sentence in training.",
        panels=tuple(panels),
        data=data,
        keys=tuple(sorted(set(data.key))),
        size="full",
    )


def _constructions(name: str, title: str, rows: pd.DataFrame, looks: dict[str, Style]) -> Panel:
    mean = rows.groupby(["construction", "architecture"]).accuracy.mean()
    order = sorted(set(rows.construction), reverse=True)

    def points(axes: Axes) -> None:
        present = [one for one in looks if (rows.architecture == one).any()]
        for offset, architecture in enumerate(present):
            look = looks[architecture]
            shift = 0.5 * (0.5 - (offset + 0.5) / len(present))
            known = [place for place, one in enumerate(order) if (one, architecture) in mean.index]
            axes.plot(
                [mean[order[place], architecture] for place in known],
                [place + shift for place in known],
                linestyle="",
                marker=look.marker,
                markersize=4,
                color=look.colour,
                label=look.label,
            )
        axes.set_yticks(range(len(order)), [one.replace("_", " ") for one in order], fontsize=7)
        axes.set_ylim(-0.6, len(order) - 0.4)
        axes.set_xlim(-0.03, 1.03)
        axes.xaxis.set_major_formatter(lambda value, _: percent(value, 0))
        axes.set_xlabel("accuracy")
        axes.axvline(CHANCE, color=MUTED, lw=1, linestyle=(0, (4, 3)))

    height = 1.3 + 0.24 * len(order)
    return panel(name, title, partial(points), size="full", height=height)


def draw_training(results: View) -> Figure | None:
    """Draw the training curves of agreement alone."""
    found = training.draw(only(results, (TASK,)))
    return None if found is None else replace(found, name="agreement_training")
