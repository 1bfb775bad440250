"""Formal languages in the report: scores over lengths, solve rates, the paper beside them."""

import json

import pytest

from analysis.figures import draw
from analysis.formal_languages import LANGUAGES, PAPER_SOLVES, published, runs, summaries
from analysis.report import write
from analysis.sections import sections
from analysis.tables import tabulate
from analysis.view import View
from experiments.cell import Cell
from experiments.plans.formal_languages import LANGUAGES as PLANNED
from tests.analysis.synthetic import Synthetic

LENGTHS = (30, 41, 100, 400)  # the first one was trained


def add(made, task, architecture, seed, accuracies, *, converged=True, status="ok", **metrics):
    """Add a run; ``accuracies`` are those at LENGTHS, of more and more positions."""
    made.add(
        Cell(
            measure="train",
            architecture=architecture,
            task=task,
            model={"width": 64},
            data={"train_lengths": [1, 40], **metrics.pop("data", {})},
            seed=seed,
        ),
        status=status,
        block=f"{task} {architecture} {seed}",
        metrics={"converged": converged, "chance": 0.5, "steps": 2000, "test": 0.123, **metrics},
        slices=[
            {
                "split": split,
                "slice": "length",
                "value": length,
                "correct": accuracy * 10 * length,
                "count": 10 * length,
            }
            for split, shift in (("test", 0.0), ("test_teacher_forced", 0.05))
            for length, accuracy in zip(LENGTHS, (x - shift for x in accuracies), strict=True)
        ],
    )


def store():
    made = Synthetic()
    add(made, "parity_check", "lstm", 0, (1.0, 1.0, 0.9, 0.95))
    add(made, "parity_check", "lstm", 1, (1.0, 0.6, 0.5, 0.4))
    add(made, "parity_check", "rnn", 0, (0.9, 0.6, 0.5, 0.5), converged=False)
    add(made, "parity_check", "rnn", 1, (0, 0, 0, 0), status="diverged")
    add(made, "bucket_sort", "transformer", 0, (1.0, 0.9, 0.9, 0.93), guessing=0.895)
    add(made, "odds_first", "transformer", 0, (1.0, 1.0, 1.0, 0.97))
    add(made, "odds_first", "attentional_lstm", 0, (1.0, 0.2, 0.1, 0.0), data={"readout": "decoder"})
    made.recall("lstm", 0, {1: 0.9, 2: 0.8})
    return made


@pytest.fixture(scope="module")
def view():
    return View(store().results())


def test_a_score_is_the_mean_over_untrained_lengths_each_of_equal_weight(view):
    by_pair = summaries(runs(view.results))
    lstm = by_pair["parity_check", "lstm"]
    assert [run.score for run in lstm.runs] == pytest.approx([2.85 / 3, 0.5])
    assert (lstm.best, lstm.mean, lstm.solved) == (pytest.approx(0.95), pytest.approx(0.725), 1)
    assert lstm.unconverged == 0
    rnn = by_pair["parity_check", "rnn"]
    assert (len(rnn.runs), rnn.solved, rnn.unconverged) == (1, 0, 1)  # one diverged


def test_every_planned_language_has_a_level_and_a_verdict_of_the_paper():
    assert set(PLANNED) == set(LANGUAGES)
    assert all(solved <= set(LANGUAGES) for solved in PAPER_SOLVES.values())
    assert published("transformer", "cycle_navigation") == "61.9\u202f%"
    assert published("rnn", "parity_check") == "≥ 90\u202f%"
    assert published("lstm", "duplicate_string") == "< 90\u202f%"


def test_the_table_says_best_mean_and_solve_rate(view):
    table = tabulate("formal_languages", view)
    assert table is not None
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert sum(count for _, count in table.groups) == len(table.columns)
    assert [row[0].text for row in table.rows] == ["parity check", "odds first", "bucket sort"]
    columns = dict(zip(table.headings(), table.rows[0], strict=True))
    lstm = columns["Measured: LSTM"]
    assert (lstm.text, lstm.note, lstm.kind) == ("95.0\u202f%", "72.5\u202f%; 1 of 2", "good")
    rnn = columns["Measured: RNN"]
    assert (rnn.text, rnn.kind) == ("53.3\u202f%", "open")
    assert rnn.note == "53.3\u202f%; 0 of 1*"
    assert columns["Measured: Transformer"].text == "not measured"
    assert columns["Published: LSTM"].text == "≥ 90\u202f%"
    assert columns["guessing"].text == "50\u202f%"
    assert any("attentional LSTM" in note and "decoder" in note for note in table.notes)
    assert len(table.data) == len(table.keys) == 6


def test_the_section_states_solved_rates_differences_and_guessing(view):
    section = next(s for s in sections(view) if s.anchor == "formal-languages")
    assert "LSTM parity check" in section.answer
    assert "RNN none" in section.answer
    said = " ".join(section.remarks)
    assert (
        "Solved by some seeds only: LSTM on parity check (1 of 2, mean 72.5\u202f%, best 95.0\u202f%)"
        in said
    )
    assert "RNN on parity check (best 53.3\u202f%, 1 of 1 seed unconverged)" in said
    assert "here 2,000 at most" in said
    assert "Solved here, not in the paper: Transformer on odds first" in said
    assert "bucket sort (89.5\u202f%)" in said
    assert [table.name for table in section.tables] == ["formal_languages"]
    assert [figure.name for figure in section.figures] == ["formal_languages"]


def test_they_stay_out_of_the_question_of_memory(view):
    memory = next(s for s in sections(view) if s.anchor == "memory")
    drawn = [panel.name for figure in memory.figures for panel in figure.panels]
    assert not [name for name in drawn if any(task in name for task in LANGUAGES)]
    assert "parity" not in memory.answer


def test_a_panel_a_task_in_the_order_of_the_levels(view):
    figure = draw("formal_languages", view)
    assert figure is not None
    assert [panel.name for panel in figure.panels] == [
        "length_generalisation_parity_check",
        "length_generalisation_odds_first",
        "length_generalisation_bucket_sort",
    ]


def test_planned_but_not_finished_says_so():
    made = Synthetic()
    add(made, "parity_check", "rnn", 0, (0, 0, 0, 0), status="missing")
    view = View(made.results())
    assert tabulate("formal_languages", view) is None
    assert draw("formal_languages", view) is None
    sections(view)  # an empty question is left out


def test_their_report_has_a_title_of_its_own(tmp_path):
    made = Synthetic(["rnn"])
    add(made, "parity_check", "rnn", 0, (1.0, 1.0, 1.0, 0.9))
    store = made.write(tmp_path / "store")
    manifest = json.loads((store / "manifest.json").read_text())
    manifest |= {"plan": "formal_languages", "description": "Which rules <hold>?"}
    (store / "manifest.json").write_text(json.dumps(manifest))
    text = write(store).read_text("utf-8")
    assert "<h1>Which rules &lt;hold&gt;?</h1>" in text
    assert "Table 1, with a measured column" not in text
