"""Sentences computed from records: the answers to the three questions, and what goes with them."""

import math

import pandas as pd

from analysis.exponents import exponent, one_width
from analysis.spans import summary
from analysis.speed import throughput_rows
from analysis.style import Style, clip, styles
from analysis.tables.memory import leading_slice
from analysis.tables.paper import time_exponents
from analysis.tables.speed import kernel_rows
from analysis.view import View
from analysis.wording import fixed, listed, number, percent, plural, power, scaled, span

NOTHING = "No record of this store answers this question."


# How far back? ---------------------------------------------------------------------------------------


def remembered(view: View) -> str:
    """Return how far back each architecture answers nine in ten correctly."""
    found = leading_slice(view)
    if found is None:
        return _scores(view) or NOTHING
    task, name = found
    looks = styles(view.architectures)
    rows = summary(view.results, task, name)
    reached = [
        f"{row.span90} ({looks[row.architecture].label})" for row in rows if row.span90.median > 0
    ]
    never = [looks[row.architecture].label for row in rows if row.span90.median <= 0]
    parts = [f"right up to {name} {listed(reached)}"] if reached else []
    parts += [f"right at no {name} for {listed(never)}"] if never else []
    distances = sorted({k for row in rows for curve in row.curves for k in curve.distances})
    return (
        f"On {task}, at least 90 % of the answers are {', and '.join(parts)}: median of "
        f"{plural(min(row.seeds for row in rows), 'seed')}, measured at {name} {span(distances)}."
    )


def _scores(view: View) -> str:
    rows = view.frame("train")
    rows = rows[(rows.status == "ok") & rows.test.notna()]
    sentences = []
    for task, of_task in rows.groupby("task", sort=True):
        shown = number if view.is_regression(str(task)) else percent
        means = [
            f"{look.label} {shown(of_task[of_task.architecture == name].test.mean())}"
            for name, look in styles(view.architectures).items()
            if (of_task.architecture == name).any()
        ]
        chance = view.chance(str(task))
        guess = "" if chance is None else f"; chance is {shown(chance)}"
        sentences.append(f"Mean test score on {task}: {', '.join(means)}{guess}.")
    return " ".join(sentences)


def memory_remarks(view: View) -> list[str]:
    """Return the scores by task, what the failures were, and how the gradient fell."""
    return [text for text in (_scores(view), _failures(view), _gradient(view)) if text]


def _failures(view: View) -> str:
    rows = view.frame("train")
    rows = rows[(rows.status == "ok") & rows.test.notna()]
    errors = [str(task) for task in rows.task.unique() if view.is_regression(str(task))]
    rows = rows[~rows.task.isin(errors)]
    low = rows[rows.test < 0.9]
    if rows.empty:
        return ""
    if low.empty:
        return "No training run ended below 90 % test accuracy."
    groups = []
    for (task, architecture), mine in low.groupby(["task", "architecture"], sort=True):
        done = mine.converged.astype(bool)
        words = [
            f"{plural(int(count), 'seed')} {what}"
            for count, what in (
                (done.sum(), "incapable at this budget"),
                ((~done).sum(), "unconverged"),
            )
            if count
        ]
        rates = listed(dict.fromkeys(f"{rate:g}" for rate in mine.learning_rate.dropna()), "or")
        label = styles(view.architectures)[str(architecture)].label
        groups.append(f"{label} on {task}: {listed(words)} (learning rate {rates})")
    return (
        f"Below 90 % test accuracy: {'; '.join(groups)}. Unconverged means that the training curve was "
        "still improving; incapable at this budget, that it was flat."
    )


def _gradient(view: View) -> str:
    parts = []
    for architecture, look in styles(view.architectures).items():
        ratios, far = [], 0.0
        for record in view.records:
            curve = record.curves.get("state_trained", []) if record.status == "ok" else []
            if (record.cell.measure, record.cell.architecture) != ("gradient", architecture):
                continue
            if len(curve) > 1 and curve[0][1] > 0:
                ratios.append(curve[-1][1] / curve[0][1])
                far = max(far, curve[-1][0])
        if ratios:
            middle = float(pd.Series(ratios).median())
            parts.append(f"{look.label} {_factor(middle)} at k = {number(far)}")
    if not parts:
        return ""
    return (
        "Of the gradient of the last encoder state that arrives at k = 0 there is left, after training "
        f"(median over cells): {'; '.join(parts)}."
    )


def _factor(value: float) -> str:
    if value <= 0:
        return "nothing"
    return number(value, 2) if value >= 1e-3 else f"about {power(10.0 ** round(math.log10(value)))}"


# How fast? -------------------------------------------------------------------------------------------


