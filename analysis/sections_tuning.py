"""The question of tuning: answer, remarks, figures, tables, and what they do not show."""

from typing import Any

from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.style import styles
from analysis.tables.tuning import all_tuned
from analysis.tuning import Effect, Tuned
from analysis.view import View
from analysis.wording import fixed, interval, listed, plural, seconds


def tuning(view: View) -> dict[str, Any] | None:
    """Return what the section is made of; None where nothing is tuned."""
    found = all_tuned(view)
    if view.tuning is None or not found:
        return None
    looks = styles(view.architectures)
    labels = {name: look.label for name, look in looks.items()}
    return {
        "anchor": "tuning",
        "short": "Tuned alike?",
        "question": "Was each tuned with equal care, and did it matter?",
        "answer": f"{_effort(view, found, labels)} {_mattered(view, labels)}",
        "remarks": [text for text in (_failed(found, labels), _edges(found, labels)) if text],
        "figures": ("tuning",),
        "tables": ("tuning", "tuning_values", "tuning_effect"),
        "limits": (
            "What other values would give: no trial was made outside the ranges, and a best value at "
            "the end of its range may lie beyond.",
            f"Tuning on other tasks: the values were selected on {view.tuning.data['task']} and used "
            "for every training cell of the plan.",
            "Independent draws: later trials follow from earlier ones, so the curve describes these "
            "trials, not another search.",
        ),
    }


def _effort(view: View, found: list[Tuned], labels: dict[str, str]) -> str:
    assert view.tuning is not None
    counts = {tuned.row["finished"] for tuned in found}
    hours = ", ".join(f"{seconds(t.row['hours'] * 3600)} ({labels[t.architecture]})" for t in found)
    task = view.tuning.data["task"]
    if len(counts) == 1:
        each = plural(counts.pop(), "finished trial")
        return f"Each architecture got {each} on {task}, selected on validation, in {hours}."
    uneven = listed(f"{t.row['finished']} ({labels[t.architecture]})" for t in found)
    return f"Not alike: {uneven} finished trials on {task}, in {hours}."


def _mattered(view: View, labels: dict[str, str]) -> str:
    assert view.tuning is not None
    effects = view.tuning.effects
    if not effects:
        return "The same cells without tuning are not in this store, so what it changed is not known."
    sure = [effect for effect in effects if effect.differs and effect.enough]
    so_far = [effect for effect in effects if effect.differs and not effect.enough]
    parts = []
    if sure:
        parts.append(f"Tuning mattered for {listed(_told(effect, labels) for effect in sure)}.")
    if so_far:
        seeds = f"{min(len(effect.seeds) for effect in so_far)} of {MIN_PAIRED_SEEDS} seeds"
        told = listed(_told(effect, labels) for effect in so_far)
        parts.append(f"So far, with {seeds}, it changed {told}.")
    if not sure and not so_far:
        parts.append("No difference between tuned and untuned is told apart from chance here.")
    for task in dict.fromkeys(effect.task for effect in effects):
        larger = view.tuning.larger_is_better or task != view.tuning.data["task"]
        if text := _order(task, effects, labels, sign=1 if larger else -1):
            parts.append(text)
    return " ".join(parts)


def _told(effect: Effect, labels: dict[str, str]) -> str:
    places = 1 if effect.metric == "bleu" else 3
    apart = effect.interval
    bounds = f" {interval(apart.low, apart.high, places)}" if apart else ""
    change = fixed(effect.mean, places, signed=True)
    return f"{labels[effect.architecture]} on {effect.task} ({change}{bounds})"


def _order(task: str, effects: list[Effect], labels: dict[str, str], sign: int) -> str:
    """Say whether the order of the means is another one; nothing where it is not."""
    mine = [effect for effect in effects if effect.task == task]

    def order(which: str) -> list[str]:
        def rank(effect: Effect) -> tuple[float, str]:
            return -sign * sum(getattr(effect, which)) / len(effect.seeds), effect.architecture

        ranked = sorted(mine, key=rank)
        return [labels[effect.architecture] for effect in ranked]

    before, after = order("untuned"), order("tuned")
    if before == after:
        return ""
    return f"On {task} the order of the means was {' > '.join(before)}, and is {' > '.join(after)}."


def _failed(found: list[Tuned], labels: dict[str, str]) -> str:
    failed = [t for t in found if t.failed]
    if not failed:
        return ""
    told = listed(f"{t.failed} ({labels[t.architecture]})" for t in failed)
    return f"Trials that failed or diverged, and were replaced: {told}."


def _edges(found: list[Tuned], labels: dict[str, str]) -> str:
    told = [
        f"{labels[t.architecture]}’s {listed(f'{name} ({end})' for name, end in t.edges.items())}"
        for t in found
        if t.edges
    ]
    return f"The best value lies at the end of its range: {'; '.join(told)}." if told else ""
