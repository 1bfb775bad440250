"""The section on tuning, from a store that a test writes down."""

import json

import numpy as np
import pytest

from analysis.figures import draw
from analysis.load import Results
from analysis.report import write
from analysis.sections import sections
from analysis.statistics import mean_interval
from analysis.tables import tabulate
from analysis.view import View
from experiments.cell import Cell
from experiments.store import Store
from models.errors import BadInput
from tests.analysis.synthetic import Synthetic

PLANNED = {"model": {"dropout": 0.0}, "recipe": {"learning_rates": [0.001, 0.01]}}
FOUND = {"model": {"dropout": 0.2}, "recipe": {"learning_rates": [0.029]}}
SCORES = {"rnn": [0.2, 0.3, 0.25, 0.28], "lstm": [0.4, 0.9, 0.6, 0.5]}


def trial(number, status, validation, rate):
    return {
        "number": number,
        "status": status,
        "reason": "",
        "validation": validation,
        "steps": 100,
        "seconds": 36.0,
        "key": f"{number:016x}",
        "values": {"model.dropout": 0.2, "recipe.learning_rate": rate},
    }


def row(scores, *, failed=0):
    trials = [trial(i, "pruned" if i == 2 else "ok", score, 0.029) for i, score in enumerate(scores)]
    trials += [trial(len(scores) + i, "diverged", None, 0.03) for i in range(failed)]
    complete = [each for each in trials if each["status"] == "ok"]
    best = max(complete, key=lambda each: each["validation"])
    return {
        "values": FOUND,
        "untuned": {"recall": PLANNED},
        "best": {"number": best["number"], "validation": best["validation"], "key": best["key"]},
        "finished": len(scores),
        "complete": len(complete),
        "pruned": len(scores) - len(complete),
        "failed": {"diverged": failed} if failed else {},
        "hours": len(trials) * 0.01,
        "space": {
            "model.dropout": {"low": 0.0, "high": 0.5, "log": False, "integer": False},
            "recipe.learning_rate": {"low": 1e-4, "high": 0.03, "log": True, "integer": False},
        },
        "left_out": [],
        "edges": {"model.dropout": None, "recipe.learning_rate": "high"},
        "importance": {"recipe.learning_rate": 0.8, "model.dropout": 0.2},
        "versions": {},
        "trials": trials,
    }


def tuned_file(**rows):
    return {
        "format": 1,
        "plan": "long_range",
        "profile": "quick",
        "task": "recall",
        "measure": "train",
        "seed": 3,
        "direction": "maximize",
        "trials": 4,
        "architectures": rows or {"rnn": row(SCORES["rnn"], failed=1), "lstm": row(SCORES["lstm"])},
    }


def cell(architecture, seed, part, width=64):
    return Cell(
        measure="train",
        architecture=architecture,
        task="recall",
        model={"width": width, **part["model"]},
        data={"length": 34},
        recipe={"steps": 100, **part["recipe"]},
        seed=seed,
    )


def add(synthetic, accuracies, part, width=64):
    for architecture, values in accuracies.items():
        for seed, value in enumerate(values):
            synthetic.add(
                cell(architecture, seed, part, width),
                block=f"{architecture} {seed}",
                metrics={"test": value},
            )


def build(folder, tuned, untuned=None, data=None, width=60):
    """Write a store of tuned cells; those without tuning are in it, but not planned."""
    planned = Synthetic(("rnn", "lstm"))
    add(planned, tuned, FOUND, width)
    planned.write(folder)
    before = Synthetic(("rnn", "lstm"))
    add(before, untuned or {}, PLANNED)
    store = Store(folder)
    for record in before.records:
        store.write(record)
    store.write_json(folder / "tuned.json", data or tuned_file())
    return folder


def section_of(folder):
    return {each.anchor: each for each in sections(View(Results.read(folder)))}["tuning"]


@pytest.fixture
def store(tmp_path):
    tuned = {"rnn": [0.5, 0.52, 0.51], "lstm": [0.6, 0.4, 0.5]}
    untuned = {"rnn": [0.3, 0.31, 0.29], "lstm": [0.5, 0.55, 0.48]}
    return build(tmp_path / "store", tuned, untuned)


def test_each_architecture_got_the_same_and_what_it_cost_is_told(store):
    table = tabulate("tuning", View(Results.read(store)))
    rows = {str(each.architecture): each for each in table.data.itertuples()}
    assert {name: each.finished for name, each in rows.items()} == {"rnn": 4, "lstm": 4}
    assert (rows["rnn"].failed, rows["lstm"].failed) == (1, 0)
    assert (rows["rnn"].pruned, rows["lstm"].pruned) == (1, 1)
    assert rows["rnn"].hours == pytest.approx(0.05)
    assert rows["lstm"].best_validation == 0.9
    assert rows["lstm"].expected_of_one == pytest.approx(np.mean(SCORES["lstm"]))
    assert "Each architecture got 4 finished trials on recall" in section_of(store).answer
    assert "replaced: 1 (RNN)" in " ".join(section_of(store).remarks)


def test_unequal_trials_are_called_so(tmp_path):
    data = tuned_file(rnn=row(SCORES["rnn"][:3]), lstm=row(SCORES["lstm"]))
    folder = build(tmp_path / "store", {"rnn": [0.5], "lstm": [0.6]}, data=data)
    assert "Not alike: 3 (RNN) and 4 (LSTM) finished trials" in section_of(folder).answer


