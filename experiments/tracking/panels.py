"""The charts that dashboards and W&B Reports share, as code. Every chart is by architecture.

The names are those that experiments.tracking.content and .tables give to what is logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import wandb_workspaces.reports.v2 as wr

RUNS = 1000
"""Runs that a chart averages over, at most; W&B takes ten unless told."""


@dataclass(frozen=True)
class Charts:
    """One section of a dashboard."""

    name: str
    panels: list[Any]


def sections(slices: Sequence[str]) -> list[Charts]:
    """Return all sections; ``slices``: names that test examples are sliced by, such as ``distance``."""
    return [
        Charts("Span against distance", _spans(slices)),
        Charts("Throughput against length", _lengths()),
        Charts("Exponents", _exponents()),
        Charts("BLEU against FLOPs", _bleu()),
        Charts("Training", _training()),
        Charts("Report", [wr.MediaBrowser(title="The report", media_keys=["report"], num_columns=1)]),
    ]


def line(title: str, x: str, y: str, *, log_x: bool = False, log_y: bool = False) -> wr.LinePlot:
    """Return mean and standard error over an architecture's runs."""
    return wr.LinePlot(
        title=title,
        x=x,
        y=[y],
        title_x=x.rpartition("/")[2].replace("_value", ""),
        title_y=y.rpartition("/")[2].replace("_", " "),
        log_x=log_x or None,
        log_y=log_y or None,
        groupby=wr.Config("architecture"),
        groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
        max_runs_to_show=RUNS,
    )


def bars(title: str, metric: str) -> wr.BarPlot:
    """Return one bar an architecture, from the summary."""
    return wr.BarPlot(
        title=title,
        metrics=[metric],
        groupby=wr.Config("architecture"),
        groupby_aggfunc="mean",
        groupby_rangefunc="none",
        max_runs_to_show=RUNS,
    )


def _spans(slices: Sequence[str]) -> list[Any]:
    curves = [
        line(f"Accuracy by {name}", f"slices/test/{name}_value", f"slices/test/{name}", log_x=True)
        for name in slices
    ]
    return [
        *curves,
        bars("Area under accuracy by distance", "spans/auc"),
        bars("Longest distance at 90 %", "spans/span90"),
        bars("Longest distance at 50 %", "spans/span50"),
    ]


def _lengths() -> list[Any]:
    names = {
        "step_time/tokens_per_second": "Throughput: tokens/s",
        "step_time/seconds": "Seconds a step",
        "memory/peak_bytes": "Peak memory of a step, bytes",
        "flops/forward": "FLOPs, forward",
        "depth/forward": "Sequential operations, forward",
        "path/updates": "Updates until k positions back are seen",
    }
    return [
        line(title, "by_length/n", f"by_length/{name}", log_x=True, log_y=True)
        for name, title in names.items()
    ]


def _exponents() -> list[Any]:
    names = {
        "time_n": "Time by length: exponent of n",
        "time_d": "Time by width: exponent of d",
        "memory_n": "Memory by length: exponent of n",
    }
    measured = [bars(title, f"exponents/{name}") for name, title in names.items()]
    counted = [bars(f"FLOPs: exponent of {x}", f"table1/flop_exponent_{x}") for x in ("n", "d")]
    return [*measured, *counted]


def _bleu() -> list[Any]:
    return [
        line(
            "BLEU by training FLOPs", "curves/bleu_by_flops_flops", "curves/bleu_by_flops", log_x=True
        ),
        line("BLEU by seconds", "curves/bleu_by_seconds_seconds", "curves/bleu_by_seconds", log_x=True),
        bars("Test BLEU", "bleu"),
        bars("Test chrF", "chrf"),
    ]


def _training() -> list[Any]:
    return [
        line("Validation", "curves/validation_step", "curves/validation"),
        line("Training loss", "curves/training_loss_step", "curves/training_loss", log_y=True),
        bars("Test score", "test"),
    ]
