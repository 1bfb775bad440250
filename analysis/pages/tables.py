"""Tables of the pages: scores by task, learning rates tried, who else was trained."""

from collections.abc import Sequence

import pandas as pd

from analysis.pages.pairs import Pair
from analysis.pages.site import Site
from analysis.spans import SOLVED
from analysis.tables.base import Column, Entry, Table, keys_of
from analysis.wording import listed, number, percent, plural, scaled, seconds


def scores(pairs: Sequence[Pair], site: Site, *, by_task: bool, current: str = "") -> Table | None:
    """Return scores with what was trained and what it cost.

    Rows are the tasks of one architecture (``by_task``), or the architectures on one task.
    ``current``: the architecture that the page is about.
    """
    if not pairs:
        return None
    rows = []
    for pair in pairs:
        look, here = site.looks[pair.architecture], pair.architecture == current
        href = "" if here else site.architecture_path(pair.architecture)
        name = Entry(look.label, "this page" if here else "", colour=look.colour, href=href)
        if by_task:
            name = Entry(pair.label)
        rows.append((name, *_score_entries(pair), _failed(pair, site), *_cost(pair)))
    return Table(
        name="scores",
        title="Scores on every task" if by_task else f"{pairs[0].label}: every architecture",
        caption="Mean over seeds, its 95 % interval over seeds, every seed. Selected on validation, "
        "tested once.",
        columns=(
            Column("Task" if by_task else "Architecture"),
            Column("Test score", "num", "mean [95 %]; each seed"),
            Column("Solved", "num", f"seeds at {percent(SOLVED, 0)}"),
            Column("Held against", "num"),
            Column("Failed?"),
            Column("Learning rate", "num", "selected; tried"),
            Column("Converged", "num", "of seeds"),
            Column("Parameters", "num", "core; total"),
            Column("Training", "num", "FLOPs; time"),
        ),
        rows=tuple(rows),
        data=pd.DataFrame([row for pair in pairs for row in _score_data(pair)]),
        keys=keys_of(*(pair.planned for pair in pairs)),
    )


def _score_entries(pair: Pair) -> tuple[Entry, ...]:
    shown = pair.kind.shown
    if pair.mean is None:
        words = listed(sorted({status.replace("_", " ") for status, _ in pair.unfinished}))
        return (Entry(words or "not measured", kind="bad" if words else "muted"), *[Entry("–")] * 2)
    bounds = ""
    if pair.interval is not None:
        bounds = f"{pair.bounds} {pair.interval.covers}\n"
    each = ", ".join(shown(score) for score in pair.scores)
    solved = f"{pair.solved} of {len(pair.runs)}" if pair.kind.solvable else "–"
    beside = pair.baseline
    return (
        Entry(shown(pair.mean), f"{pair.kind.words}\n{bounds}{each}"),
        Entry(solved),
        Entry(shown(beside[1]), beside[0]) if beside else Entry("–"),
    )


def _failed(pair: Pair, site: Site) -> Entry:
    place = (pair.setting, pair.architecture)
    failed = site.failures.get(place)
    if failed is None:
        return Entry("no", kind="good") if pair.runs else Entry("–", kind="muted")
    open_ended = any(not run.converged for run in pair.low)
    note = "unconverged: why?" if open_ended else "why?"
    return Entry(failed.why, note, kind="open" if open_ended else "bad", href=site.failure_path(place))


def _cost(pair: Pair) -> tuple[Entry, ...]:
    chosen = [run.learning_rate for run in pair.runs if run.learning_rate is not None]
    tried = sorted({float(t["learning_rate"]) for run in pair.runs for t in run.record.trials})
    done = sum(run.converged for run in pair.runs)
    return (
        Entry(_rates(chosen) or "–", f"of {_rates(tried)}" if tried else ""),
        Entry(f"{done} of {len(pair.runs)}" if pair.runs else "–"),
        Entry(number(_whole(pair, "parameters")), number(_whole(pair, "parameters_total"))),
        Entry(scaled(pair.mean_of("training_flops")), seconds(pair.mean_of("seconds"))),
    )


def _rates(rates: Sequence[float]) -> str:
    return ", ".join(dict.fromkeys(f"{rate:.3g}" for rate in rates))


def _whole(pair: Pair, name: str) -> float | None:
    value = pair.mean_of(name)
    return None if value is None else round(value)


def _score_data(pair: Pair) -> list[dict[str, object]]:
    return [
        {
            "architecture": pair.architecture,
            "task": pair.label,
            "seed": run.seed,
            "metric": pair.kind.words,
            "score": run.score,
            "baseline": pair.baseline[1] if pair.baseline else None,
            "learning_rate": run.learning_rate,
            "converged": run.converged,
            "parameters": run.metric("parameters"),
            "training_flops": run.metric("training_flops"),
            "seconds": run.metric("seconds"),
            "key": run.record.key,
        }
        for run in pair.runs
    ]


def learning_rates(pair: Pair) -> Table | None:
    """Return what each learning rate that was tried gave on validation; None where none is recorded."""
    data = [
        {
            "architecture": pair.architecture,
            "task": pair.label,
            "seed": run.seed,
            "learning_rate": float(trial["learning_rate"]),
            "status": trial.get("status", "ok"),
            "validation": trial.get("validation"),
            "best_step": trial.get("best_step"),
            "steps": trial.get("steps"),
            "converged": bool(trial.get("converged")),
            "selected": float(trial["learning_rate"]) == run.learning_rate,
            "key": run.record.key,
        }
        for run in pair.runs
        for trial in run.record.trials
    ]
    if not data:
        return None
    frame = pd.DataFrame(data)
    shown = percent if pair.kind.solvable and pair.kind.metric == "test" else number
    rows = []
    for rate, mine in frame.groupby("learning_rate", sort=True):
        scored = [float(value) for value in mine.validation if value is not None and value == value]
        ended = sorted({str(status).replace("_", " ") for status in mine.status} - {"ok"})
        steps = ", ".join(dict.fromkeys(number(step) for step in mine.best_step.dropna()))
        rows.append(
            (
                Entry(f"{rate:.3g}"),
                Entry(", ".join(shown(value) for value in scored) or "–"),
                Entry(f"{int(mine.converged.sum())} of {len(mine)}", ", ".join(ended)),
                Entry(plural(int(mine.selected.sum()), "seed") if mine.selected.any() else "–"),
                Entry(steps or "–"),
            )
        )
    return Table(
        name="learning_rates",
        title="Learning rates tried, and what each gave",
        caption="Best validation score of each seed; validation selects, the test has no say.",
        columns=(
            Column("Learning rate"),
            Column("Validation", "num", "each seed"),
            Column("Converged", "num", "of seeds"),
            Column("Selected by", "num"),
            Column("Best step", "num"),
        ),
        rows=tuple(rows),
        data=frame,
        keys=keys_of(pair.keys),
    )
