"""Figure ``throughput``: tokens a second and step time of whole models, at fixed tokens a batch."""

from analysis.figures import sweep
from analysis.figures.base import Figure
from analysis.speed import throughput_rows
from analysis.style import styles
from analysis.view import View
from analysis.wording import number, plural, scaled, seconds


def draw(results: View) -> Figure | None:
    """Draw throughput and step time against n."""
    rows = throughput_rows(results)
    if not ((rows.status == "ok") & rows.tokens_per_second.notna()).any():
        return None
    looks = styles(results.architectures)
    tokens = int((rows.n * rows.batch).median())
    speed = sweep.Sweep(
        name="throughput_tokens",
        title="Training throughput of whole models",
        x="n",
        y="tokens_per_second",
        x_label="n, tokens in source and in target",
        y_label="tokens a second",
        shown=scaled,
    )
    step = sweep.Sweep(
        name="throughput_step",
        title="The same as time a training step",
        x="n",
        y="seconds",
        x_label="n, tokens in source and in target",
        y_label="time a step",
        shown=seconds,
        low="seconds_low",
        high="seconds_high",
    )
    return Figure(
        name="throughput",
        title=f"Training speed as sequences grow, {number(tokens)} source tokens in every batch",
        caption="Forward, backward and optimiser; equal parameters. Median of "
        f"{plural(int(rows.rounds.max()), 'interleaved round')}, bars are quartiles; every length of "
        "every architecture in one block. The kernel class stands beside each name.",
        panels=(sweep.draw(speed, rows, looks), sweep.draw(step, rows, looks)),
        data=rows[[*sweep.SERIES, "n", "batch", "tokens_per_second", "seconds", "status", "key"]],
        keys=tuple(sorted(rows.key)),
    )
