"""Figure ``kernels``: the same recurrent layer by a loop and by a fused kernel."""

from analysis.figures import sweep
from analysis.figures.base import Figure
from analysis.style import styles
from analysis.view import View
from analysis.wording import seconds


def draw(results: View) -> Figure | None:
    """Draw the layer time by kernel class, at fixed tokens a batch."""
    rows = results.frame("step_time")
    if rows.empty:
        return None
    rows = rows[(rows.scope == "layer") & (rows.comparison == "fixed_tokens")]
    if not ((rows.status == "ok") & rows.seconds.notna()).any():
        return None
    chart = sweep.Sweep(
        name="kernels_seconds",
        title="One recurrent layer by kernel class",
        x="n",
        y="seconds",
        x_label="n, positions (fixed tokens a batch)",
        y_label="time a step",
        shown=seconds,
        low="seconds_low",
        high="seconds_high",
    )
    return Figure(
        name="kernels",
        title="Kernel or architecture? The same layers in the same kernel class",
        caption="Forward and backward of one layer at equal width. Compare full with full and hollow "
        "with hollow only by the kernel class in the legend: what a loop costs is no property of the "
        "architecture.",
        panels=(sweep.draw(chart, rows, styles(results.architectures)),),
        data=rows[[*sweep.SERIES, "n", "width", "batch", "seconds", "status", "key"]],
        keys=tuple(sorted(rows.key)),
    )
