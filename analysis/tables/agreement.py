"""Table ``agreement``: accuracy, what attractors and corruption cost, and minimal pairs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.agreement import Run, Setting, settings
from analysis.statistics import mean_interval
from analysis.style import Style, styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import fixed, interval, percent, plural

CORRUPTIONS = ("cut", "drop", "swap")


def table(view: View) -> Table | None:
    """Return one row an architecture and corpus."""
    looks = styles(view.architectures)
    entries, data, keys = [], [], []
    found = settings(view.results)
    pairs = any(run.pair_accuracy is not None for setting in found for run in setting.runs)
    for setting in found:
        for architecture in setting.planned:
            runs = setting.of(architecture)
            if not runs:
                continue
            entries.append(_row(setting, looks[architecture], runs, pairs))
            data.append(_numbers(setting, architecture, runs))
            keys += [key for run in runs for key in run.keys]
    if not entries:
        return None
    return Table(
        name="agreement",
        title="Agreement: accuracy, attractors, corrupted input",
        caption="Means over seeds. The majority baseline is the accuracy of always answering with the "
        "more frequent number of the training split. Seen: share of the test sentences whose words up "
        "to the verb are those of a training sentence.",
        groups=(
            ("", 1),
            ("Test accuracy", 4),
            ("At a fixed distance", 1),
            ("Lost at the largest share", len(CORRUPTIONS)),
            ("", 1 + pairs),
        ),
        columns=(
            Column("Architecture", note="corpus"),
            Column("all", "num", "mean; each seed"),
            Column("nearest, farthest", "num", "by distance"),
            Column("majority", "num", "baseline"),
            Column("seen", "num", "test sentences in training"),
            Column("slope in attractors", "num", "mean [95 %]"),
            *(Column(name, "num") for name in CORRUPTIONS),
            *([Column("minimal pairs", "num", "accuracy; 50 % is chance")] if pairs else []),
            Column("settled", "num", "of seeds"),
        ),
        rows=tuple(entries),
        notes=(
            "Slope: change of accuracy with each noun of the other number more, with an intercept for "
            "each distance. Intervals are Student’s over seeds, not over test examples. Settled: "
            "training had converged, or its best checkpoint lies before the last quarter of the steps; "
            "an unsettled low score says unconverged, not incapable.",
        ),
        data=pd.DataFrame(data),
        keys=keys_of(keys),
    )


def _row(setting: Setting, look: Style, runs: Sequence[Run], pairs: bool) -> tuple[Entry, ...]:
    accuracies = [run.accuracy for run in runs]
    each = ", ".join(percent(value) for value in accuracies)
    slopes = [run.slope for run in runs if run.slope is not None]
    bounds = mean_interval(slopes, "seeds") if slopes else None
    ends = _ends(runs)
    settled = sum(run.settled for run in runs)
    return (
        Entry(look.label, setting.label, colour=look.colour),
        Entry(percent(_mean(accuracies)), each if len(runs) > 1 else "1 seed"),
        Entry(", ".join(percent(value, 0) for value in ends) or "–"),
        Entry(percent(setting.baseline), kind="muted"),
        Entry(percent(setting.seen), kind="muted"),
        Entry(
            fixed(_mean(slopes), 3, signed=True),
            interval(bounds.low, bounds.high, 3) if bounds else "too few seeds" if slopes else "",
        ),
        *(Entry(percent(_lost(runs, name))) for name in CORRUPTIONS),
        *([Entry(percent(_mean(_known(runs))))] if pairs else []),
        Entry(f"{settled} of {plural(setting.planned[runs[0].architecture], 'seed')}"),
    )


def _numbers(setting: Setting, architecture: str, runs: Sequence[Run]) -> dict[str, object]:
    return {
        "corpus": setting.label,
        "architecture": architecture,
        "seeds": len(runs),
        "settled": sum(run.settled for run in runs),
        "accuracy": _mean([run.accuracy for run in runs]),
        "majority": setting.baseline,
        "seen": setting.seen,
        "slope": _mean([run.slope for run in runs if run.slope is not None]),
        "lost": _mean([run.lost for run in runs if run.lost is not None]),
        **{f"lost_{name}": _lost(runs, name) for name in CORRUPTIONS},
        "minimal_pairs": _mean(_known(runs)),
    }


def _known(runs: Sequence[Run]) -> list[float]:
    return [run.pair_accuracy for run in runs if run.pair_accuracy is not None]


def _ends(runs: Sequence[Run]) -> list[float]:
    """Return mean accuracy at the nearest and at the farthest distance."""
    tables = [run.at("distance") for run in runs]
    if not tables or any(len(rows) < 2 for rows in tables):
        return []
    return [float(np.mean([rows.accuracy.iloc[end] for rows in tables])) for end in (0, -1)]


def _lost(runs: Sequence[Run], corruption: str) -> float | None:
    values = []
    for run in runs:
        rows = run.corrupted[run.corrupted.corruption == corruption].sort_values("share")
        if len(rows):
            values.append(float(rows.lost.iloc[-1]))
    return _mean(values)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
