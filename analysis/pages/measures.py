"""What architectures are compared in: every task's score, and what training and a layer cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analysis.exponents import one_width
from analysis.pages.pairs import Pair
from analysis.speed import throughput_rows
from analysis.view import View
from analysis.wording import number, scaled


@dataclass(frozen=True)
class Value:
    """One architecture's value of a measure."""

    architecture: str
    mean: float
    points: Mapping[int, float]  # by seed, or by round: those of one number belong together
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """What architectures are compared in."""

    name: str
    words: str  # what its values are
    larger_is_better: bool
    shown: Callable[[float], str]
    ratio: bool  # compared by ratio (times, sizes) or by difference (scores)
    exact: bool  # counted: a difference needs no interval
    values: Sequence[Value]


def measures(view: View, pairs: Sequence[Pair]) -> list[Measure]:
    """Return what can be compared: every task's score, training speed, memory and FLOPs of a layer."""
    found = [
        _score(pairs_of)
        for setting in dict.fromkeys(pair.setting for pair in pairs)
        if len(pairs_of := [p for p in pairs if p.setting == setting and p.runs]) > 1
    ]
    found += [measure for measure in (_speed(view), _memory(view), _flops(view)) if measure]
    return found


def _score(pairs: Sequence[Pair]) -> Measure:
    kind = pairs[0].kind
    values = [
        Value(p.architecture, p.mean, {run.seed: run.score for run in p.runs}, p.keys)
        for p in pairs
        if p.mean is not None and p.kind is kind
    ]
    return Measure(pairs[0].label, kind.words, kind.larger_is_better, kind.shown, False, False, values)


def _speed(view: View) -> Measure | None:
    rows = throughput_rows(view)
    rows = rows[(rows.status == "ok") & rows.tokens_per_second.notna()]
    if rows.empty:
        return None
    n = rows.groupby("n").architecture.nunique().loc[lambda count: count > 1].index.max()
    at = rows[rows.n == n].sort_values("tokens_per_second").drop_duplicates("architecture", keep="last")
    values = [
        Value(
            str(row.architecture),
            float(row.tokens_per_second),
            {i: 1 / seconds for i, seconds in enumerate(row.times)},
            (str(row.key),),
        )
        for row in at.itertuples()
    ]
    name = f"training speed at n = {number(n)}"
    return Measure(name, "tokens a second, whole models", True, scaled, True, False, values)


def _memory(view: View) -> Measure | None:
    return _layers(view, "memory", "peak_bytes", "peak memory", lambda value: scaled(value, "B"))


def _flops(view: View) -> Measure | None:
    return _layers(view, "flops", "forward", "forward FLOPs", lambda value: scaled(value, "FLOP"))


def _layers(
    view: View, measure: str, column: str, words: str, shown: Callable[[float], str]
) -> Measure | None:
    """Return a count of the Table 1 layer at the longest length that all have, by its best kernel."""
    rows = view.frame(measure)
    rows = rows[(rows.scope == "layer") & (rows.status == "ok") & rows[column].notna()]
    rows = rows[rows.part == rows.architecture.map(view.first_part)]
    rows = one_width(rows, "n")
    counts = rows.groupby("n").architecture.nunique()
    shared = counts[counts == rows.architecture.nunique()].index
    if rows.architecture.nunique() < 2 or shared.empty:
        return None
    n = shared.max()
    at = rows[rows.n == n].sort_values(column).drop_duplicates("architecture")
    values = [
        Value(str(row.architecture), float(getattr(row, column)), {}, (str(row.key),))
        for row in at.itertuples()
    ]
    name = f"{words} of a layer at n = {number(n)}"
    return Measure(name, f"d = {number(at.width.iloc[0])}", False, shown, True, True, values)
