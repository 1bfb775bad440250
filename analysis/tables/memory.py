"""Tables of the first question: what was remembered, and whether training had converged."""

import pandas as pd

from analysis.spans import SOLVED, SpanOverSeeds, summary
from analysis.statistics import Interval
from analysis.style import styles
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.view import View
from analysis.wording import fixed, interval, number, percent, plural, scaled, seconds


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
        Entry(", ".join(dict.fromkeys(f"{rate:.3g}" for rate in ok.learning_rate.dropna()))),
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


def leading_slice(view: View) -> tuple[str, str] | None:
    """Return the (task, slice) with most rows: distance, load or length, at two values or more."""
    rows = view.slices
    rows = rows[(rows.split == "test") & rows.accuracy.notna()]
    sizes = {
        (str(task), str(name)): len(group)
        for (task, name), group in rows.groupby(["task", "slice"])
        if group.value.nunique() > 1
    }
    return max(sizes, key=lambda pair: sizes[pair]) if sizes else None


def spans(view: View) -> Table | None:
    """Return how far each architecture answers, its area, its drop, and accuracy at every distance."""
    found = leading_slice(view)
    if found is None:
        return None
    task, name = found
    rows = view.slices
    rows = rows[(rows.split == "test") & (rows.task == task) & (rows.slice == name)]
    distances = sorted(rows.value.unique())
    looks = styles(view.architectures)
    entries, data = [], []
    for one in summary(view.results, task, name):
        mean = rows[rows.architecture == one.architecture].groupby("value").accuracy.mean()
        look = looks[one.architecture]
        entries.append(
            (
                Entry(look.label, plural(one.seeds, "seed"), colour=look.colour),
                *(_span(of) for of in (one.span90, one.span50)),
                Entry(fixed(one.auc), _bounds(one.auc_interval)),
                Entry(fixed(one.change, signed=True), _bounds(one.change_interval)),
                Entry(f"{one.solved} of {one.seeds}"),
                *(Entry(percent(mean.get(k), 0)) for k in distances),
            )
        )
        data.append(
            {
                "architecture": one.architecture,
                "seeds": one.seeds,
                "span90": one.span90.median,
                "span50": one.span50.median,
                "auc": one.auc,
                "change": one.change,
                "solved": one.solved,
                **{f"accuracy_{k:g}": mean.get(k) for k in distances},
            }
        )
    return Table(
        name="spans",
        title=f"{task}: how far back, and how well",
        caption="span90 and span50: the longest "
        f"{name} up to which accuracy stays at 90 % and 50 %; ≥ marks the end of the measured range, "
        "< its beginning.",
        groups=(
            ("", 1),
            (f"Longest {name}", 2),
            ("Over the range", 3),
            (f"Mean at {name}", len(distances)),
        ),
        columns=(
            Column("Architecture"),
            Column("span90", "num", "median; each seed"),
            Column("span50", "num", "median; each seed"),
            Column("AUC", "num", "mean [95 %]"),
            Column("change", "num", "mean [95 %]"),
            Column("solved", "num", "seeds"),
            *(Column(number(k), "num") for k in distances),
        ),
        rows=tuple(entries),
        notes=(
            "AUC: area under chance-corrected accuracy against the logarithm of the distance; 1 is "
            "perfect, 0 is chance. Change: accuracy at the farthest minus at the nearest. Intervals "
            "are Student’s over seeds, not over test examples. "
            f"Solved: mean accuracy of {percent(SOLVED, 0)} "
            "or more.",
        ),
        data=pd.DataFrame(data),
        keys=keys_of(rows.key),
    )


def _span(over: SpanOverSeeds) -> Entry:
    return Entry(str(over), ", ".join(str(one) for one in over.per_seed))


def _bounds(found: Interval | None) -> str:
    return interval(found.low, found.high) if found else "too few seeds"
