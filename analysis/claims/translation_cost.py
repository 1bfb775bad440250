"""Claim S4: the Transformer reaches a better translation for less training cost."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.translation import devices, mean, settings, unfinished
from analysis.load import Results
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import short_name
from analysis.translation import System, Translations
from analysis.wording import scaled, seconds

FIGURE = "bleu_by_cost"
TRANSFORMER = "transformer"
RECURRENT = ("attentional_lstm", "lstm", "rnn")

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the largest cost that both curves reach: where the curves are compared."""

MARGIN = 0.5
"""BLEU points that a dominating curve may lie below the other while training starts."""

COSTS = {"bleu_by_flops": "training FLOPs", "bleu_by_seconds": "training time"}

S4 = Claim(
    id="S4",
    statement="The Transformer reaches a better translation for less training cost.",
    topic="Speed",
    kind="measured",
    how="The best validation BLEU reached by a training cost, Transformer minus the recurrent model "
    f"with attention, paired by seed, at {len(SHARES)} costs up to the largest that both reached "
    f"({', '.join(f'1/{1 / share:.0f}' for share in SHARES[:-1])} of it, and all of it). Its curve "
    f"dominates when the interval lies above −{MARGIN} BLEU at each, and above 0 at the last. FLOPs "
    "decide; time holds for one device and is judged apart.",
    source="Vaswani et al. 2017, Table 2",
)

Curve = list[tuple[float, float]]


def verdict(results: Results) -> Verdict:
    """Return the verdict on S4."""
    translations = Translations(results)
    parts: list[Verdict] = []
    for rival in RECURRENT:
        for setting, pair in settings(translations, TRANSFORMER, rival):
            label = translations.settings[setting]
            for name in COSTS:
                decides = not parts
                part = _dominance(results, pair, label, name, f".{len(parts) + 1}")
                parts.append(part if decides else replace(part, decides=False))
    if not parts:
        return not_measured(
            S4, f"validation BLEU of the {short_name(TRANSFORMER)} and a recurrent model"
        )
    found = every(S4, parts, effect=parts[0].effect, figure=FIGURE)
    return replace(found, device=parts[0].device)  # FLOPs hold for any device, time for one


def best_so_far(points: Sequence[Sequence[float | None]]) -> Curve:
    """Return [cost, score] points as the best score reached by each cost, ascending."""
    found: Curve = []
    best = -np.inf
    known = [(float(x), float(y)) for x, y in points if x is not None and y is not None]
    for cost, score in sorted(known):
        best = max(best, score)
        found.append((cost, best))
    return found


def reached(curve: Curve, cost: float) -> float:
    """Return the best score that training reached by ``cost``; 0 before the first validation."""
    return max((score for at, score in curve if at <= cost * (1 + 1e-9)), default=0.0)


def _dominance(results: Results, pair: Sequence[System], label: str, name: str, suffix: str) -> Verdict:
    what = COSTS[name]
    curves = [_curves(results, system, name) for system in pair]
    seeds = sorted(set(curves[0]) & set(curves[1]))
    claim = S4.part(
        suffix,
        f"On {label}, its curve of validation BLEU against {what} lies above that of the "
        f"{pair[1].label}.",
    )
    shared = [(curves[0][seed], curves[1][seed]) for seed in seeds]
    keys = [
        str(row.key) for system in pair for row in system.finished.itertuples() if row.seed in seeds
    ]
    if not shared:
        return not_measured(claim, f"curves of one seed on {label}")
    largest = min(curve[-1][0] for both in shared for curve in both)
    gains = np.array(
        [
            [reached(one, share * largest) - reached(other, share * largest) for share in SHARES]
            for one, other in shared
        ]
    )
    unit = scaled(largest, "FLOP") if name == "bleu_by_flops" else seconds(largest)
    ends = [mean([reached(both[side], largest) for both in shared]) for side in (0, 1)]
    effect = (
        f"On {label}, after {unit} of training the {pair[0].label} had reached {ends[0]:.1f} BLEU on "
        f"validation and the {pair[1].label} {ends[1]:.1f}."
    )
    parts = [
        mean_beyond(
            claim.part(
                f".{place}",
                f"At {share:.3g} of the shared {what}"
                + (" it is ahead." if share == 1 else f" it is at most {MARGIN} BLEU behind."),
            ),
            list(gains[:, place]),
            bound=0.0 if share == 1 else -MARGIN,
            minimum=MIN_PAIRED_SEEDS,
            blockers=unfinished(pair),
            effect=f"{mean(gains[:, place]):+.1f} BLEU.",
            evidence=tuple(keys),
        )
        for place, share in enumerate(SHARES)
    ]
    found = every(claim, parts, effect=effect, figure=FIGURE)
    where = devices(results, keys) if name == "bleu_by_seconds" else ""
    return replace(found, device=where)


def _curves(results: Results, system: System, name: str) -> dict[int, Curve]:
    found = {}
    for row in system.finished.itertuples():
        curve = best_so_far(results.records[str(row.key)].curves.get(name, []))
        if curve:
            found[int(str(row.seed))] = curve
    return found
