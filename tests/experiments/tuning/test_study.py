"""How trials are counted, begun, given back and pruned: Optuna on SQLite, nothing is trained."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from experiments.sweep.storage import open_storage
from experiments.tuning import study as studies
from experiments.tuning.effort import Effort
from experiments.tuning.study import begin, end, interrupt, open_study, progress_of, pruner
from models.search import Choice, Range

SPACE = {
    "recipe.learning_rate": Range(1e-4, 1e-1, log=True),
    "recipe.warmup_steps": Range(1, 8, log=True, integer=True),
    "model.norm": Choice(("pre", "post")),
}
EFFORT = Effort(trials=3, replacements=2)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "tuning.db")


@pytest.fixture
def storage(url):
    found = open_storage(url, create=True)
    yield found
    found.engine.dispose()


@pytest.fixture
def study(storage):
    return open_study(storage, "tune", larger_is_better=True)


def run(study, status="ok", value=0.5, effort=EFFORT):
    trial = begin(study, SPACE, effort)
    end(study, trial.number, status, value if status == "ok" else None)
    return trial


def test_values_are_drawn_from_the_space(study):
    effort = Effort(trials=12, replacements=0)
    found = [run(study, value=i / 12, effort=effort).params for i in range(12)]
    for params in found:
        assert set(params) == set(SPACE)
        assert all(SPACE[name].contains(value) for name, value in params.items())
        assert isinstance(params["recipe.warmup_steps"], int)
    assert len({params["recipe.learning_rate"] for params in found}) == 12
    assert {params["model.norm"] for params in found} == {"pre", "post"}


def test_the_same_seed_draws_the_same(tmp_path):
    drawn = []
    for name in ("one.db", "other.db"):
        storage = open_storage(str(tmp_path / name), create=True)
        study = open_study(storage, "tune", larger_is_better=True)
        drawn.append([run(study, value=0.1 * i).params for i in range(3)])
        storage.engine.dispose()
    assert drawn[0] == drawn[1]
    assert len({str(params) for params in drawn[0]}) == 3


def test_complete_and_pruned_trials_are_finished_and_failed_ones_replaced(study):
    for status in ("ok", "pruned", "diverged", "out_of_memory"):
        run(study, status)
    found = progress_of(study, EFFORT)
    assert (len(found.finished), len(found.complete)) == (2, 1)
    assert found.statuses() == {"diverged": 1, "out_of_memory": 1}
    assert found.wants(EFFORT)
    run(study)
    found = progress_of(study, EFFORT)
    assert found.ended(EFFORT)
    assert not found.wants(EFFORT)


def test_no_more_than_the_stated_number_are_replaced(study):
    for _ in range(2):
        run(study, "diverged")
    assert progress_of(study, EFFORT).wants(EFFORT)
    run(study, "killed")
    found = progress_of(study, EFFORT)
    assert found.given_up(EFFORT)
    assert not found.wants(EFFORT)
    assert found.ended(EFFORT)


def test_the_first_so_many_count(study):
    values = [0.1, 0.9, 0.2, 0.8]
    numbers = [
        run(study, value=value, effort=Effort(trials=9, replacements=0)).number for value in values
    ]
    fewer = Effort(trials=2, replacements=0)
    assert [trial.number for trial in progress_of(study, fewer).finished] == numbers[:2]


def test_of_two_that_begin_the_last_at_once_one_gives_way(study, url):
    other_storage = open_storage(url)
    other = open_study(other_storage, "tune", larger_is_better=True)
    run(study)
    run(study)
    # both saw that one is wanted, before either began
    mine = begin(study, SPACE, EFFORT)
    assert begin(other, SPACE, EFFORT) is None
    assert progress_of(study, EFFORT).running == 1
    end(study, mine.number, "diverged")
    theirs = begin(other, SPACE, EFFORT)
    end(other, theirs.number, "ok", 0.5)
    found = progress_of(study, EFFORT)
    assert (len(found.finished), found.statuses()) == (3, {"diverged": 1})
    other_storage.engine.dispose()


def test_what_is_given_back_is_tried_again_with_the_same_values(study):
    lost = begin(study, SPACE, EFFORT)
    interrupt(study, lost.number)
    found = progress_of(study, EFFORT)
    assert (found.running, found.waiting, found.failed) == (0, 1, [])
    again = begin(study, SPACE, EFFORT)
    assert again.number != lost.number
    assert again.params == lost.params
    end(study, again.number, "ok", 0.5)
    assert len(progress_of(study, EFFORT).finished) == 1


def test_a_trial_that_somebody_gave_back_meanwhile_stays_so(study):
    trial = begin(study, SPACE, EFFORT)
    interrupt(study, trial.number)
    end(study, trial.number, "ok", 0.9)
    assert progress_of(study, EFFORT).finished == []


def test_the_trials_of_a_dead_process_are_found(study, monkeypatch):
    dead = {**studies.me(), "pid": 2**22 + 12345}
    monkeypatch.setattr(studies, "me", lambda: dead)
    begin(study, SPACE, EFFORT)
    monkeypatch.undo()
    begin(study, SPACE, EFFORT)  # of this process, which lives
    studies.find_lost(study)
    found = progress_of(study, EFFORT)
    assert (found.running, found.waiting) == (1, 1)


def test_a_silent_trial_of_another_machine_is_found_by_its_heartbeat(study, storage, monkeypatch):
    elsewhere = {**studies.me(), "machine": "another"}
    monkeypatch.setattr(studies, "me", lambda: elsewhere)
    begin(study, SPACE, EFFORT)
    studies.find_lost(study)
    assert progress_of(study, EFFORT).running == 1
    storage.grace_period = -1
    studies.find_lost(study)
    found = progress_of(study, EFFORT)
    assert (found.running, found.waiting) == (0, 1)


def test_the_best_is_the_largest_accuracy_or_the_smallest_error(storage):
    for larger in (True, False):
        study = open_study(storage, f"larger {larger}", larger_is_better=larger)
        for value in (0.2, 0.7, 0.4):
            run(study, value=value)
        assert study.best_value == (0.7 if larger else 0.2)


def curve(study, values, prune_with):
    """Report a curve; return at which validation it was given up, or None."""
    study.pruner = prune_with
    trial = begin(study, SPACE, Effort(trials=99, replacements=0))
    for number, value in enumerate(values, start=1):
        trial.report(value, number)
        if trial.should_prune():
            end(study, trial.number, "pruned", best=value)
            return number
    end(study, trial.number, "ok", values[-1])
    return None


def test_median_gives_up_what_is_below_the_others_after_a_third(study):
    with_median = pruner(Effort(trials=8, replacements=0), 9)
    assert curve(study, [0.5] * 9, with_median) is None
    assert curve(study, [0.6] * 9, with_median) is None
    assert curve(study, [0.1] * 9, with_median) == 3
    assert curve(study, [0.1, 0.1, 0.9, *[0.9] * 6], with_median) is None


def test_halving_keeps_the_better_half_at_every_rung(study):
    with_halving = pruner(Effort(trials=8, replacements=0, pruner="halving"), 8)
    assert curve(study, [0.5] * 8, with_halving) is None
    assert curve(study, [0.1] * 8, with_halving) == 2
    assert curve(study, [0.9] * 8, with_halving) is None


@pytest.mark.parametrize("validations", [0, 1, 3])
def test_without_a_curve_nothing_is_given_up(study, validations):
    assert isinstance(pruner(EFFORT, validations), optuna.pruners.NopPruner)
    assert isinstance(
        pruner(Effort(trials=8, replacements=0, pruner="none"), 100), optuna.pruners.NopPruner
    )


def test_a_finished_trial_keeps_how_it_ended(study):
    trial = begin(study, SPACE, EFFORT)
    end(study, trial.number, "failed", reason="no room", seconds=1.5)
    (kept,) = study.get_trials()
    assert kept.state == TrialState.FAIL
    assert kept.user_attrs["status"] == "failed"
    assert (kept.user_attrs["reason"], kept.user_attrs["seconds"]) == ("no room", 1.5)