def test_the_curve_is_the_expected_best_and_the_best_so_far(store):
    data = draw("tuning", View(Results.read(store))).data
    lstm = data[data.architecture == "lstm"]
    assert list(lstm.best_so_far) == [0.4, 0.9, 0.9, 0.9]
    four = sorted(SCORES["lstm"])
    expected = sum(((i + 1) ** 4 - i**4) / 4**4 * value for i, value in enumerate(four))
    assert list(lstm.expected_best)[-1] == pytest.approx(expected)


def test_edges_and_importance_stand_beside_the_values(store):
    table = tabulate("tuning_values", View(Results.read(store)))
    rows = table.data[table.data.architecture == "rnn"].set_index("name")
    assert rows.edge.to_dict() == {"model.dropout": "", "recipe.learning_rate": "high"}
    assert rows.importance.to_dict() == {"model.dropout": 0.2, "recipe.learning_rate": 0.8}
    assert "RNN’s recipe.learning_rate (high)" in " ".join(section_of(store).remarks)


def test_differences_are_paired_by_seed_with_an_interval_over_seeds(store):
    table = tabulate("tuning_effect", View(Results.read(store)))
    rows = table.data.set_index("architecture")
    expected = mean_interval([0.2, 0.21, 0.22], "seeds")
    assert rows.loc["rnn", "difference"] == pytest.approx(0.21)
    assert rows.loc["rnn", ["low", "high"]].tolist() == pytest.approx([expected.low, expected.high])
    assert rows.differs.to_dict() == {"rnn": True, "lstm": False}
    assert not rows.enough.any()
    told = {entries[0].text: entries[-1] for entries in table.rows}
    assert (told["RNN"].text, told["LSTM"].text) == ("open", "open")
    assert "it did so far" in told["RNN"].note


def test_few_seeds_give_no_verdict_and_the_changed_order_is_told(store):
    answer = section_of(store).answer
    assert "So far, with 3 of 12 seeds, it changed RNN on recall (+0.210" in answer
    assert "the order of the means was LSTM > RNN, and is RNN > LSTM" in answer


def test_enough_seeds_give_a_verdict(tmp_path):
    shift = 0.2 + np.linspace(-0.02, 0.02, 12)
    base = np.linspace(0.3, 0.4, 12)
    noise = 0.5 + np.tile([-0.05, 0.05], 6)
    folder = build(
        tmp_path / "store",
        {"rnn": list(base + shift), "lstm": [0.5] * 12},
        {"rnn": list(base), "lstm": list(noise)},
    )
    table = tabulate("tuning_effect", View(Results.read(folder)))
    told = {entries[0].text: entries[-1].text for entries in table.rows}
    assert told == {"RNN": "yes", "LSTM": "no difference seen"}
    assert "Tuning mattered for RNN on recall" in section_of(folder).answer


def test_without_untuned_cells_it_says_that_nothing_is_known(tmp_path):
    folder = build(tmp_path / "store", {"rnn": [0.5], "lstm": [0.6]})
    assert tabulate("tuning_effect", View(Results.read(folder))) is None
    assert "is not known" in section_of(folder).answer


@pytest.mark.parametrize(
    "other",
    [
        {"model": {"dropout": 0.1}, "recipe": {"learning_rates": [0.001, 0.01]}},  # tuned before
        {"model": {"dropout": 0.0, "layers": 2}, "recipe": {"learning_rates": [0.001, 0.01]}},
        {"model": {"dropout": 0.0}, "recipe": {"learning_rates": [0.001, 0.01], "steps": 50}},
    ],
)
def test_only_the_same_cell_without_tuning_is_its_twin(tmp_path, other):
    folder = build(tmp_path / "store", {"rnn": [0.5, 0.6], "lstm": []})
    before = Synthetic(("rnn", "lstm"))
    add(before, {"rnn": [0.1, 0.2]}, other)
    for record in before.records:
        Store(folder).write(record)
    assert View(Results.read(folder)).tuning.effects == []


def test_a_store_without_tuned_values_has_no_such_section(tmp_path, store):
    (store / "tuned.json").unlink()
    view = View(Results.read(store))
    assert [each.anchor for each in sections(view) if each.anchor == "tuning"] == []
    assert draw("tuning", view) is None
    assert [name for name in ("tuning", "tuning_values") if tabulate(name, view)] == []


def test_the_report_is_written_and_its_words_are_escaped(store):
    data = json.loads((store / "tuned.json").read_text())
    data["task"] = "<script>alert(1)</script>"
    (store / "tuned.json").write_text(json.dumps(data))
    page = write(store).read_text("utf-8")
    assert "<script>alert(1)" not in page
    assert 'id="tuning"' in page
    assert (store / "figures" / "tuning_expected.svg").exists()
    assert "Tuned against untuned" in (store / "report.md").read_text("utf-8")
    before = {path: path.read_bytes() for path in store.rglob("*.svg")}
    write(store)
    assert {path: path.read_bytes() for path in store.rglob("*.svg")} == before


def test_a_damaged_record_that_is_not_planned_does_no_harm(store):
    (store / "records" / "0123456789abcdef.json").write_text("{")
    assert len(View(Results.read(store)).tuning.effects) == 2


def test_a_file_of_a_newer_version_is_refused(store):
    (store / "tuned.json").write_text(json.dumps({**tuned_file(), "format": 99}))
    with pytest.raises(BadInput, match="newer"):
        Results.read(store)
