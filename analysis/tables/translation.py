"""Table ``translation``: what each system scores, and what it cost."""

from typing import Any

import pandas as pd

from analysis.corpus_scores import BLEU, CHRF, Score
from analysis.load import MISSING
from analysis.significance import score_interval, score_of
from analysis.style import clip, styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.translation import System, stacked
from analysis.view import View
from analysis.wording import NONE, fixed, interval, listed, percent, plural, scaled, seconds

_COLUMNS = (
    Column("System"),
    Column("BLEU", "num", "95 % over sentences"),
    Column("chrF", "num", "95 % over sentences"),
    Column("Greedy", "num", "BLEU; chrF"),
    Column("Exact match", "num", "greedy"),
    Column("Parameters", "num", "with embeddings"),
    Column("Training", "num", "FLOPs; wall; CPU"),
    Column("Tokens/s", "num", "padding"),
    Column("Peak memory", "num"),
)
_KEPT = (
    *("bleu_greedy", "chrf_greedy", "exact_match", "exact_match_greedy", "bleu_floor", "parameters"),
    *("parameters_total", "training_flops", "seconds", "cpu_seconds", "epochs", "tokens"),
    *("tokens_per_second", "padding_share", "peak_bytes", "overlong", "learning_rate"),
)


def scores(view: View) -> Table | None:
    """Return one row a setting and system: means over seeds, intervals over sentences."""
    systems = [system for system in view.translations.systems if set(system.runs.status) != {MISSING}]
    if not systems:
        return None
    rows, data = [], []
    for system in systems:
        entries, numbers = _row(view, system)
        rows.append(entries)
        data.append(numbers)
    return Table(
        name="translation",
        title="What each system scores, and what its training cost",
        caption="Test BLEU and chrF with beam search. Brackets are bootstrap intervals over sentences, "
        "of the mean over seeds; the range below them is the spread over seeds, a different thing.",
        columns=_COLUMNS,
        rows=tuple(rows),
        data=pd.DataFrame(data),
        keys=keys_of(*(system.runs[system.runs.status != MISSING].key for system in systems)),
        notes=tuple(_notes(view, systems)),
    )


def _row(view: View, system: System) -> tuple[tuple[Entry, ...], dict[str, Any]]:
    look = styles(view.architectures)[system.architecture]
    label = view.translations.settings[system.setting]
    done = system.finished
    several = len(view.translations.settings) > 1
    about = [label] if several else []
    numbers: dict[str, Any] = {
        "setting": label,
        "architecture": system.architecture,
        "system": system.label,
        "seeds": len(done),
        "converged": int(done.converged.sum()),
    }
    if done.empty:
        words = listed(sorted({str(status).replace("_", " ") for status in system.runs.status}))
        name = Entry(system.label, "; ".join(about), colour=look.colour)
        return (name, Entry(words, kind="bad"), *[Entry(NONE)] * (len(_COLUMNS) - 2)), numbers
    rates = listed(dict.fromkeys(f"{rate:.3g}" for rate in done.learning_rate.dropna()), "or")
    about.append(f"lr {rates}" if rates else "")
    about.append(f"{int(done.converged.sum())} of {len(done)} converged")
    means = {name: system.mean(name) for name in _KEPT}
    numbers |= means
    bleu, low = _scored(view, system, BLEU, numbers)
    chrf, _ = _scored(view, system, CHRF, numbers)
    floor = means["bleu_floor"]
    if floor is not None and low is not None and low <= floor:
        bleu = Entry(bleu.text, f"{bleu.note}\nnot above the floor, {fixed(floor, 1)}", kind="bad")
    return (
        Entry(system.label, "; ".join(part for part in about if part), colour=look.colour),
        bleu,
        chrf,
        Entry(fixed(means["bleu_greedy"], 1), fixed(means["chrf_greedy"], 1)),
        Entry(percent(means["exact_match"]), percent(means["exact_match_greedy"])),
        Entry(scaled(means["parameters"]), scaled(means["parameters_total"])),
        Entry(
            scaled(means["training_flops"], "FLOP"),
            f"{seconds(means['seconds'])}; {seconds(means['cpu_seconds'])}",
        ),
        Entry(scaled(means["tokens_per_second"]), percent(means["padding_share"])),
        Entry(scaled(means["peak_bytes"], "B")),
    ), numbers


def _scored(
    view: View, system: System, score: Score, numbers: dict[str, Any]
) -> tuple[Entry, float | None]:
    """Return a score's entry and its lowest seed; without statistics the metric stands alone."""
    (runs,) = view.translations.together([system])
    if not runs:
        value = system.mean(score.name)
        numbers[score.name] = value
        return Entry(fixed(value, 1)), value
    each = [score.one(run.statistics(score).sum(axis=0)) for run in runs]
    statistics = stacked(runs, score)
    value, over = score_of(statistics, score), score_interval(statistics, score)
    numbers |= {
        score.name: value,
        f"{score.name}_sentences_low": over.low if over else None,
        f"{score.name}_sentences_high": over.high if over else None,
        f"{score.name}_seeds_low": min(each),
        f"{score.name}_seeds_high": max(each),
        "sentences": statistics.shape[1],
    }
    spread = f"{len(each)} seeds: {fixed(min(each), 1)} to {fixed(max(each), 1)}"
    shown = interval(over.low, over.high, 1) if over else ""
    note = "\n".join(part for part in (shown, spread if len(each) > 1 else "1 seed") if part)
    return Entry(fixed(value, 1), note), min(each)


def _notes(view: View, systems: list[System]) -> list[str]:
    keys = [key for system in systems for key in system.keys]
    environments = [view.results.records[key].environment for key in keys]
    notes = []
    for name, label in (
        ("bleu_signature", "BLEU"),
        ("chrf_signature", "chrF"),
        ("tokeniser", "Subwords"),
    ):
        found = sorted({clip(str(e[name]), 160) for e in environments if e.get(name)})
        if found:
            notes.append(f"{label}: {'; '.join(found)}.")
    for setting, label in view.translations.settings.items():
        mine = [system for system in systems if system.setting == setting]
        floors = [value for system in mine if (value := system.mean("bleu_floor")) is not None]
        if floors:
            notes.append(
                f"Floor on {label}: {fixed(floors[0], 1)} BLEU, the most probable sentence of a "
                "first-order Markov model of the target, which never sees a source."
            )
        cut = max((system.mean("overlong") or 0.0 for system in mine), default=0.0)
        if cut:
            notes.append(
                f"{plural(round(cut), 'test source')} of {label} beyond the longest length: cut to it, "
                "and scored all the same."
            )
    return notes
