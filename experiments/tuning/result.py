"""What tuning found, as plain data: ``tuned/<plan>.json``, which ``run --tuned`` applies.

The format is described in docs/tuning.md.
"""

import warnings
from importlib.metadata import version
from typing import Any

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from experiments.tuning.source import Tuned, TuningSource
from experiments.tuning.study import STATUS, Progress
from experiments.tuning.subject import describe
from models.errors import BadInput
from models.search import settings

FORMAT = 1

LEAST_FOR_IMPORTANCE = 4
"""Complete trials; fewer say nothing about what mattered."""


def summarise(source: TuningSource, *, command: str) -> dict[str, Any]:
    """Return the whole file's content; an architecture all of whose trials failed has no values.

    Raises:
        BadInput: no architecture has a trial that ran to its end.
    """
    subject, effort = source.subject, source.effort
    progress = source.progress()
    without = {n: dict(p.statuses()) for n, p in progress.items() if not p.complete}
    if len(without) == len(progress):
        told = "; ".join(f"{name}: {_counted(failed)}" for name, failed in without.items())
        raise BadInput(f"no trial ran to its end, so there are no values to write ({told}).")
    return {
        "format": FORMAT,
        "plan": subject.plan.name,
        "profile": subject.request.profile,
        "task": subject.task,
        "measure": next(iter(source.tuned.values())).measure(subject),
        "seed": subject.seed,
        "direction": "maximize" if _larger(source) else "minimize",
        "trials": effort.trials,
        "replacements": effort.replacements,
        "pruner": effort.pruner,
        "sampler": {"name": "TPE", "seed": effort.seed},
        "command": command,
        "versions": {name: version(name) for name in ("seqyard", "optuna")},
        "architectures": {
            name: _row(source, tuned, progress[name])
            for name, tuned in source.tuned.items()
            if name not in without
        },
        "without_values": without,
    }


def _counted(failed: dict[str, int]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in failed.items()) or "none begun"


ALIKE = (
    *("format", "plan", "profile", "task", "measure", "seed", "direction"),
    *("trials", "replacements", "pruner", "sampler"),
)
"""What two tunings must share to stand in one file: the same care for all."""


def joined(found: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return what was found, with the architectures that were tuned alike before and not now."""
    if any(before.get(key) != found[key] for key in ALIKE):
        return found
    kept = {
        name: row
        for name, row in before["architectures"].items()
        if name not in found["without_values"]
    }
    without = {
        name: failed
        for name, failed in before.get("without_values", {}).items()
        if name not in found["architectures"]
    }
    return {
        **found,
        "architectures": {**kept, **found["architectures"]},
        "without_values": {**without, **found["without_values"]},
    }


def _larger(source: TuningSource) -> bool:
    return source.subject.larger_is_better(next(iter(source.tuned)))


def _row(source: TuningSource, tuned: Tuned, progress: Progress) -> dict[str, Any]:
    larger = _larger(source)
    best = (max if larger else min)(progress.complete, key=merit)
    shown = [*progress.finished, *progress.failed]
    return {
        "values": settings(best.params),
        "untuned": source.subject.untuned(tuned.architecture, tuned.space),
        "best": {"number": best.number, "validation": best.value, "key": best.user_attrs.get("key")},
        "finished": len(progress.finished),
        "complete": len(progress.complete),
        "pruned": len(progress.finished) - len(progress.complete),
        "failed": dict(sorted(progress.statuses().items())),
        "hours": sum(trial.user_attrs.get("seconds", 0.0) for trial in shown) / 3600,
        "space": describe(tuned.space),
        "left_out": tuned.left_out,
        "edges": {name: tuned.space[name].edge(value) for name, value in best.params.items()},
        "importance": importance(tuned.study, source.effort.seed),
        "versions": source.subject.template(tuned.architecture).versions,
        "trials": [_trial(trial) for trial in sorted(shown, key=lambda trial: trial.number)],
    }


def merit(trial: FrozenTrial) -> tuple[float, float]:
    """Return a complete trial's best score and, among equals, its best so far over all validations.

    Where several reach the top of the scale, who was there first has something in hand.
    """
    value = trial.value or 0.0
    so_far = trial.intermediate_values.values()
    return value, sum(so_far) / len(so_far) if so_far else value


def _trial(trial: FrozenTrial) -> dict[str, Any]:
    attributes = trial.user_attrs
    return {
        "number": trial.number,
        "status": attributes[STATUS],
        "reason": attributes.get("reason", ""),
        "validation": trial.value if trial.state == TrialState.COMPLETE else attributes.get("best"),
        "steps": attributes.get("steps"),
        "seconds": attributes.get("seconds"),
        "key": attributes.get("key"),
        "values": trial.params,
    }


def importance(study: Study, seed: int) -> dict[str, float] | None:
    """Return the share of the score's variance that each name explains, the largest first.

    Functional ANOVA over a forest fitted to the complete trials (Hutter et al. 2014). None where there
    are too few of them, or all have the same score.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < LEAST_FOR_IMPORTANCE or len({trial.value for trial in complete}) == 1:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))
    return {name: round(share, 6) for name, share in found.items()}
