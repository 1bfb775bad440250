"""Table ``formal_languages``: scores beyond the trained lengths, beside what the paper reports."""

import pandas as pd

from analysis.formal_languages import (
    LEVELS,
    PAPER,
    PAPER_SOLVES,
    Run,
    Summary,
    published,
    runs,
    summaries,
)
from analysis.style import Style, styles
from analysis.tables.base import NOT_MEASURED, Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import percent

UNCONVERGED = "*"
RUNS = {"rnn": 30, "lstm": 30, "transformer": 150}
"""Trained models that the paper takes the best of."""


def scores(view: View) -> Table | None:
    """Return one row a task, one column an architecture, and the paper's columns."""
    found = runs(view.results)
    if not found:
        return None
    looks = styles(view.architectures)
    names = [name for name in looks if any(run.architecture == name for run in found)]
    by_pair = summaries(found)
    rows = []
    for level, tasks in LEVELS.items():
        for task in tasks:
            mine = [run for run in found if run.task == task]
            if not mine:
                continue
            rows.append(
                (
                    Entry(task.replace("_", " "), level),
                    *(_entry(by_pair.get((task, name))) for name in names),
                    Entry(percent(mine[0].guess, 0)),
                    *(_published(name, task) for name in PAPER),
                )
            )
    return Table(
        name="formal_languages",
        title=f"Formal languages: scores on lengths {_span(found)}, beside the published ones",
        caption="Mean over the tested lengths, all longer than the trained ones, of the accuracy at "
        "each (of strings: of each symbol). The best seed; below it the mean over seeds and how many "
        "solve the task (90 % or more). Selected on trained lengths.",
        groups=(("", 1), ("Measured", len(names)), ("", 1), ("Published", len(PAPER))),
        columns=(
            Column("Task"),
            *(Column(looks[name].label, "num", "best; mean; solved") for name in names),
            Column("guessing", "num", "by length alone"),
            *(Column(_label(name, looks), "num", f"best of {RUNS[name]}") for name in PAPER),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(found, looks)),
        data=pd.DataFrame(
            [
                {
                    "task": run.task,
                    "architecture": run.architecture,
                    "seed": run.seed,
                    "score": run.score,
                    "solved": run.solved,
                    "converged": run.converged,
                    "readout": run.readout,
                    "guessing": run.guess,
                    "steps": run.steps,
                    "key": run.key,
                }
                for run in found
            ]
        ),
        keys=keys_of(run.key for run in found),
    )


def _entry(mine: Summary | None) -> Entry:
    if mine is None:
        return NOT_MEASURED
    note = (
        f"{percent(mine.mean)}; {mine.solved} of {len(mine.runs)}{UNCONVERGED * bool(mine.unconverged)}"
    )
    text = percent(mine.best)
    if mine.solved:
        return Entry(text, note, kind="good")
    return Entry(text, note, kind="open" if mine.unconverged else "bad")


def _published(architecture: str, task: str) -> Entry:
    solved = task in PAPER_SOLVES[architecture]
    return Entry(published(architecture, task), kind="good" if solved else "bad")


def _label(architecture: str, looks: dict[str, Style]) -> str:
    known = {"rnn": "RNN", "lstm": "LSTM", "transformer": "Transformer"}
    return looks[architecture].label if architecture in looks else known[architecture]


def _span(found: list[Run]) -> str:
    return f"{min(run.shortest for run in found):g} to {max(run.longest for run in found):g}"


def _notes(found: list[Run], looks: dict[str, Style]) -> list[str]:
    steps = sorted({run.steps for run in found})
    trained = " to ".join(f"{n:,}" for n in dict.fromkeys((steps[0], steps[-1])))
    notes = [
        "Published: Delétang et al. 2023, the best of 10 seeds with 3 learning rates (the "
        "Transformer’s with 5 kinds of positions each), chosen on the tested lengths, after 1,000,000 "
        f"steps; here {trained}. Where the paper’s text names no score, only the side of 90 % that it "
        "is on is given.",
        f"{UNCONVERGED} Seeds that do not solve the task were still learning at the end (unconverged).",
        "Guessing reads the length of a string and nothing else. A sorted string can be guessed well: "
        "its first fifth is mostly 0, its last mostly 4.",
    ]
    if any(run.task == "missing_duplicate" and run.solved for run in found):
        notes.append(
            "Missing duplicate needs no memory of the string: written twice, it has an even number of "
            "ones, so the parity of those that are left is the hidden symbol. Who learns parity solves "
            "it at any length."
        )
    written = [looks[run.architecture].label for run in found if run.readout == "decoder"]
    if decoders := dict.fromkeys(written):
        notes.append(
            "Strings are answered on blanks behind the source, as in the paper, but by a decoder where "
            f"nothing would attend without one: {', '.join(decoders)}. What a decoder leaves out, by "
            "ending too early, is wrong: it can score less than guessing."
        )
    return notes
