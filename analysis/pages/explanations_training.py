"""Known explanations of a failure in its training: how it ended, what was tried, who else fails."""

import numpy as np

from analysis.pages.case import Case, Explanation, counted, sentence
from analysis.pages.failing import failure, unfinished_told
from analysis.pages.pairs import Run
from analysis.wording import fixed, listed, plural

INSIDE = 3
"""Learning rates tried from which one can lie inside the search."""


def broke_down(case: Case) -> Explanation:
    """Runs, or trials of learning rates, that ended without a score."""
    name, pair = "training that broke down", case.pair
    texts = [f"Runs without a score: {unfinished_told(pair)}."] if pair.unfinished else []
    lost: dict[tuple[float, str], int] = {}
    for run in pair.runs:
        for trial in run.record.trials:
            if trial.get("status", "ok") not in ("ok", "pruned"):
                place = (float(trial["learning_rate"]), str(trial["status"]).replace("_", " "))
                lost[place] = lost.get(place, 0) + 1
    texts += [
        f"At learning rate {rate:g}: {status} in {count} of {plural(len(pair.runs), 'seed')}."
        for (rate, status), count in sorted(lost.items())
    ]
    if texts:
        return Explanation(name, "seen", " ".join(texts))
    return Explanation(name, "not seen", "Every run, at every learning rate, ended with a score.")


def unconverged(case: Case) -> Explanation:
    """Loss or validation score that was still improving at the end."""
    name, low = "training that had not converged", case.pair.low
    if not low:
        return Explanation(name, "not measured", "No run that failed has a training curve.")
    open_runs = [run for run in low if not run.converged]
    if not open_runs:
        return Explanation(
            name,
            "not seen",
            f"Loss and validation score of {counted(low, low)} had stopped improving over the last "
            "quarter of the steps: incapable at this budget, which says nothing of a larger one.",
        )
    gains = [gain for run in open_runs if (gain := last_quarter(run)) is not None]
    rose = f" (validation: {fixed(float(np.mean(gains)), 3, signed=True)})" if gains else ""
    were = "was" if len(open_runs) == 1 else "were"
    return Explanation(
        name,
        "seen",
        f"{sentence(counted(open_runs, low))} {were} still improving over the last quarter of the "
        f"steps{rose}. Unconverged is not incapable: a longer training may solve it.",
    )


def edge(case: Case) -> Explanation:
    """A selected learning rate at the end of those tried."""
    name = "a search for the learning rate that ended at its edge"
    low = [run for run in case.pair.low if run.learning_rate is not None]
    tried = [sorted({float(t["learning_rate"]) for t in run.record.trials}) for run in low]
    if not any(len(rates) >= INSIDE for rates in tried):
        count = plural(max(map(len, tried), default=0), "learning rate")
        return Explanation(name, "not measured", f"{count} tried: none lies inside such a search.")
    ends: dict[str, list[Run]] = {"smallest": [], "largest": []}
    for run, rates in zip(low, tried, strict=True):
        if len(rates) >= INSIDE and run.learning_rate in (rates[0], rates[-1]):
            ends["smallest" if run.learning_rate == rates[0] else "largest"].append(run)
    all_rates = sorted({rate for rates in tried for rate in rates})
    spread = f"tried: {listed(f'{rate:g}' for rate in all_rates)}"
    told = [
        f"the {end} for {counted(runs, low)}" for end, runs in ends.items() if 2 * len(runs) >= len(low)
    ]
    if told:
        text = f"The learning rate that validation selected is {listed(told)} ({spread})."
        return Explanation(name, "seen", f"{text} A rate beyond it might do better.")
    return Explanation(name, "not seen", f"The selected rate lies mostly within those {spread}.")


def some_seeds(case: Case) -> Explanation:
    """Seeds that solve the task beside others that do not."""
    name, pair = "an unlucky initialisation", case.pair
    if not pair.kind.solvable or len(pair.runs) < 2:
        return Explanation(name, "not measured", "It takes two seeds and a score that can be solved.")
    if 0 < pair.solved < len(pair.runs):
        return Explanation(
            name,
            "seen",
            f"{pair.solved} of {plural(len(pair.runs), 'seed')} solve the task: the architecture can, "
            "and did not every time.",
        )
    low = case.failure.why != "falls" or not pair.solved
    return Explanation(name, "not seen", f"{'No' if low else 'Every'} seed solves the task as a whole.")


def hard_for_all(case: Case) -> Explanation:
    """No other architecture solves it either."""
    name = "a task that no architecture here solves at this budget"
    others = [other for other in case.others if other.runs]
    if not others:
        return Explanation(name, "not measured", "No other architecture was trained on it.")
    better = [other for other in others if failure(other) is None]
    if better:
        told = listed(
            f"{case.looks[other.architecture].label} ({other.kind.shown(other.mean or 0.0)})"
            for other in better
        )
        return Explanation(name, "not seen", f"On the same data and budget it did not fail: {told}.")
    names = listed(case.looks[other.architecture].label for other in others)
    return Explanation(name, "seen", f"{names} failed on it, too.")


def last_quarter(run: Run) -> float | None:
    """Return by how much the validation score changed over the last quarter of the steps."""
    curve = [(x, y) for x, y in run.record.curves.get("validation", []) if y is not None]
    if len(curve) < 2:
        return None
    from_step = 0.75 * curve[-1][0]
    before = [y for x, y in curve if x <= from_step] or [curve[0][1]]
    return float(curve[-1][1] - before[-1])
