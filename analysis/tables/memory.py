"""Tables of the first question: what was remembered, and whether training had converged."""

import pandas as pd

from analysis.style import styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import number, percent, plural, scaled, seconds


def failure(accuracy: float, converged: bool, threshold: float) -> tuple[str, str]:
    """Return what a low score means, by the training curve, and how it is coloured."""
    if accuracy >= threshold:
        return "solved", "good"
    return ("incapable at this budget", "bad") if converged else ("unconverged", "open")


def scores(view: View) -> Table | None:
    """Return every training cell's test score: learning rate, convergence and cost beside it."""
    rows = view.frame("train")
    if rows.empty:
        return None
    looks = styles(view.architectures)
    entries = []
    for task, of_task in rows.groupby("task", sort=True):
        for architecture, look in looks.items():
            mine = of_task[of_task.architecture == architecture].sort_values("seed")
            ok = mine[(mine.status == "ok") & mine.test.notna()]
            if mine.empty:
                continue
            entries.append(_score_row(view, str(task), look.label, look.colour, mine, ok))
    regression = any(view.is_regression(str(task)) for task in rows.task.unique())
    return Table(
        name="digits",
        title="Test scores, what was trained and what it cost",
        caption="Mean over seeds; every seed below it. Selected on validation, tested once.",
        columns=(
            Column("Task and architecture"),
            Column("Test accuracy" if not regression else "Test score", "num", "mean; each seed"),
            Column("Learning rate", "num", "selected"),
            Column("Converged", "num", "of seeds"),
            Column("Seeds below 90 %"),
            Column("Parameters", "num", "core; total"),
            Column("Training", "num", "FLOPs; time"),
        ),
        rows=tuple(entries),
        notes=(
            "Parameters are without token embeddings and output projection; the total is with them. "
            "Every architecture tried the same number of learning rates.",
            "“Incapable at this budget” says that the training curve was flat at the end, not that "
            "more steps could never help.",
        ),
        data=rows.drop(columns=["scope", "part", "kernel", "n", "batch", "comparison", "times"]),
        keys=keys_of(rows.key),
    )


def _score_row(
    view: View, task: str, label: str, colour: str, mine: pd.DataFrame, ok: pd.DataFrame
) -> tuple[Entry, ...]:
    shown = number if view.is_regression(task) else percent
    name = Entry(label, task, colour=colour)
    bad = sorted(set(mine[mine.status != "ok"].status))
    if ok.empty:
        text = ", ".join(bad).replace("_", " ")
        return (name, Entry(text, kind="bad"), *[Entry("–")] * 5)
    each = ", ".join(shown(value) for value in ok.test)
    verdict = _meaning(view, task, ok)
    return (
        name,
        Entry(shown(ok.test.mean()), each if len(ok) > 1 else "1 seed"),
        Entry(", ".join(dict.fromkeys(f"{rate:g}" for rate in ok.learning_rate.dropna()))),
        Entry(f"{int(ok.converged.astype(bool).sum())} of {len(mine)}", ", ".join(bad)),
        verdict,
        Entry(number(_rounded(ok.parameters)), number(_rounded(ok.parameters_total))),
        Entry(scaled(ok.training_flops.mean()), seconds(ok.seconds.mean())),
    )


def _rounded(values: pd.Series) -> float | None:
    known = values.dropna()
    return round(float(known.mean())) if len(known) else None


def _meaning(view: View, task: str, ok: pd.DataFrame) -> Entry:
    if view.is_regression(task):
        return Entry("–")
    low = ok[ok.test < 0.9]
    if low.empty:
        return Entry("none", kind="good")
    done = int(low.converged.astype(bool).sum())
    if done == len(low):
        return Entry("incapable at this budget", plural(len(low), "seed"), kind="bad")
    if done == 0:
        return Entry("unconverged", plural(len(low), "seed"), kind="open")
    return Entry("mixed", f"{done} incapable, {len(low) - done} unconverged", kind="open")


def reach(rows: pd.DataFrame, threshold: float) -> pd.Series:
    """Return seed → longest distance up to which every accuracy is at least ``threshold`` (0: none).

    ``rows`` are the slices of one architecture on one task.
    """

    def one(seed: pd.DataFrame) -> float:
        ordered = seed.sort_values("value")
        good = ordered[(ordered.accuracy >= threshold).cumprod().astype(bool)]
        return float(good.value.max()) if len(good) else 0.0

    return pd.Series({seed: one(group) for seed, group in rows.groupby("seed")}, dtype=float)


def spans(view: View) -> Table | None:
    """Return accuracy at every distance, and the longest distance still answered, by architecture."""
    rows = view.slices
    rows = rows[(rows.split == "test") & rows.accuracy.notna()]
    kept = [group for _, group in rows.groupby(["task", "slice"]) if group.value.nunique() > 1]
    if not kept:
        return None
    rows = max(kept, key=len)  # the sliced task with most rows leads; the others are in the figures
    task, name = rows.task.iloc[0], rows.slice.iloc[0]
    distances = sorted(rows.value.unique())
    entries = []
    for architecture, look in styles(view.architectures).items():
        mine = rows[rows.architecture == architecture]
        if mine.empty:
            continue
        mean = mine.groupby("value").accuracy.mean()
        entries.append(
            (
                Entry(look.label, plural(mine.seed.nunique(), "seed"), colour=look.colour),
                *(_span(mine, threshold, distances[-1]) for threshold in (0.9, 0.5)),
                *(Entry(percent(mean.get(k))) for k in distances),
            )
        )
    return Table(
        name="spans",
        title=f"{task}: how far back, and how well",
        caption="Mean accuracy over seeds on the test split. span90 and span50: the longest "
        f"{name} up to which accuracy stays at 90 % and 50 %; ≥ marks the end of the measured range.",
        groups=(("", 1), (f"Longest {name}", 2), (f"Accuracy at {name}", len(distances))),
        columns=(
            Column("Architecture"),
            Column("span90", "num", "median; each seed"),
            Column("span50", "num", "median; each seed"),
            *(Column(number(k), "num") for k in distances),
        ),
        rows=tuple(entries),
        data=rows.sort_values(["architecture", "seed", "value"]),
        keys=keys_of(rows.key),
    )


def _span(rows: pd.DataFrame, threshold: float, last: float) -> Entry:
    far = reach(rows, threshold)
    return Entry(shown_reach(float(far.median()), last), ", ".join(shown_reach(x, last) for x in far))


def shown_reach(value: float, last: float) -> str:
    """Return a span as text: censored at the longest distance measured."""
    if value >= last:
        return f"≥ {number(last)}"
    return number(value) if value > 0 else "none"
