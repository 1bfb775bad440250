"""Figure ``memory``: peak memory of one layer against n, by kernel."""

from analysis.figures import sweep
from analysis.figures.base import Figure, Panel
from analysis.style import styles
from analysis.view import View
from analysis.wording import listed, scaled


def draw(results: View) -> Figure | None:
    """Draw the peak memory of layers, and of whole models where they were measured."""
    rows = results.frame("memory")
    if rows.empty or not (rows.status == "ok").any():
        return None
    looks = styles(results.architectures)
    panels: list[Panel] = []
    first = rows.part == rows.architecture.map(results.first_part)
    for scope, what, mask in (
        ("layer", "Table 1’s layers", (rows.scope == "layer") & first),
        ("parts", "their parts", (rows.scope == "layer") & ~first),
        ("model", "whole models", rows.scope == "model"),
    ):
        mine = rows[mask]
        if not (mine.status == "ok").any():
            continue
        chart = sweep.Sweep(
            name=f"memory_{scope}",
            title=f"Peak memory of {what}",
            x="n",
            y="peak_bytes",
            x_label="n, positions (fixed batch)",
            y_label="peak memory",
            shown=lambda value: scaled(value, "B"),
        )
        panels.append(sweep.draw(chart, mine, looks))
    methods = listed(sorted({str(method) for method in rows.method.dropna()}))
    return Figure(
        name="memory",
        title="Memory as sequences grow: explicit scores against fused kernels",
        caption="Beyond what was held before the step, forward and backward. Explicit scores store "
        f"n × n numbers for each head; a fused kernel does not. Measured by: {methods}.",
        panels=tuple(panels),
        data=rows[[*sweep.SERIES, "scope", "n", "width", "batch", "peak_bytes", "status", "key"]],
        keys=tuple(sorted(rows.key)),
    )
