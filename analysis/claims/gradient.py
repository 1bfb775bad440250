"""Claim L1: the vanilla RNN's gradient vanishes with distance, faster than the LSTM's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.seeds import Seeds, gather
from analysis.load import MISSING, Results
from analysis.spans import SeedCurve
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import short_name

CLAIM = Claim(
    id="L1",
    statement="A vanilla RNN keeps nothing over a long distance, because the gradient that should "
    "teach it to vanishes on the way back.",
    topic="Long-range",
    kind="measured",
    how="Slope of log J(k) over the distance k, J the norm of the gradient of the last encoder state "
    "with respect to the source embedding k positions back, at initialisation (recurrent weights "
    "orthogonal, input weights Xavier uniform, forget bias 1) and after training; and AUC. Supported "
    "when the interval of slope(RNN) - slope(LSTM), paired by seed, lies below 0 at both times, and so "
    "does that of AUC(RNN) - AUC(LSTM).",
    source="Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013, section 2",
)

MOMENTS = (("init", "at initialisation"), ("trained", "after training"))
WHAT = (("state", "last encoder state", True), ("logit", "correct symbol’s logit", False))

FEWEST = 3
"""Points above zero that a slope needs."""


def verdict(results: Results) -> Verdict:
    """Return the verdict on L1."""
    seeds = gather(results, ("rnn", "lstm"))
    if isinstance(seeds, str):
        return not_measured(CLAIM, seeds)
    gradients = results.gradients(seeds.task)
    if gradients.empty:
        return not_measured(CLAIM, f"gradient profiles on {seeds.task}")
    waiting = gradients[gradients.architecture.isin(["rnn", "lstm"]) & (gradients.status != "ok")]
    blockers = list(seeds.unfinished)
    for row in waiting.itertuples():
        state = "has no record" if row.status == MISSING else str(row.status).replace("_", " ")
        blockers.append(f"gradient of {short_name(str(row.architecture))}, seed {row.seed}: {state}")
    profiles: dict[str, Any] = {
        str(row.trained): row for row in gradients.itertuples() if row.status == "ok"
    }
    pairs = [
        (one, other)
        for one, other in seeds.pairs("rnn", "lstm")
        if one.key in profiles and other.key in profiles
    ]
    runs, _ = seeds.to_show("rnn", "lstm")
    everyone = list(zip(*runs, strict=True)) if runs else []
    parts = []
    for what, shown, decides in WHAT:
        for moment, when in MOMENTS:
            name = f"{what}_{moment}"
            known = _slopes(pairs, profiles, name)
            part = CLAIM.part(
                f".{what}.{moment}",
                f"The gradient of the {shown} falls faster with distance in an RNN {when}.",
            )
            parts.append(
                mean_beyond(
                    part,
                    [a - b for a, b in known],
                    bound=0.0,
                    below=True,
                    minimum=MIN_PAIRED_SEEDS,
                    blockers=blockers,
                    effect=_effect(known or _slopes(everyone, profiles, name), shown, when),
                    evidence=_keys(profiles, pairs),
                    figure="gradient_profile",
                    decides=decides,
                )
            )
    parts.append(_areas(seeds))
    return every(CLAIM, parts, figure="gradient_profile")


def slope(points: Sequence[Sequence[float]]) -> float | None:
    """Return the slope of log J(k) against k, natural logarithm a step, by least squares.

    J(k) of exactly 0 has underflowed: such points stand at the smallest positive value, which can only
    make the fall look slower than it is. None below three positive points.
    """
    k = np.array([point[0] for point in points], dtype=float)
    j = np.array([point[1] for point in points], dtype=float)
    positive = j > 0
    if positive.sum() < FEWEST or not np.isfinite(j).all():
        return None
    floored = np.where(positive, j, j[positive].min())
    return float(np.polyfit(k, np.log(floored), 1)[0])


def _slopes(
    pairs: Sequence[tuple[SeedCurve, ...]], profiles: Mapping[str, Any], name: str
) -> list[tuple[float, float]]:
    """Return the slopes of RNN and LSTM of the pairs whose profiles have one."""
    found = []
    for rnn, lstm in pairs:
        if rnn.key in profiles and lstm.key in profiles:
            one, other = (slope(getattr(profiles[run.key], name)) for run in (rnn, lstm))
            if one is not None and other is not None:
                found.append((one, other))
    return found


def _areas(seeds: Seeds) -> Verdict:
    pairs = [(a.auc, b.auc) for a, b in seeds.pairs("rnn", "lstm")]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    effect = ""
    runs, caveat = seeds.to_show("rnn", "lstm")
    if runs and all(run.auc is not None for mine in runs for run in mine):
        rnn, lstm = (np.mean([run.auc for run in mine]) for mine in runs)
        effect = f"{caveat}AUC on {seeds.task} is {rnn:.2f} for the RNN and {lstm:.2f} for the LSTM."
    return mean_beyond(
        CLAIM.part(".auc", "An RNN remembers less far than an LSTM of equal size."),
        [a - b for a, b in known],
        bound=0.0,
        below=True,
        minimum=MIN_PAIRED_SEEDS,
        blockers=seeds.unfinished,
        effect=(effect + seeds.set_aside("rnn", "lstm")).strip(),
        evidence=tuple(run.key for pair in seeds.pairs("rnn", "lstm") for run in pair),
        figure="accuracy_by_distance",
    )


def _effect(known: list[tuple[float, float]], shown: str, when: str) -> str:
    if not known:
        return ""
    rnn, lstm = np.mean(known, axis=0)
    return (
        f"The gradient of the {shown} changes by a factor {np.exp(rnn):.2f} a step back in the RNN and "
        f"{np.exp(lstm):.2f} in the LSTM {when}."
    )


def _keys(profiles: dict[str, Any], pairs: list[tuple[SeedCurve, SeedCurve]]) -> tuple[str, ...]:
    return tuple(profiles[run.key].key for pair in pairs for run in pair)
