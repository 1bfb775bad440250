"""Trials of several architectures through one source; records are made here, nothing is trained."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from experiments.measures.base import Outcome
from experiments.plans.base import Request
from experiments.run import make_record
from experiments.store import Store
from experiments.sweep.storage import open_storage
from experiments.tuning.effort import Effort
from experiments.tuning.result import joined, summarise
from experiments.tuning.source import TuningSource
from experiments.tuning.subject import find_subject
from models.errors import BadInput
from tests.experiments.tuning.tiny_plan import PLAN

EFFORT = Effort(trials=5, replacements=2)
NAMES = ("rnn", "lstm")


@pytest.fixture(scope="module")
def subject():
    request = Request(profile="smoke", architectures=NAMES, device="cpu", threads=1)
    return find_subject(PLAN, request, None)


@pytest.fixture
def storage(tmp_path):
    found = open_storage(str(tmp_path / "tuning.db"), create=True)
    yield found
    found.engine.dispose()


@pytest.fixture
def source(subject, storage, store):
    return TuningSource(subject, storage, store, EFFORT)


def finish(source, block, status="ok", validation=0.5):
    """Write the record that a worker would have written, and tell the source."""
    cell = block.cells[0]
    metrics = {"validation": validation, "steps": 8} if status in ("ok", "pruned") else {}
    outcome = Outcome(status=status, metrics=metrics, reason="" if status == "ok" else status)
    source.store.write(make_record(cell, block, outcome, duration_s=1.5))
    source.done(block)


def score(block):
    """A score with one best learning rate."""
    return 1 - abs(block.cells[0].recipe["learning_rates"][0] - 0.01) * 10


def drain(source, statuses=lambda block: "ok"):
    while (block := source.take()) is not None:
        finish(source, block, statuses(block), score(block))


def test_every_architecture_gets_the_same_number(source):
    drain(source)
    assert source.empty()
    assert {name: len(found.finished) for name, found in source.progress().items()} == {
        "rnn": 5,
        "lstm": 5,
    }


def test_the_architecture_with_the_fewest_is_next(source):
    begun = [source.take().name.partition(" ")[0] for _ in range(4)]
    assert Counter(begun) == {"rnn": 2, "lstm": 2}


def test_failed_trials_are_replaced_for_this_architecture_alone(source):
    failures = iter(["diverged", "out_of_memory"])
    drain(source, lambda b: next(failures, "ok") if b.cells[0].architecture == "rnn" else "ok")
    found = summarise(source, command="tune")["architectures"]
    assert [found[name]["finished"] for name in NAMES] == [5, 5]
    assert found["rnn"]["failed"] == {"diverged": 1, "out_of_memory": 1}
    assert found["lstm"]["failed"] == {}
    assert len(found["rnn"]["trials"]) == 7
    assert found["rnn"]["hours"] == pytest.approx(7 * 1.5 / 3600)


def test_an_architecture_that_always_fails_is_given_up_and_named(source):
    drain(source, lambda b: "diverged" if b.cells[0].architecture == "rnn" else "ok")
    assert source.empty()
    assert len(source.progress()["rnn"].failed) == EFFORT.replacements + 1
    found = summarise(source, command="tune")
    assert set(found["architectures"]) == {"lstm"}
    assert found["without_values"] == {"rnn": {"diverged": 3}}


def test_where_every_trial_fails_there_is_nothing_to_write(source):
    drain(source, lambda b: "diverged")
    with pytest.raises(BadInput, match=r"no trial ran to its end.*rnn: 3 diverged; lstm: 3 diverged"):
        summarise(source, command="tune")


def test_among_equals_the_one_that_was_there_first_is_selected(source):
    rising = {0: (0.1, 0.2, 1.0), 1: (0.1, 1.0, 1.0), 2: (0.1, 0.1, 1.0)}  # best so far, by validation
    counted = Counter()
    while (block := source.take()) is not None:
        name = block.cells[0].architecture
        for number, best in enumerate(rising.get(counted[name], (0.3, 0.4, 0.5)), 1):
            source.prune(block, number, best)
        finish(source, block, validation=1.0 if counted[name] in rising else 0.5)
        counted[name] += 1
    rows = summarise(source, command="tune")["architectures"]
    for row in rows.values():
        scores = [trial["validation"] for trial in row["trials"]]
        assert scores.count(1.0) == 3
        assert (row["best"]["number"], row["best"]["validation"]) == (1, 1.0)


def test_the_best_on_validation_is_selected_and_pruned_ones_are_not(source):
    numbers = iter(range(99))

    def statuses(block):
        return "pruned" if next(numbers) % 3 == 2 else "ok"

    drain(source, statuses)
    for name, row in summarise(source, command="tune")["architectures"].items():
        complete = [trial for trial in row["trials"] if trial["status"] == "ok"]
        best = max(complete, key=lambda trial: trial["validation"])
        assert row["best"]["number"] == best["number"]
        assert row["values"]["recipe"]["learning_rates"] == [best["values"]["recipe.learning_rate"]]
        assert row["pruned"] == 5 - len(complete) > 0
        assert all(trial["validation"] is not None for trial in row["trials"])
        assert set(row["edges"]) == set(row["space"]) == set(best["values"]), name


@pytest.mark.slow
def test_importance_finds_what_mattered(subject, storage, store):
    source = TuningSource(subject, storage, store, Effort(trials=12, replacements=0))
    drain(source)
    row = summarise(source, command="tune")["architectures"]["lstm"]
    assert sum(row["importance"].values()) == pytest.approx(1, abs=1e-3)
    assert next(iter(row["importance"])) == "recipe.learning_rate"


def test_too_few_trials_or_equal_scores_say_nothing_of_importance(source):
    while (block := source.take()) is not None:
        finish(source, block, validation=0.5)
    assert summarise(source, command="tune")["architectures"]["rnn"]["importance"] is None


def test_the_result_is_plain_data_and_can_be_applied(source, subject):
    drain(source)
    found = summarise(source, command="seqyard tune tiny")
    found = json.loads(json.dumps(found))
    assert (found["plan"], found["task"], found["trials"]) == ("tiny", "recall", 5)
    values = {name: row["values"] for name, row in found["architectures"].items()}
    request = replace(subject.request, tuned=values)
    cells = [cell for block in PLAN.blocks(request) for cell in block.cells if cell.measure == "train"]
    for cell in cells:
        assert cell.recipe["learning_rates"] == values[cell.architecture]["recipe"]["learning_rates"]
        assert cell.model["dropout"] == values[cell.architecture]["model"]["dropout"]
    assert {cell.task for cell in cells} == {"recall", "copying"}


def test_two_machines_share_the_trials_and_neither_adds_one(subject, storage, store, tmp_path):
    other = Store(tmp_path / "other")
    other.create()
    sources = [TuningSource(subject, storage, each, EFFORT) for each in (store, other)]
    held = []
    while True:
        taken = [(source, block) for source in sources if (block := source.take()) is not None]
        held += taken
        if not held:
            break
        for source, block in held[: max(1, len(held) // 2)]:
            finish(source, block, validation=score(block))
        held = held[max(1, len(held) // 2) :]
    for source in sources:
        assert source.empty()
        found = summarise(source, command="tune")["architectures"]
        assert [found[name]["finished"] for name in NAMES] == [5, 5]
    # whoever writes the file says the same, wherever the records lie
    assert summarise(sources[0], command="tune") == summarise(sources[1], command="tune")
    assert len(list(store)) + len(list(other)) == 10


def test_a_released_trial_goes_on_under_another_source(subject, storage, store):
    first = TuningSource(subject, storage, store, EFFORT)
    block = first.take()
    first.release()
    second = TuningSource(subject, storage, store, EFFORT)
    again = second.take()
    assert again.cells == block.cells  # the same key: a checkpoint of it is found
    assert again.name != block.name


def test_more_trials_go_on_from_those_that_are_there(subject, storage, store):
    drain(TuningSource(subject, storage, store, Effort(trials=2, replacements=0)))
    more = TuningSource(subject, storage, store, Effort(trials=3, replacements=0))
    taken = []
    while (block := more.take()) is not None:
        taken.append(block)
        finish(more, block)
    assert len(taken) == 2  # one more for each of the two


def test_values_that_exclude_each_other_are_a_failed_trial(source, monkeypatch):
    real, refused = source.subject.block, []

    def block(architecture, point, name):
        if not refused:
            refused.append(name)
            raise BadInput("heads = 8: width 12 is not divisible.")
        return real(architecture, point, name)

    monkeypatch.setattr(type(source.subject), "block", lambda self, *given: block(*given))
    drain(source)
    rows = summarise(source, command="tune")["architectures"].values()
    assert sorted(row["failed"].get("failed", 0) for row in rows) == [0, 1]


def test_a_worker_that_asks_is_answered_by_the_pruner(source):
    def next_of(name):
        while (block := source.take()).cells[0].architecture != name:
            pass
        return block

    for _ in range(2):
        block = next_of("rnn")
        assert [source.prune(block, number, 0.9) for number in range(1, 5)] == [False] * 4
        finish(source, block, validation=0.9)
    assert not source.prune(block, 1, 0.9)  # it is over
    block = next_of("rnn")
    told = [source.prune(block, number, 0.1) for number in (1, 2)]
    assert json.dumps(told) == "[false, true]"  # as a worker is told
    finish(source, block, "pruned", validation=0.1)
    assert source.progress()["rnn"].finished[-1].user_attrs["best"] == 0.1


def test_only_what_was_tuned_alike_stands_in_one_file(source):
    drain(source)
    found = summarise(source, command="tune")
    one = {**found, "architectures": {"rnn": found["architectures"]["rnn"]}}
    other = {**found, "architectures": {"lstm": found["architectures"]["lstm"]}}
    assert set(joined(one, other)["architectures"]) == {"rnn", "lstm"}
    assert set(joined(one, {**other, "trials": 9})["architectures"]) == {"rnn"}
