"""What the recorded gradients say at the distance where a pair fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.claims.gradient import slope
from analysis.load import Results
from analysis.pages.pairs import Pair
from analysis.spans import SOLVED
from analysis.style import Style
from analysis.wording import fixed, listed, number, plural
from experiments.record import Record

VANISHED = 0.01
"""Share of the gradient at k = 0 below which that k positions back counts as vanished ..."""

EXPLODED = 100.0
"""... and above which it counts as exploded."""

MOMENTS = (("init", "at initialisation"), ("trained", "after training"))
Curve = Sequence[Sequence[float]]
"""Points [k, J(k)] by k."""

DISTANCES = ("distance", "length", "target_length", "offset")
"""Slices whose values are positions."""


@dataclass(frozen=True)
class Gradient:
    """The explanation by the gradient."""

    name: str
    state: Literal["seen", "not seen", "not measured"]
    text: str


class Profiles:
    """The recorded J(k) by the training run whose weights were used."""

    def __init__(self, results: Results) -> None:
        self._by_run: dict[tuple[str, ...], list[Record]] = {}
        for record in results.records.values():
            cell = record.cell
            if cell.measure == "gradient" and record.status == "ok":
                trained = str(cell.options.get("trained") or "")
                place = (trained,) if trained else (cell.architecture, cell.task or "")
                self._by_run.setdefault(place, []).append(record)

    def of(self, pair: Pair, when: str) -> list[Curve]:
        """Return the curves of the last state of a pair's runs, ``when`` being init or trained."""
        places: list[tuple[str, ...]] = [(key,) for key in pair.keys]
        records = [
            record
            for place in (*places, (pair.architecture, pair.task))
            for record in self._by_run.get(place, ())
        ]
        curves = [record.curves.get(f"state_{when}", []) for record in records]
        return [curve for curve in curves if len(curve) > 1 and curve[0][1]]


def gradient(
    profiles: Profiles, pair: Pair, others: Sequence[Pair], looks: Mapping[str, Style]
) -> Gradient:
    """Return whether the gradient of the last state vanishes, or explodes, to where the pair fails."""
    curves = {when: profiles.of(pair, when) for when, _ in MOMENTS}
    at = _place(pair, [point[0] for found in curves.values() for curve in found for point in curve])
    shares = {when: kept(found, at) for when, found in curves.items()}
    known = {when: share for when, share in shares.items() if share is not None}
    if not known:
        return Gradient("a vanishing gradient", "not measured", "No gradient profile is recorded.")
    texts = []
    for when, words in MOMENTS:
        if when in known:
            factors = [found for curve in curves[when] if (found := slope(curve)) is not None]
            step = f", a factor {fixed(float(np.exp(np.median(factors))))} a step" if factors else ""
            texts.append(f"{words} {_share(known[when])}{step}")
    seeds = plural(max(len(found) for found in curves.values()), "seed")
    text = (
        f"Of the gradient of the last encoder state at k = 0 there is left at k = {number(at)} (median "
        f"over {seeds}): {'; '.join(texts)}."
    )
    beside = []
    for other in others:
        share = kept(profiles.of(other, "trained"), at)
        if share is not None:
            beside.append(f"{looks[other.architecture].label} {_share(share)}")
    if beside:
        text += f" After training, for comparison: {listed(beside)}."
    vanished = [words for when, words in MOMENTS if known.get(when, 1.0) < VANISHED]
    exploded = [words for when, words in MOMENTS if known.get(when, 1.0) > EXPLODED]
    if vanished:
        return Gradient(f"a gradient that vanishes {listed(vanished)}", "seen", text)
    if exploded:
        return Gradient(f"a gradient that explodes {listed(exploded)}", "seen", text)
    return Gradient("a vanishing gradient", "not seen", text)


def kept(curves: Sequence[Curve], at: float) -> float | None:
    """Return J(k) / J(0) at the k nearest to ``at``, the median over curves; None without any."""
    shares = []
    for curve in curves:
        _, value = min(curve, key=lambda point: (abs(point[0] - at), point[0]))
        shares.append(value / curve[0][1])
    return float(np.median(shares)) if shares else None


def _place(pair: Pair, measured: Sequence[float]) -> float:
    """Return the farthest distance at which the pair fails, or the farthest k where it has none."""
    far = max(measured, default=0.0)
    for name in DISTANCES:
        if shares := pair.slices.get(name):
            failing = [value for value, share in shares.items() if share < SOLVED]
            return min(max(failing, default=far), far)
    return far


def _share(value: float) -> str:
    return number(value, 2) if value > 0 else "nothing"
