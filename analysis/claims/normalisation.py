"""Claim T10: layer normalisation, and the learning rates that train."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.rates import Ladder, is_ladder, ladder, threshold
from analysis.claims.variations import (
    NOT_LEARNED,
    Configuration,
    against,
    configurations,
    learned,
)
from analysis.load import Results
from analysis.statistics import MIN_PAIRED_SEEDS

TASK = "listops"
PLACES = {"pre": "before each sub-layer", "post": "after each residual connection"}

CLAIM = Claim(
    id="T10",
    statement="Layer normalisation stabilises training and makes it faster.",
    topic="Inside the Transformer",
    kind="measured",
    how=f"A Transformer on {TASK} over a ladder of learning rates, normalised before or after the "
    "residual connection, and not at all. A rate trains if its best validation score within the budget "
    "reaches halfway from chance to the best of the three; one whose loss is not finite does not. The "
    "range is the rungs that train times the ladder’s step; its ratio to that without normalisation, "
    "paired by seed. Supported when the interval lies above 1 for both places; refuted when one lies "
    "below half a rung. Beside it the largest rate that trains, since the smallest depends on the "
    "budget, and how many steps each needs to get there at its best rate.",
    source="Ba, Kiros and Hinton 2016; Xiong et al. 2020",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T10."""
    found = _configurations(results)
    if len(found) < 2 or "none" not in found:
        return not_measured(CLAIM, "Transformers with and without normalisation over learning rates")
    ladders = {name: ladder(results, of, words_of(name)) for name, of in found.items()}
    chance = _chance(results, found)
    bar = threshold(list(ladders.values()), chance)
    parts = []
    for name, words in PLACES.items():
        claim = CLAIM.part(f".{name}", f"Normalisation {words}: more learning rates train.")
        if name not in found:
            parts.append(not_measured(claim, f"a Transformer normalised {words}"))
            continue
        parts.append(_ratio(claim, ladders[name], ladders["none"], name, bar, chance))
        claim = CLAIM.part(f".{name}.largest", f"Normalisation {words}: larger learning rates train.")
        parts.append(_largest(claim, ladders[name], ladders["none"], name, bar))
        claim = CLAIM.part(f".{name}.speed", f"Normalisation {words}: fewer steps are needed.")
        steps = {which: _steps(results, found[which], bar) for which in (name, "none")}
        parts.append(_speed(claim, steps[name], steps["none"], name))
    return every(CLAIM, parts)


def ladder_configurations(results: Results) -> list[Configuration]:
    """Return the Transformers that were trained at a ladder of learning rates, in the plan's order."""
    return [c for c in configurations(results, TASK) if is_ladder(c.recipe["learning_rates"])]


def words_of(norm: str) -> str:
    """Return where a Transformer normalises, in words."""
    return f"normalised {PLACES[norm]}" if norm in PLACES else "without normalisation"


def _configurations(results: Results) -> dict[str, Configuration]:
    """Return those without normalisation and what differs from them in that alone, by name."""
    ladders = ladder_configurations(results)
    for plain in (c for c in ladders if c.option("model", "norm") == "none"):
        found = {
            name: one
            for name in PLACES
            for one, _ in against([*_of(ladders, name), plain], "model", "norm", name, default="pre")
        }
        if found:
            return {**found, "none": plain}
    return {}


def _of(found: list[Configuration], norm: str) -> list[Configuration]:
    return [one for one in found if one.option("model", "norm", "pre") == norm]


