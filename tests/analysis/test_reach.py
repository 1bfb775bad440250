"""How far encoders see, in the report: figures, tables and the section."""

import math
import xml.etree.ElementTree as ET

import pytest

from analysis.figures import draw
from analysis.reach import described, encoders, sight
from analysis.sections import sections
from analysis.tables import tabulate
from analysis.variants import first_settings
from analysis.view import View
from tests.analysis.reach_runs import CHANCE, CONTIGUOUS, OFFSETS, ReachRuns, whole_store
from tests.analysis.synthetic import Synthetic


def text_of(panel):
    root = ET.fromstring(panel.svg)
    return " ".join("".join(node.itertext()).strip() for node in root.iter() if "text" in node.tag)


@pytest.fixture(scope="module")
def view():
    return View(whole_store())


@pytest.mark.parametrize(
    ("architecture", "model", "expected"),
    [
        ("conv", {}, (4, 4)),
        ("conv", {"kernel_size": 5, "layers": 3}, (6, 6)),
        ("conv", {"kernel_size": 3, "layers": 3, "dilated": True}, (13, 13)),
        ("local_transformer", {}, (32, 32)),
        ("local_transformer", {"window": 5, "layers": 4}, (8, 8)),
        ("gru", {}, (math.inf, 0)),
        ("gru", {"bidirectional": True}, (math.inf, math.inf)),
        ("mine", {}, (None, None)),
    ],
)
def test_sight_is_the_textbooks(architecture, model, expected):
    assert sight(architecture, model) == expected


@pytest.mark.parametrize(
    ("architecture", "model"),
    [
        ("conv", {"kernel_size": 5, "layers": 3}),
        ("conv", {"kernel_size": 3, "layers": 3, "dilated": True}),
        ("local_transformer", {"window": 5, "layers": 4}),
        ("local_transformer", {}),
        ("conv", {}),
    ],
)
def test_sight_is_what_the_models_say_of_themselves(architecture, model):
    from models.registry import architecture as find
    from models.registry import config_for

    kind = find(architecture)
    assert sight(architecture, model)[0] == kind.receptive_field(config_for(kind, model)) - 1


def test_encoders_come_in_legend_order_with_their_runs(view):
    found = encoders(view.results)
    assert [one.label for one in found][:4] == [
        *("conv (4 layers, k = 3)", "conv (2 layers, k = 3, gaps)"),
        *("local Transformer (2 layers, r = 5)", "local Transformer (2 layers, r = 9)"),
    ]
    assert described("mine", {}) == ""
    first = found[0]
    assert (first.inside, first.beyond) == ([1, 2, 4], [5, 8, 9])
    assert [run.seed for run in first.runs] == [0, 1, 2]
    assert all(run.gradients is not None for run in first.runs)
    assert found[4].beyond == list(OFFSETS), "forward: nothing to the right"
    assert found[5].inside == list(OFFSETS)
    assert encoders(Synthetic().results()) == []


def test_a_panel_an_architecture_with_every_encoder_in_it(view):
    figure = draw("accuracy_by_offset", view)
    assert figure is not None
    assert [panel.title for panel in figure.panels] == ["conv", "local Transformer", "LSTM"]
    assert "4 layers, k = 3" in text_of(figure.panels[0])
    assert "2 layers, k = 3, gaps" in text_of(figure.panels[0])
    record = view.results.records[figure.data.key.iloc[0]]
    row = next(r for r in record.slices if r["value"] == figure.data.offset.iloc[0])
    assert figure.data.accuracy.iloc[0] == row["correct"] / row["count"]
    assert set(figure.keys) <= set(view.results.records)


def test_gradients_are_drawn_before_and_after_training(view):
    figure = draw("receptive_field", view)
    assert figure is not None
    assert [panel.title for panel in figure.panels][:2] == [
        "conv: at initialisation",
        "conv: after training",
    ]
    assert len(figure.panels) == 2 * 3
    conv = figure.data[figure.data.encoder == "conv (4 layers, k = 3)"]
    assert conv[conv.share > 0].distance.abs().max() == 4
    assert conv.share.max() == 1


def test_tables_hold_theory_beside_what_was_measured(view):
    table = tabulate("reach", view)
    assert table is not None
    assert set(table.keys) <= set(view.results.records)
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert sum(count for _, count in table.groups) == len(table.columns)
    conv, forward = table.rows[0], table.rows[4]
    texts = [entry.text.replace("\u202f", " ") for entry in conv]
    assert texts == [
        *("conv (4 layers, k = 3)", "4", "99.0 %", "99.0 %", "25.0 %"),
        *("9", "5", "7", "8,800", "3 of 3"),
    ]
    assert conv[2].note == "1 to 4"
    assert [entry.text for entry in forward][:4] == ["LSTM (forward)", "0", "–", "–"]
    layers = tabulate("layers_needed", view)
    assert layers is not None
    assert {len(row) for row in layers.rows} == {len(layers.columns)}
    dilated = next(row for row in layers.rows if row[0].text == "conv, k = 3, gaps")
    assert [entry.text for entry in dilated] == ["conv, k = 3, gaps", "1", "4", "13", "5", "7"]
    contiguous = layers.rows[0]
    assert [entry.text for entry in contiguous] == ["conv, k = 3", "1", "2", "3", "100", "1,000"]


def test_a_reach_that_is_not_the_formulas_is_marked():
    made = ReachRuns()
    made.field("conv", 7, kernel_size=3, layers=2)
    table = tabulate("layers_needed", View(made.results()))
    assert table is not None
    entry = table.rows[0][1]
    assert (entry.text, entry.note, entry.kind) == ("7", "theory 2", "bad")


def test_the_section_sees_every_setting(view):
    (section,) = sections(first_settings(view), view)
    assert section.anchor == "reach"
    assert "as far as they see: conv (4 layers, k = 3) to 4; conv (2 layers, k = 3, gaps) to 4" in (
        section.answer.replace("\u202f", " ")
    )
    assert "At none: LSTM (forward)" in section.answer
    remarks = " ".join(section.remarks)
    assert "5 encoders" in remarks
    assert "conv (4 layers, k = 3) 5 at initialisation and 7 after training, of 9" in remarks
    assert [figure.name for figure in section.figures] == ["accuracy_by_offset", "receptive_field"]
    assert [table.name for table in section.tables] == ["reach", "layers_needed"]


def test_what_is_seen_and_not_answered_is_told():
    made = ReachRuns()
    made.encoder("conv", 0.99, CHANCE, seeds=2, edge=CHANCE, **CONTIGUOUS)
    made.encoder("gru", 0.5, CHANCE, seeds=2, bidirectional=True)
    (section,) = sections(View(made.results()))
    assert "conv (4 layers, k = 3) at 4" in " ".join(section.remarks)
    assert "At some offsets in sight: conv (4 layers, k = 3) at 1 and 2" in section.answer
    assert "At none: GRU (bidirectional)" in section.answer


def test_a_store_of_fields_alone_says_what_it_does_not_answer():
    made = ReachRuns()
    made.fields("conv", "kernel_size")
    (section,) = sections(View(made.results()))
    assert section.answer == "No record of this store answers this question."
    assert [table.name for table in section.tables] == ["layers_needed"]
