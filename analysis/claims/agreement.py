"""Claims L12 and L13: agreement across attractors, and in corrupted input."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from analysis.agreement import Run, Setting, settings
from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.load import Results
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import short_name

TOO_SMALL = 0.005
"""Accuracy (for L12: an attractor): a difference below this does not matter."""

LEARNED = 0.1
"""Share of what the majority baseline leaves that a model must answer: below it nothing was learned."""

NAMES = ("rnn", "lstm", "transformer")

L12 = Claim(
    id="L12",
    statement="Language’s dependencies are not linear: nouns of the other number between a subject and "
    "its verb mislead a vanilla RNN more than an LSTM or a Transformer.",
    topic="Long-range",
    kind="measured",
    how="Slope of test accuracy in the number of attractors at a fixed distance between subject and "
    "verb (an intercept for each distance, weighted by test examples), RNN minus LSTM and RNN minus "
    "Transformer, at equal parameters and equal tuning, paired by seed, on runs whose training had "
    "settled. Supported when both intervals lie below 0; refuted when one lies above "
    f"−{TOO_SMALL} of accuracy an attractor.",
    source="Linzen, Dupoux and Goldberg 2016; Gulordava et al. 2018",
)
L13 = Claim(
    id="L13",
    statement="Sentences that are cut, have gaps or are out of order are harder for recurrent models "
    "than for attention.",
    topic="Long-range",
    kind="measured",
    how="Test accuracy lost when 5, 10 and 20 % of the source tokens are cut off at the beginning, "
    "dropped at random or swapped with a neighbour, mean over the nine: RNN minus Transformer and LSTM "
    "minus Transformer, paired by seed, on runs whose training had settled. Supported when both "
    f"intervals lie above 0; refuted when one lies below {TOO_SMALL}. The share of the skill above the "
    "majority baseline that is lost stands beside: a model that knows less has less to lose.",
    source="Belinkov and Bisk 2018; Khandelwal et al. 2018",
)


def attractors(results: Results) -> Verdict:
    """Return the verdict on L12."""
    setting = _setting(results, L12, "slope", "attractors at a fixed distance")
    if isinstance(setting, Verdict):
        return setting
    parts = [
        _compare(
            L12.part(f".{name}", f"Attractors mislead the RNN more than the {short_name(name)}."),
            setting,
            ("rnn", name),
            lambda run: run.slope,
            below=True,
            words="At a fixed distance each attractor more changes the accuracy",
            figure="agreement_crossed",
        )
        for name in ("lstm", "transformer")
    ]
    return every(L12, parts, figure="agreement_crossed")


def corruption(results: Results) -> Verdict:
    """Return the verdict on L13."""
    setting = _setting(results, L13, "lost", "corrupted input")
    if isinstance(setting, Verdict):
        return setting
    parts = []
    for name in ("rnn", "lstm"):
        parts.append(
            _compare(
                L13.part(
                    f".{name}", f"The {short_name(name)} loses more accuracy than the Transformer."
                ),
                setting,
                (name, "transformer"),
                lambda run: run.lost,
                words="Corrupted input changes the accuracy",
                figure="agreement_corruption",
                shown=-1,
            )
        )
        share = _compare(
            L13.part(f".{name}.share", f"The {short_name(name)} loses a larger share of its skill."),
            setting,
            (name, "transformer"),
            _share_lost,
            words="Corrupted input changes the skill above the majority baseline",
            figure="agreement_corruption",
            shown=-1,
        )
        parts.append(replace(share, decides=False))
    return every(L13, parts, figure="agreement_corruption")


def _setting(results: Results, claim: Claim, what: str, words: str) -> Setting | Verdict:
    """Return the corpus that the claim rests on, the first whose runs have ``what``; or why none.

    Before anything has finished, the first that plans all architectures.
    """
    found = settings(results)
    if not found:
        return not_measured(claim, "no agreement of subject and verb")
    whole = [one for one in found if all(one.planned.get(name) for name in NAMES)]
    if not whole:
        missing = next(name for name in NAMES if not found[0].planned.get(name))
        return not_measured(claim, f"{short_name(missing)} on {found[0].label} agreement")
    for setting in whole:
        if not setting.runs or any(getattr(run, what) is not None for run in setting.runs):
            return setting
    return not_measured(claim, f"{words} on {whole[0].label}")


def _compare(
    claim: Claim,
    setting: Setting,
    names: tuple[str, str],
    value: Callable[[Run], float | None],
    *,
    words: str,
    figure: str,
    below: bool = False,
    shown: int = 1,
) -> Verdict:
    """Return the verdict on "the first's value is larger" (``below``: smaller), paired by seed."""
    settled = _pairs(setting, names, value, settled=True)
    pairs, caveat = settled, ""
    if not pairs:
        pairs = _pairs(setting, names, value, settled=False)
        caveat = "Over seeds whose training had not all settled: " if pairs else ""
    effect = ""
    if pairs:
        means = [float(np.mean([value(pair[side]) or 0.0 for pair in pairs])) for side in (0, 1)]
        told = " and ".join(
            f"by {shown * mean:+.3f} ({short_name(name)})"
            for name, mean in zip(names, means, strict=True)
        )
        effect = f"{caveat}{words} {told} on {setting.label} agreement."
    found = mean_beyond(
        claim,
        [(value(one) or 0.0) - (value(other) or 0.0) for one, other in settled],
        bound=0.0,
        refuted_at=-TOO_SMALL if below else TOO_SMALL,
        below=below,
        minimum=MIN_PAIRED_SEEDS,
        blockers=[words for name in names for words in setting.unfinished.get(name, ())],
        effect=effect + _set_aside(setting, names),
        evidence=tuple(dict.fromkeys(key for pair in settled for run in pair for key in run.keys)),
        figure=figure,
    )
    for side, name in enumerate(names):
        if found.verdict != "inconclusive" and not _learned([pair[side] for pair in settled]):
            missing = f"{short_name(name)} did not learn the task at this budget"
            return replace(found, verdict="inconclusive", missing=missing)
    return found


def _pairs(
    setting: Setting,
    names: tuple[str, str],
    value: Callable[[Run], float | None],
    *,
    settled: bool,
) -> list[tuple[Run, Run]]:
    runs = [
        {
            run.seed: run
            for run in setting.of(name)
            if value(run) is not None and (run.settled or not settled)
        }
        for name in names
    ]
    return [(runs[0][seed], runs[1][seed]) for seed in sorted(set(runs[0]) & set(runs[1]))]


def _learned(runs: list[Run]) -> bool:
    """Whether the runs answer more than the majority baseline does, where nothing misleads them."""
    gained = []
    for run in runs:
        accuracy = run.accuracy if run.plain_accuracy is None else run.plain_accuracy
        gained.append((accuracy - run.baseline) / max(1e-9, 1 - run.baseline))
    return float(np.mean(gained)) >= LEARNED


def _share_lost(run: Run) -> float | None:
    skill = run.accuracy - run.baseline
    return None if run.lost is None or skill <= 0 else run.lost / skill


def _set_aside(setting: Setting, names: tuple[str, str]) -> str:
    counts = {name: sum(not run.settled for run in setting.of(name)) for name in names}
    shown = ", ".join(f"{count} of {short_name(name)}" for name, count in counts.items() if count)
    return f" Unsettled, which is not incapable: {shown}." if shown else ""
