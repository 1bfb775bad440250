"""The question of formal languages: answer, remarks, figures, tables, and what they do not show."""

from typing import Any

from analysis.formal_languages import LANGUAGES, PAPER_SOLVES, Run, Summary, runs, summaries
from analysis.style import Style, styles
from analysis.view import View
from analysis.wording import listed, percent, plural

NEAR = 0.8
"""Scores of guessing from which 90 % is no sign that a rule was learned."""


def formal_languages(view: View) -> dict[str, Any] | None:
    """Return what the section is made of; None where no formal language was planned."""
    planned = {entry["cell"].get("task") for entry in view.results.planned.values()}
    if not planned & set(LANGUAGES):
        return None
    found, looks = runs(view.results), styles(view.architectures)
    by_pair = summaries(found)
    return {
        "anchor": "formal-languages",
        "short": "Rules beyond length?",
        "question": "Formal languages: do rules learned on short strings hold on longer ones?",
        "answer": _solved(found, by_pair, looks),
        "remarks": [
            text
            for text in (_rates(by_pair, looks), _differences(by_pair, looks), _guessed(found))
            if text
        ],
        "figures": ("formal_languages",),
        "leading": ("formal_languages",),
        "tables": (),
        "limits": (
            "That a rule was learned: 90 % on the tested lengths is no proof, and the best of several "
            "seeds is no typical one: see the mean and the solve rate beside it.",
            "What is learnable: a score below says what this budget, recipe and size gave; the paper "
            "trains a million steps.",
            "Language: these are twelve rules, each with one way to draw its strings.",
        ),
    }


def _solved(found: list[Run], by_pair: dict[tuple[str, str], Summary], looks: dict[str, Style]) -> str:
    if not found:
        return "No record of this store answers this question."
    tasks = list(dict.fromkeys(run.task for run in found))
    parts = []
    for name, look in looks.items():
        mine = {task: by_pair[task, name] for task in tasks if (task, name) in by_pair}
        if not mine:
            continue
        names = listed(task.replace("_", " ") for task, one in mine.items() if one.solved)
        parts.append(f"{look.label} {names or 'none'}")
    return (
        f"Of {plural(len(tasks), 'task')}, at least one seed scores 90 % or more beyond the trained "
        f"lengths on: {'; '.join(parts)}."
    )


def _rates(by_pair: dict[tuple[str, str], Summary], looks: dict[str, Style]) -> str:
    """Name the pairs that some seeds solve and others do not: there the best seed says too much."""
    told = [
        f"{looks[name].label} on {task.replace('_', ' ')} ({one.solved} of {len(one.runs)}, mean "
        f"{percent(one.mean)}, best {percent(one.best)})"
        for (task, name), one in by_pair.items()
        if 0 < one.solved < len(one.runs)
    ]
    return f"Solved by some seeds only: {listed(told)}." if told else ""


def _differences(by_pair: dict[tuple[str, str], Summary], looks: dict[str, Style]) -> str:
    """Name the pairs that the paper puts on the other side of 90 %, and what may explain them."""
    less, more = [], []
    for (task, name), one in by_pair.items():
        if name not in PAPER_SOLVES:
            continue
        solves = task in PAPER_SOLVES[name]
        if solves and not one.solved:
            left = f", {one.unconverged} of {plural(len(one.runs), 'seed')} unconverged"
            less.append(
                f"{looks[name].label} on {task.replace('_', ' ')} (best {percent(one.best)}"
                f"{left if one.unconverged else ''})"
            )
        elif one.solved and not solves:
            more.append(f"{looks[name].label} on {task.replace('_', ' ')} (best {percent(one.best)})")
    parts = []
    if less:
        steps = max(run.steps for one in by_pair.values() for run in one.runs)
        parts.append(
            f"Solved in the paper, not here: {listed(less)}. The paper trains 1,000,000 steps, here "
            f"{steps:,} at most, and takes the best of 30 runs or more on the tested lengths."
        )
    if more:
        parts.append(f"Solved here, not in the paper: {listed(more)}.")
    return " ".join(parts)


def _guessed(found: list[Run]) -> str:
    """Name the tasks where answering by place and length alone comes near what counts as solved."""
    near = {run.task: run.guess for run in found if run.guess >= NEAR}
    if not near:
        return ""
    told = listed(f"{task.replace('_', ' ')} ({percent(guess)})" for task, guess in near.items())
    return (
        f"Guessing by place and length, without reading a symbol, comes near 90 % on {told}: there a "
        "score counts only as far as it lies above that, in the paper too."
    )
