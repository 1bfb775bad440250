"""Accuracy by tested length, the trained range beside it."""

import re

import pytest

from analysis.figures import draw
from analysis.sections import sections
from analysis.view import View
from experiments.cell import Cell
from tests.analysis.synthetic import CHANCE, Synthetic

LENGTHS = {8: 1.0, 16: 0.98, 24: 0.6, 32: 0.3}


def add(made, architecture, seed, accuracies, data=None):
    made.add(
        Cell(
            measure="train",
            architecture=architecture,
            task="reversal",
            model={"width": 64},
            data=data or {"train_lengths": [4, 16]},
            seed=seed,
        ),
        block=f"reversal {architecture} {seed}",
        metrics={"test": 0.7, "converged": True, "chance": CHANCE},
        slices=[
            {"split": "test", "slice": "length", "value": n, "correct": 1000 * share, "count": 1000}
            for n, share in accuracies.items()
        ],
    )


@pytest.fixture(scope="module")
def view():
    made = Synthetic()
    for seed in range(2):
        add(made, "lstm", seed, LENGTHS)
        add(made, "transformer", seed, {n: share**2 for n, share in LENGTHS.items()})
    made.recall("lstm", 0, {1: 0.9, 2: 0.8})
    return View(made.results())


def test_each_tested_length_is_told_apart_from_the_trained_ones(view):
    figure = draw("length_generalisation", view)
    assert figure is not None
    assert [panel.name for panel in figure.panels] == ["length_generalisation_reversal"]
    lstm = figure.data[(figure.data.architecture == "lstm") & (figure.data.seed == 0)]
    assert dict(zip(lstm.value, lstm.trained, strict=True)) == {8: True, 16: True, 24: False, 32: False}
    assert dict(zip(lstm.value, lstm.accuracy, strict=True)) == pytest.approx(LENGTHS)


def test_the_trained_range_is_shaded_and_ends_where_training_did(view):
    figure = draw("length_generalisation", view)
    wider = Synthetic()
    for seed in range(2):
        add(wider, "lstm", seed, LENGTHS, {"train_lengths": [4, 32]})
    other = draw("length_generalisation", View(wider.results()))

    def shade(panel):
        # the only filled shape in the colour of the shading
        (path,) = re.findall(r'<path d="([^"]*)"[^>]*style="fill: #0072b2; opacity: 0.08', panel.svg)
        return max(float(x) for x in re.findall(r"[ML] ([\d.]+)", path))

    assert shade(figure.panels[0]) < shade(other.panels[0])


def test_it_stands_beside_accuracy_by_distance_not_in_it(view):
    memory = next(section for section in sections(view) if section.anchor == "memory")
    names = [figure.name for figure in memory.figures]
    assert "length_generalisation" in names
    distance = draw("accuracy_by_distance", view)
    assert distance is not None
    assert set(distance.data.task) == {"recall"}


def test_without_a_trained_range_lengths_are_drawn_as_before():
    made = Synthetic()
    for seed in range(2):
        made.copying("lstm", seed, LENGTHS, LENGTHS)
    view = View(made.results())
    assert draw("length_generalisation", view) is None
    assert draw("accuracy_by_distance", view) is not None
