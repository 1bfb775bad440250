import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from analysis.claims import verdicts
from analysis.figures import FIGURES, draw
from analysis.figures.flops import crossings
from analysis.load import Results
from analysis.style import styles
from analysis.tables import TABLES
from analysis.view import View
from experiments.plans import PLANS
from models import lookup
from tests.analysis.table1_store import ARCHITECTURES, build


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return build(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def view(store):
    return View(Results.read(store))


@pytest.fixture(scope="module")
def figures(view):
    return {name: figure for name in FIGURES if (figure := draw(name, view)) is not None}


def text_of(panel):
    root = ET.fromstring(panel.svg)
    return " ".join(
        "".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("text")
    )


OTHERS = {"step_time", "exposure_gap", "tuning", "pretraining"}


def test_every_figure_but_the_unmeasured_one_is_drawn(figures):
    # no whole model at a fixed batch there, no decoder by target length, nothing of language, nothing
    # is tuned, no encoder was asked how far it sees, no head what it attends to,
    # and nothing was trained before
    language = {"bleu_by_length", "bleu_by_cost", "translation_training", "attention_maps"}
    language |= {name for name in FIGURES if name.startswith(("agreement", "formal"))}
    sight = {"accuracy_by_offset", "receptive_field", "length_generalisation", "heads", "pretraining"}
    assert set(figures) == set(FIGURES) - OTHERS - language - sight


def test_every_panel_is_wellformed_and_says_what_its_axes_are(figures):
    for figure in figures.values():
        for panel in figure.panels:
            assert panel.title in text_of(panel)
        assert figure.caption
        assert len(figure.data)


def test_every_figure_names_its_records(figures, view):
    known = {record.key for record in view.records}
    for figure in figures.values():
        assert figure.keys
        assert set(figure.keys) <= known
        assert set(figure.data.key) <= set(figure.keys)


def test_panel_names_are_unique(figures):
    names = [panel.name for figure in figures.values() for panel in figure.panels]
    assert len(names) == len(set(names))


def test_a_legend_names_every_architecture_with_its_kernel(figures):
    text = text_of(figures["throughput"].panels[0])
    for label in (
        "RNN (C++ loop)",
        "LSTM (fused)",
        "attentional LSTM (fused)",
        "Transformer (explicit)",
    ):
        assert label in text


def test_chance_is_drawn(figures):
    assert "chance 10.0" in text_of(figures["accuracy_by_distance"].panels[0])


def test_convergence_and_learning_rate_stand_at_the_training_curve(figures):
    panel = next(p for p in figures["training_curves"].panels if p.name == "training_recall_lstm")
    assert "lr 0.003; 2 of 3 converged" in text_of(panel)


def test_a_cell_without_a_number_is_drawn_as_what_it_is(figures):
    assert any("out of memory" in text_of(panel) for panel in figures["memory"].panels)


def test_points_are_the_records(figures, view):
    data = figures["accuracy_by_distance"].data
    record = next(r for r in view.records if r.key == data.key.iloc[0])
    row = next(r for r in record.slices if r["value"] == data.value.iloc[0])
    assert data.accuracy.iloc[0] == row["correct"] / row["count"]


def test_nothing_is_drawn_from_nothing():
    empty = View(Results({}, []))
    assert [name for name in FIGURES if draw(name, empty) is not None] == []


def test_plans_ask_for_figures_and_tables_that_exist():
    for target in PLANS.values():
        plan = lookup.find(target, {}, "", "plan")
        assert set(plan.figures) <= set(FIGURES), plan.name
        assert set(plan.tables) <= set(TABLES), plan.name


def test_verdicts_lead_to_figures_that_exist(store):
    def figures_of(verdict):
        return {verdict.figure}.union(*(figures_of(part) for part in verdict.parts))

    found = set().union(*(figures_of(verdict) for verdict in verdicts(Results.read(store))))
    assert {"gradient_profile", "depth", "memory"} <= found
    assert found - {""} <= set(FIGURES)


def test_crossings_lie_where_the_laws_meet():
    n = np.array([16, 32, 64, 128, 256])
    rows = pd.DataFrame(
        {
            "architecture": ["a"] * 5 + ["b"] * 5,
            "part": "layer",
            "n": [*n, *n],
            "forward": [*(96 * n), *(n * n)],
        }
    )
    ((at, value, _),) = crossings(rows, "forward")
    assert at == pytest.approx(96, rel=1e-6)
    assert value == pytest.approx(96 * 96, rel=1e-6)


def test_looks_differ_and_follow_legend_order():
    looks = styles([*ARCHITECTURES, "a.b:Mine", "other:Mine"])
    assert list(looks) == [*ARCHITECTURES, "a.b:Mine", "other:Mine"]
    assert len({look.colour for look in looks.values()}) == len(looks)
    assert len({look.marker for look in looks.values()}) == len(looks)
    assert looks["attentional_lstm"].label == "attentional LSTM"
    assert [looks[name].label for name in ("a.b:Mine", "other:Mine")] == ["a.b:Mine", "other:Mine"]
    assert styles(ARCHITECTURES)["lstm"] == looks["lstm"]
