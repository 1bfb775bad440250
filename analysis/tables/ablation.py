"""Table ``ablation``: table 3 of Vaswani et al. 2017, measured."""

from collections.abc import Sequence

import pandas as pd

from analysis.ablation import Ablation, Row, ablations, described
from analysis.pairing import pairs
from analysis.statistics import mean_interval
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import fixed, interval, listed, percent, plural, scaled

BASE_OPTIONS = (
    *("layers", "width", "feedforward", "heads", "key_width"),
    *("dropout", "label_smoothing", "positions"),
)


def table(view: View) -> Table | None:
    """Return one row a setting, the base first, for every ablation of the store."""
    found = [one for one in ablations(view.results) if any(row.runs for row in one.all_rows)]
    if not found:
        return None
    longer = any(
        run.beyond is not None for one in found for row in one.all_rows for run in row.runs.values()
    )
    rows = [_row(one, row, longer, len(found) > 1) for one in found for row in one.all_rows]
    return Table(
        name="ablation",
        title="Table 3, measured: a Transformer with one option changed at a time",
        caption=f"{' '.join(_base(one) for one in found)} Mean over seeds; in brackets the 95 % "
        "interval over seeds. The difference is that of runs on the same seed.",
        columns=(
            Column("Row"),
            Column("What changes"),
            Column("Parameters", "num", "without embeddings"),
            Column(_score_label(found), "num"),
            Column("Difference", "num", "from the base"),
            *((Column("Longer", "num", "than trained"),) if longer else ()),
            Column("Seeds", "num"),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(found)),
        data=pd.DataFrame(
            [
                {
                    "task": one.label,
                    "row": row.letter,
                    "changed": row.words,
                    "parameters": row.parameters,
                    "seed": seed,
                    "score": run.score,
                    "longer": run.beyond,
                    "converged": run.converged,
                    "key": run.key,
                }
                for one in found
                for row in one.all_rows
                for seed, run in sorted(row.runs.items())
            ]
        ),
        keys=keys_of(*(row.keys for one in found for row in one.all_rows)),
    )


def _row(one: Ablation, row: Row, longer: bool, several: bool) -> tuple[Entry, ...]:
    runs = list(row.runs.values())
    beyond = [run.beyond for run in runs if run.beyond is not None]
    name = row.letter if row is one.base else f"({row.letter})"
    return (
        Entry(name, one.label if several and row is one.base else ""),
        Entry(row.words if row is not one.base else "nothing"),
        Entry(scaled(row.parameters)),
        _mean(one, [run.score for run in runs]),
        _difference(one, row),
        *((_mean(one, beyond),) if longer else ()),
        Entry(
            str(len(runs)),
            "; ".join((f"{row.unconverged} unconverged",) if row.unconverged else ()),
            kind="open" if row.unconverged or row.unfinished else "",
        ),
    )


def _mean(one: Ablation, values: Sequence[float]) -> Entry:
    if not values:
        return Entry("–", kind="muted")
    found = mean_interval(values, "seeds")
    factor, places = (1.0, 1) if one.in_bleu else (100.0, 1)
    shown = sum(values) / len(values)
    text = fixed(shown, places) if one.in_bleu else percent(shown)
    return Entry(text, interval(factor * found.low, factor * found.high, places) if found else "")


def _difference(one: Ablation, row: Row) -> Entry:
    if row is one.base:
        return Entry("")
    factor = 1.0 if one.in_bleu else 100.0
    gains = [factor * (a.score - b.score) for a, b in pairs(row, one.base, converged=False)]
    if not gains:
        return Entry("–", kind="muted")
    found = mean_interval(gains, "seeds")
    text = fixed(sum(gains) / len(gains), 1, signed=True)
    if found is None:
        return Entry(text)
    bounds = interval(found.low, found.high, 1)
    if found.low > 0:
        return Entry(text, bounds, kind="good")
    return Entry(text, bounds, kind="bad" if found.high < 0 else "")


def _base(one: Ablation) -> str:
    """Return what the base is, in one sentence."""
    told = [
        described(name, value)
        for name in BASE_OPTIONS
        if (value := one.base.options.get(name)) is not None
    ]
    return f"On {one.label} the base has {listed(told)}."


def _score_label(found: Sequence[Ablation]) -> str:
    kinds = {"BLEU" if one.in_bleu else "Accuracy" for one in found}
    return kinds.pop() if len(kinds) == 1 else "Score"


def _notes(found: Sequence[Ablation]) -> list[str]:
    notes = []
    for one in found:
        if one.trained_to is not None:
            notes.append(
                f"Accuracy on {one.label} is that of free running, symbol by symbol, at lengths up to "
                f"{one.trained_to}, the longest trained; beside it that at longer ones. What was "
                "trained, selected and stopped never saw those."
            )
    compared = sum(bool(row.runs) for one in found for row in one.rows)
    notes.append(
        f"A difference is coloured where its interval leaves out 0. With {plural(compared, 'row')} and "
        "no correction, about one in twenty would without any effect: the claims test few, named "
        "beforehand."
    )
    notes.append(
        "Runs that had not converged count: the rows compare equal training, as those of the paper do."
    )
    return notes
