"""Figure ``layer_time``: time of one layer against n and against d, with the theory's slopes."""

import pandas as pd

from analysis.figures import sweep
from analysis.figures.base import Figure, Panel
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import number, plural, seconds


def draw(results: View) -> Figure | None:
    """Draw Table 1's layers against n, the other parts apart, and the first ones against d."""
    rows = results.frame("step_time")
    if rows.empty:
        return None
    rows = rows[(rows.scope == "layer") & (rows.comparison == "fixed_batch")]
    if not ((rows.status == "ok") & rows.seconds.notna()).any():
        return None
    looks = styles(results.architectures)
    first = rows.part == rows.architecture.map(results.first_part)
    panels: list[Panel] = []
    for name, title, mask in (
        ("rows", "Table 1’s layers", first),
        ("parts", "Their parts", ~first),
    ):
        for x, fixed in (("n", "width"), ("width", "n")):
            chosen = _sweep_of(rows[mask], x, fixed)
            if chosen is None:
                continue
            panels.append(_panel(results, f"layer_time_{name}_{x}", title, chosen, x, looks))
    return Figure(
        name="layer_time",
        title="Time of one layer, forward and backward, at a fixed batch",
        caption=f"Median of {plural(int(rows.rounds.max()), 'interleaved round')}, bars are quartiles. "
        "Dotted guides have the slopes of the theory; parallel to a guide means that exponent. The "
        "kernel class stands in brackets.",
        panels=tuple(panels),
        data=rows[[*sweep.SERIES, "n", "width", "batch", "seconds", "status", "key"]],
        keys=tuple(sorted(rows.key)),
    )


def _sweep_of(rows: pd.DataFrame, x: str, fixed: str) -> pd.DataFrame | None:
    """Return the rows of the value of ``fixed`` that has most values of ``x``, at least two."""
    if rows.empty:
        return None
    counts = rows.groupby(fixed)[x].nunique()
    chosen = rows[rows[fixed] == counts.idxmax()]
    return chosen if counts.max() > 1 and (chosen.status == "ok").any() else None


def _panel(
    results: View, name: str, title: str, rows: pd.DataFrame, x: str, looks: dict[str, Style]
) -> Panel:
    by_n = x == "n"
    fixed = f"d = {number(rows.width.iloc[0])}" if by_n else f"n = {number(rows.n.iloc[0])}"
    place = 0 if by_n else 1
    slopes = {
        results.layers[architecture][part]["flop_exponents"][place]
        for architecture, part in set(zip(rows.architecture, rows.part, strict=True))
        if part in results.layers.get(architecture, {})
    }
    chart = sweep.Sweep(
        name=name,
        title=f"{title} against {'n' if by_n else 'd'} ({fixed})",
        x=x,
        y="seconds",
        x_label="n, positions" if by_n else "d, width",
        y_label="time, forward and backward",
        shown=seconds,
        low="seconds_low",
        high="seconds_high",
        height=3.5,
    )
    return sweep.draw(
        chart,
        rows,
        looks,
        decorate=lambda axes: sweep.slope_guides(axes, sorted(slopes), "n" if by_n else "d"),
    )
