"""Tables of the second question: how fast whole models train."""

import pandas as pd

from analysis.speed import throughput_rows
from analysis.style import clip, styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import number, percent, scaled, seconds


def throughput(view: View) -> Table | None:
    """Return tokens a second of whole models by length, at fixed tokens a batch."""
    rows = throughput_rows(view)
    if rows.empty:
        return None
    lengths = sorted(rows.n.dropna().unique())
    looks = styles(view.architectures)
    entries = []
    for architecture, look in looks.items():
        mine = rows[rows.architecture == architecture]
        for kernel, group in mine.groupby("kernel", sort=True):
            by_n = group.drop_duplicates("n").set_index("n")
            cells = [_speed(by_n.loc[n] if n in by_n.index else None) for n in lengths]
            ok = group[(group.status == "ok") & group.tokens_per_second.notna()].sort_values("n")
            kept = "–"
            if len(ok) > 1:
                kept = percent(ok.tokens_per_second.iloc[-1] / ok.tokens_per_second.iloc[0], 0)
            name = Entry(look.label, f"kernel: {clip(str(kernel)) or 'not named'}", colour=look.colour)
            entries.append((name, *cells, Entry(kept)))
    return Table(
        name="throughput",
        title="Training throughput, tokens a second",
        caption="Whole models at equal parameters, the same number of tokens in every batch.",
        columns=(
            Column("Architecture", note="kernel class"),
            *(Column(f"n = {number(n)}", "num") for n in lengths),
            Column("left at the longest", "num", "of the shortest’s"),
        ),
        rows=tuple(entries),
        data=rows.drop(columns=["task", "times"]),
        keys=keys_of(rows.key),
    )


def _speed(row: "pd.Series | None") -> Entry:
    if row is None:
        return Entry("–", kind="muted")
    if row.status != "ok" or pd.isna(row.tokens_per_second):
        return Entry(str(row.status).replace("_", " "), kind="bad")
    return Entry(scaled(row.tokens_per_second), seconds(row.seconds))


def kernel_rows(view: View) -> pd.DataFrame:
    """Return the timed layers whose kernel was set, at fixed tokens a batch."""
    rows = view.frame("step_time")
    return rows[(rows.scope == "layer") & (rows.comparison == "fixed_tokens")]


def kernels(view: View) -> Table | None:
    """Return the time of each recurrent layer by kernel class and length."""
    rows = kernel_rows(view)
    if rows.empty:
        return None
    lengths = sorted(rows.n.dropna().unique())
    entries = []
    for architecture, look in styles(view.architectures).items():
        mine = rows[rows.architecture == architecture]
        for kernel, group in mine.groupby("kernel", sort=True):
            by_n = group.drop_duplicates("n").set_index("n")
            entries.append(
                (
                    Entry(look.label, f"kernel: {clip(str(kernel))}", colour=look.colour),
                    *(_time(by_n.loc[n] if n in by_n.index else None) for n in lengths),
                )
            )
    return Table(
        name="kernels",
        title="One recurrent layer by kernel class",
        caption="Forward and backward at equal width; compare within one kernel class.",
        columns=(
            Column("Architecture", note="kernel class"),
            *(Column(f"n = {number(n)}", "num") for n in lengths),
        ),
        rows=tuple(entries),
        data=rows.drop(columns=["task", "times"]),
        keys=keys_of(rows.key),
    )


def _time(row: "pd.Series | None") -> Entry:
    if row is None:
        return Entry("–", kind="muted")
    if row.status != "ok" or pd.isna(row.seconds):
        return Entry(str(row.status).replace("_", " "), kind="bad")
    return Entry(seconds(row.seconds))