def trained_fast(view: View) -> str:
    """Return how much of its throughput each architecture keeps, and which is fastest at the end."""
    rows = throughput_rows(view)
    rows = rows[(rows.status == "ok") & rows.tokens_per_second.notna()]
    if rows.empty:
        return NOTHING
    first, last = rows.n.min(), rows.n.max()
    parts, ends = [], {}
    for look, mine in _each(view, rows):
        by_n = mine.drop_duplicates("n").set_index("n").tokens_per_second
        name = f"{look.label}{_bracket(mine.kernel.iloc[-1])}"
        if last in by_n.index:
            ends[name] = by_n[last]
        if {first, last} <= set(by_n.index) and first < last:
            parts.append(f"{name} {percent(by_n[last] / by_n[first], 0)}")
    if not parts:
        return "Throughput was measured at one length only, so nothing can be said about growth."
    best = max(ends, key=lambda name: ends[name])
    tokens = number(float((rows.n * rows.batch).median()))
    return (
        f"With {tokens} source tokens in every batch, from n = {number(first)} to {number(last)} the "
        f"share of throughput that is left is {', '.join(parts)}; at n = {number(last)} the fastest is "
        f"{best} with {scaled(ends[best])} tokens a second."
    )


def speed_remarks(view: View) -> list[str]:
    """Return what tells kernel from architecture: the same pair in default and in one kernel class."""
    rows = kernel_rows(view)
    rows = rows[(rows.status == "ok") & rows.seconds.notna()]
    sentences = []
    looks = styles(view.architectures)
    names = [name for name in looks if (rows.architecture == name).any()]
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            text = _same_kernel(rows, one, other, looks)
            if text:
                sentences.append(text)
    return sentences


def _same_kernel(rows: pd.DataFrame, one: str, other: str, looks: dict[str, Style]) -> str:
    lengths = set(rows[rows.architecture == one].n) & set(rows[rows.architecture == other].n)
    if not lengths:
        return ""
    at = rows[rows.n == max(lengths)]
    a = at[at.architecture == one].drop_duplicates("kernel").set_index("kernel").seconds
    b = at[at.architecture == other].drop_duplicates("kernel").set_index("kernel").seconds
    shared = sorted(set(a.index) & set(b.index))
    best = (str(a.idxmin()), str(b.idxmin()))
    if not shared:
        return ""
    same = listed(f"{fixed(a[k] / b[k])} × ({k})" for k in shared)
    text = (
        f"Kernel or architecture? In the same kernel class one {looks[one].label} layer takes {same} "
        f"the time of one {looks[other].label} layer at n = {number(max(lengths))}"
    )
    if best[0] == best[1]:
        return f"{text}."
    ratio = a[best[0]] / b[best[1]]
    return (
        f"{text}, but {fixed(ratio)} × when each uses the fastest kernel that it has here "
        f"({looks[one].label}: {best[0]}, {looks[other].label}: {best[1]}); the difference between the "
        "two numbers is the kernel’s, not the architecture’s."
    )


# How does it scale? ----------------------------------------------------------------------------------


def scaled_with_length(view: View) -> str:
    """Return FLOP, time and memory exponents in n of each architecture's Table 1 layer."""
    parts = []
    for architecture, look in styles(view.architectures).items():
        first = view.first_part(architecture)
        words = []
        for measure, column, what in (
            ("flops", "forward", "FLOPs"),
            ("step_time", "seconds", "time"),
            ("memory", "peak_bytes", "memory"),
        ):
            rows = view.frame(measure)
            rows = rows[(rows.architecture == architecture) & (rows.part == first)]
            rows = rows[rows.scope == "layer"]
            if measure == "step_time":
                rows = rows[rows.comparison == "fixed_batch"]
                fits = time_exponents(rows)
            elif measure == "memory":
                fits = {
                    str(kernel): fit
                    for kernel, group in one_width(rows, "n").groupby("kernel", sort=True)
                    if (fit := exponent(group, "n", column))
                }
            else:
                fit = exponent(one_width(rows, "n"), "n", column)
                fits = {"": fit} if fit else {}
            if fits:
                several = len(fits) > 1
                shown = [
                    f"n^{fixed(fit.value)}{_bracket(kernel) if several else ''}"
                    for kernel, fit in fits.items()
                ]
                words.append(f"{what} {' or '.join(shown)}")
        if words:
            parts.append(f"{look.label}: {', '.join(words)}")
    if not parts:
        return NOTHING
    return f"At the longest lengths measured, one layer grows as follows. {'; '.join(parts)}."


def _each(view: View, rows: pd.DataFrame) -> list[tuple[Style, pd.DataFrame]]:
    return [
        (look, group)
        for name, look in styles(view.architectures).items()
        for _, group in rows[rows.architecture == name].groupby("kernel", sort=True)
    ]


def _bracket(kernel: object) -> str:
    return f" ({clip(str(kernel))})" if kernel else ""
