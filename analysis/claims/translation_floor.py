"""Claim D4: every system is above a first-order Markov model of the target, or flagged."""

import numpy as np
from numpy.typing import NDArray

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.translation import mean, unfinished
from analysis.load import Results
from analysis.statistics import MIN_SEEDS
from analysis.style import short_name
from analysis.translation import System, Translations
from analysis.wording import listed
from experiments.cell import digest

D4 = Claim(
    id="D4",
    statement="A first-order Markov model of the target, which never sees the source, is the floor: "
    "every trained system is above it.",
    topic="Training and decoding",
    kind="measured",
    how="Test BLEU minus the BLEU of the Markov model’s most probable sentence; for other tasks test "
    "accuracy given the true prefix minus that of the best predictor that sees the target’s prefix "
    "alone. Over seeds, each architecture on each task: supported when all intervals lie above 0, "
    "refuted when one lies below.",
    source="Shannon 1951 (models of text by its own past)",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on D4."""
    translations = Translations(results)
    parts: list[Verdict] = []
    margins: dict[str, list[float]] = {}
    for system in translations.systems:
        label = translations.settings[system.setting]
        margins[f"{system.label} on {label}"] = margin = _above(system)
        part = _part(
            f".{len(parts) + 1}",
            f"On {label}, the {system.label} is above the floor.",
            margin,
            tuple(system.finished[_known(system)].key),
            unfinished([system]),
            "BLEU above the floor",
            1,
        )
        parts.append(part)
    for name, values, keys, blockers in _trained(results):
        margins[name] = values
        statement = f"{name[:1].upper()}{name[1:]} is above the floor."
        parts.append(
            _part(
                f".{len(parts) + 1}", statement, values, keys, blockers, "accuracy above the floor", 3
            )
        )
    if not any(margins.values()):
        return not_measured(D4, "a score beside that of a target-only model")
    flagged = [name for name, values in margins.items() if values and min(values) <= 0]
    measured = sum(bool(values) for values in margins.values())
    effect = f"{measured - len(flagged)} of {measured} systems are above the floor with every seed."
    if flagged:
        effect += f" Not above it: {listed(flagged)}."
    return every(D4, parts, effect=effect)


def flagged(system: System) -> bool:
    """Whether a seed of a translation system is not above the floor."""
    return any(value <= 0 for value in _above(system))


def _above(system: System) -> list[float]:
    rows = system.finished[_known(system)]
    return [float(value) for value in rows.bleu - rows.bleu_floor]


def _known(system: System) -> NDArray[np.bool_]:
    rows = system.finished
    return np.asarray(rows.bleu.notna() & rows.bleu_floor.notna(), dtype=np.bool_)


def _part(
    suffix: str,
    statement: str,
    values: list[float],
    keys: tuple[str, ...],
    blockers: list[str],
    unit: str,
    places: int,
) -> Verdict:
    return mean_beyond(
        D4.part(suffix, statement),
        values,
        bound=0.0,
        minimum=MIN_SEEDS,
        blockers=blockers,
        effect=f"{mean(values):+.{places}f} {unit}." if values else "",
        evidence=keys,
    )


def _trained(results: Results) -> list[tuple[str, list[float], tuple[str, ...], list[str]]]:
    """Return name, margins, keys and what is unfinished of each architecture on each other task."""
    rows = results.training()
    errors = {
        record.cell.task
        for record in results.records.values()
        if any("total" in row for row in record.slices)
    }
    rows = rows[~rows.task.isin(errors)]
    setting = [digest([m, d]) for m, d in zip(rows.model, rows.data, strict=True)]
    # given the true prefix, as the floor is; a model without a decoder has no prefix to be given
    rows = rows.assign(setting=setting, score=rows.test_teacher_forced.fillna(rows.test))
    found = []
    for (task, architecture, _), mine in rows.groupby(["task", "architecture", "setting"], sort=True):
        known = mine[mine.score.notna() & mine.target_only_floor.notna()]
        if known.empty:
            continue
        open_runs = mine[mine.status != "ok"]
        found.append(
            (
                f"{short_name(str(architecture))} on {task}",
                [float(value) for value in known.score - known.target_only_floor],
                tuple(known.key),
                [
                    f"{short_name(str(architecture))} on {task} {str(row.status).replace('_', ' ')} "
                    f"(seed {row.seed})"
                    for row in open_runs.itertuples()
                ],
            )
        )
    return found
