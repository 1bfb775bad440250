"""Tables of tuning: the trials of each architecture, what they found, and what that changed."""

from typing import Any

import pandas as pd

from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.tuning import Effect, Tuned
from analysis.view import View
from analysis.wording import NONE, fixed, interval, number, percent, plural, seconds


def all_tuned(view: View) -> list[Tuned]:
    """Return every tuned architecture, in legend order."""
    tuning = view.tuning
    if tuning is None:
        return []
    return [found for name in view.architectures if (found := tuning.of(name)) is not None]


def trials(view: View) -> Table | None:
    """Return one row an architecture: what tuning it cost, and the best that is to be expected."""
    rows, data = [], []
    looks = styles(view.architectures)
    found = all_tuned(view)
    for tuned in found:
        expected, row = tuned.expected(), tuned.row
        half = expected[(len(expected) - 1) // 2]
        failed = [f"{n} {status.replace('_', ' ')}" for status, n in row["failed"].items()]
        rows.append(
            (
                Entry(looks[tuned.architecture].label, colour=looks[tuned.architecture].colour),
                Entry(str(row["finished"]), f"{row['pruned']} pruned" if row["pruned"] else ""),
                Entry(str(tuned.failed), "\n".join(failed), kind="bad" if failed else ""),
                Entry(seconds(row["hours"] * 3600)),
                Entry(fixed(row["best"]["validation"], 3)),
                Entry(fixed(expected[0].mean, 3), f"± {fixed(expected[0].deviation, 3)}"),
                Entry(fixed(half.mean, 3), f"± {fixed(half.deviation, 3)}, of {half.trials}"),
            )
        )
        data.append(
            {
                "architecture": tuned.architecture,
                "finished": row["finished"],
                "pruned": row["pruned"],
                "failed": tuned.failed,
                "hours": row["hours"],
                "best_validation": row["best"]["validation"],
                "expected_of_one": expected[0].mean,
                "deviation_of_one": expected[0].deviation,
                "expected_of_half": half.mean,
                "deviation_of_half": half.deviation,
            }
        )
    if not rows:
        return None
    return Table(
        name="tuning",
        title="What each architecture got",
        caption="Finished trials ran to the end of the plan’s budget or were pruned; failed ones come "
        "on top. Time is that of all trials.",
        columns=(
            Column("Architecture"),
            Column("Trials", "num", "finished"),
            Column("Failed", "num"),
            Column("Time", "num"),
            Column("Best", "num", "validation"),
            Column("Of one trial", "num", "expected"),
            Column("Of half the trials", "num", "expected"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(tuned.keys for tuned in found)),
    )


def values(view: View) -> Table | None:
    """Return one row an architecture and name: value, range, edge and importance."""
    rows, data = [], []
    looks = styles(view.architectures)
    found = all_tuned(view)
    for tuned in found:
        importance = tuned.row["importance"] or {}
        for name, value in tuned.best["values"].items():
            dimension, edge = tuned.row["space"][name], tuned.row["edges"].get(name)
            share = importance.get(name)
            at_edge = Entry(f"at the {edge} end", kind="open") if edge else Entry("")
            look = looks[tuned.architecture]
            rows.append(
                (
                    Entry(look.label, colour=look.colour),
                    Entry(name, verbatim=True),
                    Entry(shown(value)),
                    Entry(range_of(dimension)),
                    at_edge,
                    Entry(NONE if share is None else percent(share, 0)),
                )
            )
            data.append(
                {
                    "architecture": tuned.architecture,
                    "name": name,
                    "value": shown(value) if isinstance(value, str) else value,
                    "range": range_of(dimension),
                    "edge": edge or "",
                    "importance": share,
                }
            )
    if not rows:
        return None
    return Table(
        name="tuning_values",
        title="What was chosen, and what mattered",
        caption="The values of the best trial on validation. At an end of its range: the best may lie "
        "beyond. Importance: the share of the score’s variance over the complete trials that a name "
        "explains (functional ANOVA, Hutter et al. 2014); from few trials it is coarse.",
        columns=(
            Column("Architecture"),
            Column("Name"),
            Column("Value", "num"),
            Column("Searched"),
            Column("Edge"),
            Column("Importance", "num"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(tuned.keys for tuned in found)),
    )


def effects(view: View) -> Table | None:
    """Return one row an architecture and task: tuned, untuned and their difference over seeds."""
    if view.tuning is None or not view.tuning.effects:
        return None
    looks = styles(view.architectures)
    order = {name: place for place, name in enumerate(view.architectures)}
    found = sorted(view.tuning.effects, key=lambda effect: (effect.task, order[effect.architecture]))
    rows = []
    for effect in found:
        look, places = looks[effect.architecture], 1 if effect.metric == "bleu" else 3
        apart = effect.interval
        rows.append(
            (
                Entry(look.label, colour=look.colour),
                Entry(effect.task, "BLEU" if effect.metric == "bleu" else "test score"),
                Entry(fixed(sum(effect.untuned) / len(effect.seeds), places)),
                Entry(fixed(sum(effect.tuned) / len(effect.seeds), places)),
                Entry(
                    fixed(effect.mean, places, signed=True),
                    interval(apart.low, apart.high, places) if apart else "no spread",
                ),
                Entry(plural(len(effect.seeds), "seed")),
                verdict(effect),
            )
        )
    return Table(
        name="tuning_effect",
        title="Tuned against untuned",
        caption="The same cells with the plan’s own values (the best of its learning rates on "
        "validation) and with the tuned ones; differences are paired by seed, with Student’s t "
        "interval over seeds, uncorrected for their number.",
        columns=(
            Column("Architecture"),
            Column("Task"),
            Column("Untuned", "num"),
            Column("Tuned", "num"),
            Column("Difference", "num", "95 % over seeds"),
            Column("Seeds", "num"),
            Column("Did tuning matter?"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame([_numbers(effect) for effect in found]),
        keys=keys_of(*(effect.keys for effect in found)),
    )


def verdict(effect: Effect) -> Entry:
    """Say whether tuning mattered: a verdict needs 12 pairs of seeds."""
    if effect.interval is None:
        return Entry("open", "one seed says nothing of chance", kind="open")
    if not effect.enough:
        so_far = "it did so far" if effect.differs else "not seen so far"
        return Entry("open", f"{so_far}; {MIN_PAIRED_SEEDS} seeds decide", kind="open")
    return Entry("yes", kind="good") if effect.differs else Entry("no difference seen")


def _numbers(effect: Effect) -> dict[str, Any]:
    apart = effect.interval
    return {
        "architecture": effect.architecture,
        "task": effect.task,
        "metric": effect.metric,
        "untuned": sum(effect.untuned) / len(effect.seeds),
        "tuned": sum(effect.tuned) / len(effect.seeds),
        "difference": effect.mean,
        "low": apart.low if apart else None,
        "high": apart.high if apart else None,
        "seeds": len(effect.seeds),
        "differs": effect.differs,
        "enough": effect.enough,
    }


def shown(value: Any) -> str:
    """Return a tuned value as text."""
    return number(value) if isinstance(value, int | float) else str(value)


def range_of(dimension: dict[str, Any]) -> str:
    """Return what was searched, as text."""
    if "values" in dimension:
        return ", ".join(map(str, dimension["values"]))
    scale = ", logarithmic" if dimension["log"] else ""
    return f"{number(dimension['low'])} to {number(dimension['high'])}{scale}"