def _ratio(
    claim: Claim, one: Ladder, plain: Ladder, name: str, bar: float | None, chance: float
) -> Verdict:
    seeds = sorted(set(one.scores) & set(plain.scores))
    blockers = [*one.unfinished, *plain.unfinished]
    if bar is None or not learned(2 * bar - chance, chance):
        return Verdict(
            claim=claim,
            verdict="inconclusive",
            missing="; ".join([*blockers, NOT_LEARNED]),
            evidence=tuple(side.keys[seed] for side in (one, plain) for seed in seeds),
        )
    widths = [[side.decades(seed, bar) for seed in seeds] for side in (one, plain)]
    effect = ""
    if seeds:
        rungs = [float(np.mean(width)) / one.step for width in widths]
        effect = (
            f"{words_of(name).capitalize()} {rungs[0]:.1f} of {len(one.rates)} learning rates train "
            f"(validation {bar:.2f} or more), without normalisation {rungs[1]:.1f}: a range "
            f"{10 ** (np.mean(widths[0]) - np.mean(widths[1])):.2g} times as wide."
        )
    found = mean_beyond(
        claim,
        [a - b for a, b in zip(*widths, strict=True)],
        bound=0.0,
        refuted_at=one.step / 2,
        minimum=MIN_PAIRED_SEEDS,
        blockers=blockers,
        effect=effect,
        evidence=tuple(side.keys[seed] for side in (one, plain) for seed in seeds),
    )
    # a range that goes on beyond the ladder is wider than what was counted
    hidden = {"supported": plain, "refuted": one}.get(found.verdict)
    if hidden is not None and hidden.at_the_end(bar):
        missing = "a longer ladder: its end still trains"
        return replace(found, verdict="inconclusive", missing=missing)
    return found


def _largest(claim: Claim, one: Ladder, plain: Ladder, name: str, bar: float | None) -> Verdict:
    tops = [
        {seed: rates[-1] for seed in of.scores if (rates := of.reached(seed, bar))}
        for of in (one, plain)
        if bar is not None
    ]
    seeds = sorted(set.intersection(*(set(top) for top in tops))) if tops else []
    decades = [[math.log10(top[seed]) for seed in seeds] for top in tops] or [[], []]
    effect = ""
    if seeds:
        rates = [10 ** float(np.mean(side)) for side in decades]
        effect = (
            f"The largest learning rate that trains is {rates[0]:.2g} {words_of(name)} and "
            f"{rates[1]:.2g} without normalisation."
        )
    return mean_beyond(
        claim,
        [a - b for a, b in zip(*decades, strict=True)],
        bound=0.0,
        minimum=MIN_PAIRED_SEEDS,
        blockers=[*one.unfinished, *plain.unfinished],
        effect=effect,
        evidence=tuple(side.keys[seed] for side in (one, plain) for seed in seeds),
        decides=False,
    )


def _speed(
    claim: Claim, one: Mapping[int, tuple[str, int]], plain: Mapping[int, tuple[str, int]], name: str
) -> Verdict:
    seeds = sorted(set(one) & set(plain))
    steps = [[side[seed][1] for seed in seeds] for side in (one, plain)]
    effect = ""
    if seeds:
        effect = (
            f"At its best rate {words_of(name)} gets there after {np.mean(steps[0]):.0f} steps, "
            f"without normalisation after {np.mean(steps[1]):.0f}."
        )
    return mean_beyond(
        claim,
        [float(np.log(b / a)) for a, b in zip(*steps, strict=True)],
        bound=0.0,
        minimum=MIN_PAIRED_SEEDS,
        effect=effect,
        evidence=tuple(side[seed][0] for side in (one, plain) for seed in seeds),
        decides=False,
    )


def _steps(results: Results, of: Configuration, bar: float | None) -> dict[int, tuple[str, int]]:
    """Return key and first validated step at which the selected rate reaches ``bar``, by seed."""
    found = {}
    for seed, record in of.records(results).items():
        steps = [
            int(step) for step, score in record.curves.get("validation", []) if score >= (bar or 1)
        ]
        if steps:
            found[seed] = (record.key, steps[0])
    return found


def _chance(results: Results, found: Mapping[str, Configuration]) -> float:
    """Return the score of guessing, as the records have it."""
    records = [record for of in found.values() for record in of.records(results).values()]
    return next((float(r.metrics["chance"]) for r in records if "chance" in r.metrics), 0.0)
