"""Table ``scan``: exact match on each split of SCAN beside the published figure."""

import pandas as pd

from analysis.style import styles
from analysis.tables.base import NOT_MEASURED, Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import percent, plural

TASK = "scan"
SPLITS = ("simple", "length", "addprim_jump")
PUBLISHED = {"length": 0.138}
"""Exact match of recurrent networks on the split (Lake and Baroni 2018, experiment 2)."""


def splits(view: View) -> Table | None:
    """Return one row an architecture, one column a split."""
    systems = [s for s in view.translations.systems if s.runs.task.iloc[0] == TASK and s.keys]
    by_split: dict[str, list[int]] = {}
    for place, system in enumerate(systems):
        by_split.setdefault(str(system.runs.data.iloc[0].get("split", "simple")), []).append(place)
    if not systems:
        return None
    names = [*SPLITS, *sorted(set(by_split) - set(SPLITS))]
    rows, data = [], []
    for label in dict.fromkeys(system.label for system in systems):
        architecture = next(s.architecture for s in systems if s.label == label)
        entries = [Entry(label, colour=styles(view.architectures)[architecture].colour)]
        for name in names:
            mine = [systems[place] for place in by_split.get(name, ()) if systems[place].label == label]
            values = [float(value) for system in mine for value in system.finished.exact_match.dropna()]
            if not values:
                entries.append(NOT_MEASURED)
                continue
            mean = sum(values) / len(values)
            spread = f", {percent(min(values))} to {percent(max(values))}" if len(values) > 1 else ""
            entries.append(Entry(percent(mean), f"{plural(len(values), 'seed')}{spread}"))
            data += [
                {"split": name, "architecture": architecture, "system": label, "exact_match": value}
                for value in values
            ]
        rows.append(tuple(entries))
    published = [Entry(percent(PUBLISHED[name])) if name in PUBLISHED else Entry("–") for name in names]
    rows.append((Entry("published: RNN", "Lake and Baroni 2018"), *published))
    return Table(
        name="scan",
        title="SCAN: commands translated exactly, by split",
        caption="The share of test commands whose whole action sequence is right, with beam search. "
        "Split “length” tests answers longer than any that was trained on.",
        columns=(Column("System"), *(Column(name.replace("_", " "), "num") for name in names)),
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(system.keys for system in systems)),
    )
