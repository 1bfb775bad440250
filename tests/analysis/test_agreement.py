"""Agreement in the report: figures, table, section, and nothing of it under another question."""

from pathlib import Path

import pytest

from analysis import report
from analysis.agreement import TASK, only
from analysis.figures import draw
from analysis.sections import sections
from analysis.tables import tabulate
from analysis.view import View
from tests.analysis.agreement_runs import UD, agreement
from tests.analysis.synthetic import Synthetic

PAIRS = {"prep_anim": 0.5, "simple_agrmt": 0.9}
FIGURES = (
    "agreement",
    "agreement_crossed",
    "agreement_corruption",
    "agreement_pairs",
    "agreement_training",
)


def made(data: dict[str, str] | None = None, seeds: int = 2) -> Synthetic:
    found = Synthetic()
    for seed in range(seeds):
        for name, slope in (("rnn", -0.1), ("transformer", -0.01)):
            agreement(
                found,
                name,
                seed,
                lambda d, a, s=slope: 0.95 + s * a,
                lost=0.05,
                pairs=PAIRS,
                data=data,
                baseline=0.62,
            )
    return found


def test_every_figure_is_drawn_with_the_majority_baseline() -> None:
    view = View(made().results())
    drawn = {name: draw(name, view) for name in FIGURES}
    assert all(drawn.values())
    accuracy = drawn["agreement"]
    assert accuracy is not None
    assert [panel.name for panel in accuracy.panels] == [
        "agreement_distance_0",
        "agreement_attractors_0",
    ]
    for panel in accuracy.panels:
        assert "majority 62.0" in panel.svg
    near = accuracy.data[(accuracy.data.slice == "distance") & (accuracy.data.value == 1)]
    assert set(near.accuracy) == {0.95}
    crossed = drawn["agreement_crossed"]
    assert crossed is not None
    # distance 1 has no attractors: nothing to draw there
    assert [panel.title for panel in crossed.panels] == [
        "generated: distance 4",
        "generated: distance 16",
    ]
    lost = drawn["agreement_corruption"]
    assert lost is not None
    assert len(lost.panels) == 3
    assert set(lost.data[lost.data.share == 0.2].lost.round(6)) == {0.1}
    pairs = drawn["agreement_pairs"]
    assert pairs is not None
    assert "prep anim" in pairs.panels[0].svg


def test_buckets_of_a_corpus_have_names() -> None:
    figure = draw("agreement", View(made(UD).results()))
    assert figure is not None
    assert "3–4" in figure.panels[0].svg
    assert "9–16" in figure.panels[0].svg
    assert "4+" in figure.panels[1].svg


def test_the_table_has_the_numbers() -> None:
    table = tabulate("agreement", View(made().results()))
    assert table is not None
    rnn = table.data[table.data.architecture == "rnn"].iloc[0]
    assert rnn.seeds == 2
    assert rnn.majority == 0.62
    assert rnn.slope == pytest.approx(-0.1, abs=1e-3)
    assert rnn.lost == pytest.approx(0.05 * 7 / 6)
    assert rnn.lost_cut == pytest.approx(0.1)
    assert rnn.minimal_pairs == pytest.approx(0.7)
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert sum(count for _, count in table.groups) == len(table.columns)


@pytest.mark.parametrize(("seen", "shown"), [(30, "7.5"), (0, "0.0"), (None, "–")])
def test_leaked_sentences_stand_beside_the_accuracy(seen: int | None, shown: str) -> None:
    found = Synthetic()
    agreement(found, "lstm", 0, lambda d, a: 0.9, data=UD, seen=seen)
    view = View(found.results())
    table = tabulate("agreement", view)
    assert table is not None
    place = [column.label for column in table.columns].index("seen")
    assert table.rows[0][place].text.startswith(shown)
    (section,) = sections(view)
    told = [text for text in section.remarks if "in the training split too" in text]
    assert len(told) == bool(seen)
    assert all("7.5" in text for text in told)


def test_without_corrupted_input_and_pairs_the_rest_is_shown() -> None:
    found = Synthetic()
    agreement(found, "lstm", 0, lambda d, a: 0.9, distances=False)
    view = View(found.results())
    assert [draw(name, view) is not None for name in FIGURES] == [True, False, False, False, True]
    table = tabulate("agreement", view)
    assert table is not None
    assert "minimal pairs" not in [column.label for column in table.columns]


def test_an_agreement_store_has_this_section_alone() -> None:
    (section,) = sections(View(made().results()))
    assert section.anchor == "agreement"
    assert [figure.name for figure in section.figures] == list(FIGURES)
    assert "RNN" in section.answer
    assert "62.0" in section.answer
    assert any("−0.100 (RNN)" in remark for remark in section.remarks)


def test_beside_other_tasks_nothing_is_drawn_twice() -> None:
    found = made()
    for name in ("rnn", "transformer"):
        found.recall(name, 0, {1: 0.9, 64: 0.3})
    view = View(found.results())
    by_anchor = {section.anchor: section for section in sections(view)}
    memory = by_anchor["memory"]
    assert {panel.name for figure in memory.figures for panel in figure.panels} >= {
        "accuracy_recall_distance"
    }
    for figure in memory.figures:
        assert not any(TASK in panel.name for panel in figure.panels)
    assert "agreement" not in memory.answer
    names = [f.name for section in by_anchor.values() for f in section.figures]
    assert len(names) == len(set(names))
    assert only(view, ("nothing",), inside=False) is view


def test_a_store_without_agreement_has_no_such_section() -> None:
    found = Synthetic()
    found.recall("rnn", 0, {1: 0.9, 64: 0.3})
    view = View(found.results())
    assert "agreement" not in [section.anchor for section in sections(view)]
    assert all(draw(name, view) is None for name in FIGURES)
    assert tabulate("agreement", view) is None


def test_markup_in_a_name_is_escaped(tmp_path: Path) -> None:
    store = made({"corpus": "<b>bold</b>", "content": "0"}).write(tmp_path / "store")
    page = report.write(store).read_text(encoding="utf-8")
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
