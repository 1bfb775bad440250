"""One Optuna study a (plan, profile, architecture): its trials, and how many count.

Finished trials are those that ran to the end of their budget and those that were pruned. What failed or
diverged is counted beside, and replaced up to a stated number. A trial whose supervisor went away is
neither: its values are tried again.
"""

import hashlib
import math
import warnings
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from experiments.sweep.identity import known_dead, me
from experiments.tuning.effort import Effort
from models.search import Choice, Space

STATUS, HOLDER = "status", "holder"
INTERRUPTED, SURPLUS = "interrupted", "surplus"
"""Statuses of trials that say nothing about their values."""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

HEARTBEAT_S, GRACE_S = 30, 150
"""A supervisor that says nothing for so long is gone, and its trials are tried again."""


@dataclass
class Progress:
    """How far one study is."""

    finished: list[FrozenTrial] = field(default_factory=list)  # by number, no more than asked for
    failed: list[FrozenTrial] = field(default_factory=list)  # failed, diverged, killed ...
    running: int = 0
    waiting: int = 0  # to be tried again

    @property
    def complete(self) -> list[FrozenTrial]:
        """Return the trials that ran to the end of their budget."""
        return [trial for trial in self.finished if trial.state == TrialState.COMPLETE]

    def statuses(self) -> Counter[str]:
        """Return how many trials failed in which way."""
        return Counter(trial.user_attrs[STATUS] for trial in self.failed)

    def given_up(self, effort: Effort) -> bool:
        """Whether more trials failed than are replaced."""
        return len(self.failed) > effort.replacements and len(self.finished) < effort.trials

    def wants(self, effort: Effort) -> bool:
        """Whether a trial is to be begun now."""
        if self.given_up(effort) or len(self.finished) >= effort.trials:
            return False
        return bool(self.waiting) or len(self.finished) + self.running < effort.trials

    def ended(self, effort: Effort) -> bool:
        """Whether nothing is left to do, here or elsewhere."""
        return len(self.finished) >= effort.trials or (self.given_up(effort) and not self.running)


def open_study(storage: RDBStorage, name: str, *, larger_is_better: bool) -> Study:
    """Return the study of this name; made if there is none."""
    storage.heartbeat_interval, storage.grace_period = HEARTBEAT_S, GRACE_S
    storage.heartbeat_stale_trial_callback = try_again
    return optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize" if larger_is_better else "minimize",
        load_if_exists=True,
    )


def progress_of(study: Study, effort: Effort) -> Progress:
    """Read how far a study is. The first so many finished trials count, by number."""
    found = Progress()
    for trial in sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number):
        status = trial.user_attrs.get(STATUS)
        if trial.state in FINISHED:
            if len(found.finished) < effort.trials:
                found.finished.append(trial)
        elif trial.state == TrialState.RUNNING:
            found.running += 1
        elif trial.state == TrialState.WAITING:
            found.waiting += 1
        elif status not in (None, INTERRUPTED, SURPLUS):
            found.failed.append(trial)
    return found


def begin(study: Study, space: Space, effort: Effort) -> Trial | None:
    """Begin a trial: one that is tried again, or a new one; None if others took the last meanwhile.

    Numbers are given out in order, so of several supervisors that begin at once those with the lower
    numbers go on.
    """
    trials = len(study.get_trials(deepcopy=False))
    study.sampler = sampler(study.study_name, effort, trials)
    with warnings.catch_warnings():
        # the heartbeat is ours: a trial may run longer than Optuna's own loop
        warnings.filterwarnings("ignore", message=".*[Hh]eartbeat.*")
        trial = study.ask()
    trial.set_user_attr(HOLDER, me())
    beat(study, trial.number)
    live = (*FINISHED, TrialState.RUNNING, TrialState.WAITING)
    before = sum(
        other.number < trial.number and other.state in live
        for other in study.get_trials(deepcopy=False)
    )
    if "again" not in trial.user_attrs and before >= effort.trials:
        end(study, trial.number, SURPLUS)
        return None
    for name, dimension in space.items():
        if isinstance(dimension, Choice):
            trial.suggest_categorical(name, dimension.values)
        elif dimension.integer:
            trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
        else:
            trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
    return trial


def end(study: Study, number: int, status: str, value: float | None = None, **attributes: Any) -> None:
    """Tell how a trial ended: status ``ok`` with its value, ``pruned``, or anything else: failed.

    A trial that was taken for lost meanwhile stays so.
    """
    states = {"ok": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    state = states.get(status, TrialState.FAIL)
    storage, trial_id = study._storage, trial_id_of(study, number)
    try:
        for key, attribute in {**attributes, STATUS: status}.items():
            storage.set_trial_user_attr(trial_id, key, attribute)
        # what a pruned trial is worth is the best that it reported: Optuna takes its last report
        study.tell(number, value if state == TrialState.COMPLETE else None, state=state)
    except UpdateFinishedTrialError:
        return


def try_again(study: Study, trial: FrozenTrial) -> None:
    """Let the values of a lost trial be tried again, by whoever is next."""
    study.enqueue_trial(trial.params, user_attrs={"again": trial.number})


def interrupt(study: Study, number: int) -> None:
    """Give a trial in hand back."""
    trial = next(trial for trial in study.get_trials(deepcopy=False) if trial.number == number)
    try_again(study, trial)
    end(study, number, INTERRUPTED)


def beat(study: Study, number: int) -> None:
    """Say that a trial is still in hand."""
    study._storage.record_heartbeat(trial_id_of(study, number))  # type: ignore[attr-defined]


def find_lost(study: Study) -> None:
    """Let the trials of supervisors that are gone be tried again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        holder = trial.user_attrs.get(HOLDER)
        # of this machine it is known at once; one that went before its first word has no heartbeat
        begun = trial.datetime_start or datetime.now()
        silent = holder is None and (datetime.now() - begun).total_seconds() > GRACE_S
        if known_dead(holder) or silent:
            interrupt(study, trial.number)


def trial_id_of(study: Study, number: int) -> int:
    """Return what the storage calls a trial."""
    return study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)


def sampler(name: str, effort: Effort, trials: int) -> TPESampler:
    """Return the sampler of the next trial: a function of seed, study and the trials before it."""
    text = f"{effort.seed}/{name}/{trials}".encode()
    return TPESampler(
        # half of few trials are drawn at random, before the others follow from them
        n_startup_trials=min(10, math.ceil(effort.trials / 2)),
        seed=int.from_bytes(hashlib.sha256(text).digest()[:4], "little"),
    )


def pruner(effort: Effort, validations: int) -> BasePruner:
    """Return the pruner for trials with so many validations.

    ``median``: after a quarter of the trials, and from a third of the budget on, a trial is given up
    whose best score is below the median of the others' at the same validation. ``halving``: at a
    quarter of the budget and at every doubling of it only those in the better half so far go on
    (asynchronous successive halving, Li et al. 2018). Fewer than four validations are no curve: nothing
    is given up.
    """
    if effort.pruner == "none" or validations < 4:
        return NopPruner()
    if effort.pruner == "halving":
        return SuccessiveHalvingPruner(min_resource=max(1, validations // 4), reduction_factor=2)
    startup = max(2, math.ceil(effort.trials / 4))
    return MedianPruner(n_startup_trials=startup, n_warmup_steps=math.ceil(validations / 3))
