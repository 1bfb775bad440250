"""Scores of trained models in two stores, over seeds."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.difference.base import CHANGED, FEW, SAME, Change, difference
from analysis.load import Results
from analysis.variants import is_size
from experiments.cell import digest

METRICS = {
    "train": ("test", "test_teacher_forced"),
    "translate": ("bleu", "chrf", "exact_match"),
}
_WORDS = {"test": "test", "test_teacher_forced": "test, given the true prefix", "bleu": "BLEU"}
Group = tuple[str, str, str]  # task, architecture, options that are no sizes


def score_changes(a: Results, b: Results) -> Iterator[Change]:
    """Yield a change for each task, architecture, setting and metric that both stores have."""
    for measure, metrics in METRICS.items():
        before, after = (_groups(results, measure) for results in (a, b))
        for group in before:
            if group in after:
                for metric in metrics:
                    yield from _change(group, metric, before[group], after[group], before)


def _groups(results: Results, measure: str) -> dict[Group, pd.DataFrame]:
    frame = results.training() if measure == "train" else results.translations()
    frame = frame[frame.status == "ok"]
    frame = frame.assign(place=[results.places.get(key, 0) for key in frame.key]).sort_values("place")
    found: dict[Group, list[int]] = {}
    subjects = zip(frame.task, frame.architecture, frame.model, frame.data, strict=True)
    for i, (task, architecture, model, data) in enumerate(subjects):
        options = {key: value for key, value in model.items() if not is_size(key, value)}
        # what a task asks may change between stores; its length and split are another question
        about = {key: data[key] for key in ("length", "split", "corpus", "pair") if key in data}
        found.setdefault((str(task), architecture, digest([options, about])), []).append(i)
    return {group: frame.iloc[places] for group, places in found.items()}


def _change(
    group: Group, metric: str, one: pd.DataFrame, other: pd.DataFrame, all_: Mapping[Group, Any]
) -> Iterator[Change]:
    a, b = (
        rows[rows[metric].notna()].drop_duplicates("seed").set_index("seed") for rows in (one, other)
    )
    if a.empty or b.empty:
        return
    task, architecture, _ = group
    shared = sorted(set(a.index) & set(b.index))
    paired = len(shared) >= 2
    rows = (a.loc[shared], b.loc[shared]) if paired else (a, b)
    values = [side[metric].to_numpy(float) for side in rows]
    interval, p_value = difference(values[0], values[1], paired=paired)
    before, after = (float(np.mean(side)) for side in values)
    same = paired and bool((values[0] == values[1]).all())
    yield Change(
        kind="scores",
        what=f"{task}, {_WORDS.get(metric, metric)}{_variation(group, one, all_)}",
        architecture=architecture,
        before=before,
        after=after,
        outcome=SAME if same else FEW if p_value is None else CHANGED,
        interval=interval,
        p_value=None if same else p_value,
        points=(len(values[0]), len(values[1])),
        note=_note(one, other),
    )


def _variation(group: Group, rows: pd.DataFrame, all_: Mapping[Group, pd.DataFrame]) -> str:
    """Return the options in which a setting differs from the first one of its kind."""
    first = next(other for key, other in all_.items() if key[:2] == group[:2])
    mine, usual = rows.model.iloc[0], first.model.iloc[0]
    return "".join(
        f", {key} = {mine.get(key, 'as usual')}"
        for key in sorted({*mine, *usual})
        if not is_size(key, mine.get(key)) and mine.get(key) != usual.get(key)
    )


def _note(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Return what else differs between the two sides."""
    notes = []
    widths = [sorted({model.get("width") for model in rows.model}) for rows in (one, other)]
    if widths[0] != widths[1]:
        notes.append(f"width {_listed(widths[0])} against {_listed(widths[1])}")
    steps = [sorted({int(count) for count in rows.steps.dropna()}) for rows in (one, other)]
    if steps[0] != steps[1]:
        notes.append(f"steps {_listed(steps[0])} against {_listed(steps[1])}")
    shares = [int(rows.converged.sum()) for rows in (one, other)]
    if shares[0] != shares[1]:
        notes.append(f"{shares[0]} of {len(one)} converged against {shares[1]} of {len(other)}")
    return "; ".join(notes)


def _listed(values: list[Any]) -> str:
    return ", ".join(f"{value:,}" for value in values[:3]) + (" ..." if len(values) > 3 else "")
