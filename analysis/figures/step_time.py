"""Figure ``step_time``: step time of whole models against n, at a fixed batch."""

from analysis.figures import sweep
from analysis.figures.base import Figure
from analysis.style import styles
from analysis.view import View
from analysis.wording import seconds


def draw(results: View) -> Figure | None:
    """Draw the step time of whole models at a fixed batch."""
    rows = results.frame("step_time")
    if rows.empty:
        return None
    rows = rows[(rows.scope == "model") & (rows.comparison == "fixed_batch")]
    if not ((rows.status == "ok") & rows.seconds.notna()).any():
        return None
    chart = sweep.Sweep(
        name="step_time_seconds",
        title="Time a training step, fixed batch",
        x="n",
        y="seconds",
        x_label="n, tokens in source and in target",
        y_label="time a step",
        shown=seconds,
        low="seconds_low",
        high="seconds_high",
    )
    return Figure(
        name="step_time",
        title="Step time of whole models as sequences grow, at a fixed batch",
        caption="Forward, backward and optimiser. Another question than fixed tokens: here the work "
        "grows with n as well.",
        panels=(sweep.draw(chart, rows, styles(results.architectures)),),
        data=rows[[*sweep.SERIES, "n", "batch", "seconds", "status", "key"]],
        keys=tuple(sorted(rows.key)),
    )
