"""Where an architecture wins and where it loses: against the best of the others, measure by measure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.pages.measures import Measure, Value
from analysis.statistics import Interval, mean_interval
from analysis.style import Style
from analysis.tables.base import Column, Entry, Kind, Table, keys_of
from analysis.wording import listed, number

Outcome = Literal["best", "behind", "not told apart", "one value each"]


@dataclass(frozen=True)
class Row:
    """An architecture beside the best of the others in one measure."""

    measure: Measure
    mine: Value
    other: Value
    margin: float  # above 0: better than the best of the others; log ratio, or difference
    interval: Interval | None
    outcome: Outcome


def compare(measure: Measure, architecture: str) -> Row | None:
    """Return an architecture beside the best of the others; None where it, or all others, lack it."""
    mine = next((v for v in measure.values if v.architecture == architecture), None)
    others = [value for value in measure.values if value.architecture != architecture]
    if mine is None or not others:
        return None
    sign = 1 if measure.larger_is_better else -1
    other = max(others, key=lambda value: sign * value.mean)

    def gain(one: float, two: float) -> float:
        if not measure.ratio:
            return sign * (one - two)
        return sign * (math.log(one) - math.log(two)) if one > 0 and two > 0 else 0.0

    shared = sorted(set(mine.points) & set(other.points))
    gains = [gain(mine.points[at], other.points[at]) for at in shared]
    interval = mean_interval(gains, "rounds" if measure.ratio else "seeds") if len(gains) > 1 else None
    margin = float(np.mean(gains)) if gains and not measure.exact else gain(mine.mean, other.mean)
    outcome: Outcome = "not told apart"
    if measure.exact:
        outcome = "best" if margin > 0 else "behind" if margin < 0 else "not told apart"
    elif interval is None:
        outcome = "one value each"
    elif interval.low > 0 or interval.high < 0:
        outcome = "best" if interval.low > 0 else "behind"
    return Row(measure, mine, other, margin, interval, outcome)


def told(rows: Sequence[Row], looks: Mapping[str, Style]) -> str:
    """Return the sentence on where an architecture wins and where it loses."""
    parts = []
    for outcome, words in (("best", "ahead of"), ("behind", "behind")):
        mine = [
            f"{row.measure.name} ({_margin(row, abs(row.margin))} {words} "
            f"{looks[row.other.architecture].label})"
            for row in rows
            if row.outcome == outcome
        ]
        lead = "It wins in" if outcome == "best" else "It loses in"
        parts.append(f"{lead} {listed(mine) or 'nothing that was measured'}.")
    same = [row.measure.name for row in rows if row.outcome in ("not told apart", "one value each")]
    if same:
        parts.append(f"Not told apart from the best other at these seeds and rounds: {listed(same)}.")
    return " ".join(parts)


def comparison(rows: Sequence[Row], looks: Mapping[str, Style]) -> Table | None:
    """Return one row a measure."""
    if not rows:
        return None
    kinds: dict[str, Kind] = {
        "best": "good",
        "behind": "bad",
        "not told apart": "open",
        "one value each": "muted",
    }
    entries = tuple(
        (
            Entry(row.measure.name, row.measure.words),
            Entry(row.measure.shown(row.mine.mean)),
            Entry(row.measure.shown(row.other.mean), looks[row.other.architecture].label),
            Entry(_margin(row, row.margin), _bounds(row)),
            Entry(row.outcome, kind=kinds[row.outcome]),
        )
        for row in rows
    )
    return Table(
        name="comparison",
        title="Beside the best of the others, measure by measure",
        caption="The margin is in the direction that is better: above 0, or above 1 ×, this "
        "architecture is ahead. Scores: difference paired by seed. Speed: ratio within one block, "
        "round by round. Memory and FLOPs are counted and have no interval.",
        columns=(
            Column("Measure"),
            Column("This", "num"),
            Column("Best other", "num"),
            Column("Margin", "num", "[95 %] over"),
            Column("Outcome"),
        ),
        rows=entries,
        notes=(
            "The best other is chosen by the same values that are compared, and the intervals are not "
            "corrected for the number of rows: for a verdict see the claims.",
        ),
        data=pd.DataFrame(
            [
                {
                    "architecture": row.mine.architecture,
                    "measure": row.measure.name,
                    "metric": row.measure.words,
                    "value": row.mine.mean,
                    "other": row.other.architecture,
                    "other_value": row.other.mean,
                    "margin": math.exp(row.margin) if row.measure.ratio else row.margin,
                    "low": _scale(row, row.interval.low) if row.interval else None,
                    "high": _scale(row, row.interval.high) if row.interval else None,
                    "covers": row.interval.covers if row.interval else "",
                    "n": row.interval.n if row.interval else None,
                    "outcome": row.outcome,
                }
                for row in rows
            ]
        ),
        keys=keys_of(*(row.mine.keys + row.other.keys for row in rows)),
    )


def _scale(row: Row, value: float) -> float:
    return math.exp(value) if row.measure.ratio else value


def _margin(row: Row, value: float) -> str:
    if row.measure.ratio:
        return f"{number(math.exp(value))} ×"
    text = row.measure.shown(abs(value)).replace("%", "points")
    return text if value >= 0 else f"−{text}"


def _bounds(row: Row) -> str:
    if row.measure.exact:
        return "counted"
    if row.interval is None:
        return "no interval"
    low, high = (_margin(row, value) for value in (row.interval.low, row.interval.high))
    return f"[{low}, {high}]\n{row.interval.n} {row.interval.covers}"
