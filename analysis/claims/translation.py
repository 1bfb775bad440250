"""What the claims about translation share: which settings they rest on, and what is unfinished."""

from collections.abc import Sequence

import numpy as np

from analysis.claims.base import Claim, Outcome, Verdict
from analysis.corpus_scores import Floats
from analysis.load import Results
from analysis.significance import percentile_interval
from analysis.translation import System, Translations

TOO_SMALL = 0.1
"""BLEU points: a gain below this does not matter; an interval wholly below it refutes a gain."""

UNTRAINED = "these trained models alone: other training seeds are not covered"


def settings(translations: Translations, *architectures: str) -> list[tuple[str, list[System]]]:
    """Return the settings that plan all of ``architectures``, with a system of each.

    The one that a claim rests on comes first: real text before generated, then most seeds.
    """
    found = []
    for setting in translations.settings:
        systems = [translations.system(setting, name) for name in architectures]
        if all(system is not None for system in systems):
            found.append((setting, [system for system in systems if system is not None]))
    return sorted(found, key=lambda item: _rank(item[1]), reverse=True)


def lead_first(translations: Translations) -> list[tuple[str, list[System]]]:
    """Return every setting with the system of each architecture in it, the leading setting first."""
    found = []
    for setting in translations.settings:
        names = dict.fromkeys(
            system.architecture for system in translations.of(setting, finished=False)
        )
        systems = [translations.system(setting, name) for name in names]
        found.append((setting, [system for system in systems if system is not None]))
    return sorted(found, key=lambda item: _rank(item[1]), reverse=True)


def unfinished(systems: Sequence[System]) -> list[str]:
    """Return planned runs without a result, in words."""
    found = []
    for system in systems:
        for status, rows in system.runs[system.runs.status != "ok"].groupby("status"):
            seeds = ", ".join(str(seed) for seed in sorted(rows.seed))
            found.append(f"{system.label} {str(status).replace('_', ' ')} (seed {seeds})")
    return found


def unconverged(systems: Sequence[System]) -> str:
    """Return a clause on runs that were still improving when their budget ended, or nothing."""
    counts = {s.label: int((~s.finished.converged.astype(bool)).sum()) for s in systems}
    shown = ", ".join(f"{count} of {label}" for label, count in counts.items() if count)
    return f" Still improving when the budget ended: {shown}." if shown else ""


def over_sentences(claim: Claim, value: float, drawn: Floats, sentences: int, effect: str) -> Verdict:
    """Return what these trained models say, over sentences: shown beside, never deciding.

    ``drawn`` are the resampled values of ``value``, which the claim says lies above 0.
    """
    interval = percentile_interval(drawn, sentences)
    outcome: Outcome = "inconclusive"
    if interval.low > 0:
        outcome = "supported"
    elif interval.high < 0:
        outcome = "refuted"
    return Verdict(
        claim=claim,
        verdict=outcome,
        effect=effect,
        effect_value=value,
        interval=interval,
        missing=UNTRAINED,
        decides=False,
    )


def weighted_slope(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Return the slope (...) of weighted least squares of y (..., P) on x (P,)."""
    share = weights / weights.sum()
    centred = x - float(share @ x)
    slope: Floats = ((y - (y @ share)[..., None]) @ (share * centred)) / float(share @ centred**2)
    return slope


def devices(results: Results, keys: Sequence[str]) -> str:
    """Return the devices that records name, in words."""
    names = {str(results.records[key].environment.get("device_model") or "") for key in keys}
    return ", ".join(sorted(name for name in names if name))


def _rank(systems: Sequence[System]) -> tuple[bool, int, int]:
    real = any(bool(data.get("corpus")) for system in systems for data in system.runs.data)
    seeds = min((len(system.keys) for system in systems), default=0)
    return real, seeds, sum(len(system.keys) for system in systems)


def mean(values: Sequence[float] | Floats) -> float:
    """Return the mean as a number."""
    return float(np.mean(values))
