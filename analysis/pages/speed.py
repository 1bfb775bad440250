"""Table ``speed_ratios``: an architecture's training speed beside the others'."""

from collections.abc import Mapping

import pandas as pd

from analysis.speed import throughput_rows
from analysis.style import Style
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import number, plural, scaled, seconds


def speed(view: View, architecture: str, looks: Mapping[str, Style]) -> Table | None:
    """Return this architecture's throughput, and how many times that of each other it is."""
    rows = throughput_rows(view)
    rows = rows[(rows.status == "ok") & rows.tokens_per_second.notna()]
    mine = rows[rows.architecture == architecture].drop_duplicates("n").set_index("n")
    if mine.empty:
        return None
    lengths = sorted(mine.index)
    look = looks[architecture]
    entries = [
        (
            Entry(look.label, f"kernel: {mine.kernel.iloc[0] or 'not named'}", colour=look.colour),
            *(
                Entry(scaled(mine.tokens_per_second[n]), seconds(mine.seconds[n]) + " a step")
                for n in lengths
            ),
        )
    ]
    data, keys = [], [mine.key]
    for name, other_look in looks.items():
        theirs = rows[rows.architecture == name].drop_duplicates("n").set_index("n")
        if name == architecture or theirs.empty:
            continue
        ratios = {
            n: float(mine.tokens_per_second[n] / theirs.tokens_per_second[n])
            for n in lengths
            if n in theirs.index
        }
        keys.append(theirs.key)
        entries.append(
            (
                Entry(f"÷ {other_look.label}", colour=other_look.colour),
                *(Entry(f"{number(ratios[n])} ×" if n in ratios else "–") for n in lengths),
            )
        )
        data += [
            {"architecture": architecture, "other": name, "n": n, "ratio": ratio}
            for n, ratio in ratios.items()
        ]
    return Table(
        name="speed_ratios",
        title="Training throughput, and its ratio to each other’s",
        caption="Tokens a second of whole models at equal parameters, "
        f"{plural(len(lengths), 'length')}, the same number of tokens in every batch. Above 1 ×: this "
        "architecture is faster.",
        columns=(Column("Throughput"), *(Column(f"n = {number(n)}", "num") for n in lengths)),
        rows=tuple(entries),
        data=pd.DataFrame(data, columns=["architecture", "other", "n", "ratio"]),
        keys=keys_of(*keys),
    )
