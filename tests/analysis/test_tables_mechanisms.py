"""Tables ``memory_tasks`` and ``learning_rates``, and their section, say what the records hold."""

import math
from pathlib import Path
from typing import Any

import pytest

from analysis import report
from analysis.sections_mechanisms import mechanisms
from analysis.tables import tabulate
from analysis.tables.base import Table
from analysis.variants import first_settings
from analysis.view import View
from experiments.cell import Cell
from tests.analysis.synthetic import Synthetic
from tests.analysis.test_claims_mechanisms import NARROW, RATES, WIDE, ladders, networks

MEMORYLESS = 10 * math.log(8) / 120


def memory(
    made: Synthetic, task: str, bias: str, losses: list[float], converged: bool, **data: Any
) -> None:
    """Add LSTMs whose loss is a multiple of that of remembering nothing."""
    for seed, share in enumerate(losses):
        copying = task == "copy_memory"
        metrics = (
            {"test": 0.9, "test_loss": share * MEMORYLESS, "memoryless_loss": MEMORYLESS, "chance": 0.9}
            if copying
            else {"test": share / 6, "test_loss": share / 6, "chance": 1 / 6}
        )
        made.add(
            Cell(
                measure="train",
                architecture="lstm",
                task=task,
                model={"forget_bias": bias},
                data=data,
                seed=seed,
            ),
            block=f"{task} {bias} {seed}",
            metrics={**metrics, "converged": converged},
        )


@pytest.fixture
def view() -> View:
    made = Synthetic()
    memory(made, "adding", "one", [0.5, 1.0], False, length=200, objective="regression")
    memory(made, "adding", "one", [0.4], True, length=9, objective="classification")
    memory(made, "copy_memory", "one", [1.0, 1.0], True, distances=[100], scored="all")
    memory(made, "copy_memory", "zero", [1.02, 1.0], False, distances=[100], scored="all")
    memory(made, "copy_memory", "chrono", [0.1, 0.2], True, distances=[100], scored="all")
    return View(made.results())


def made_table(name: str, view: View) -> Table:
    table = tabulate(name, view)
    assert table is not None
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert set(table.keys) <= set(view.results.records)
    return table


def test_losses_stand_beside_those_of_remembering_nothing(view: View) -> None:
    table = made_table("memory_tasks", view)
    rows = {(row[0].text, row[1].note): row for row in table.rows}
    assert list(rows)[-1] == ("adding", "forget bias one"), "classes have no such loss"
    assert len(rows) == 4
    one, zero, chrono = (rows["copy memory", f"forget bias {b}"] for b in ("one", "zero", "chrono"))
    assert one[0].note == "T = 100; all scored"
    assert [row[4].text for row in (one, zero, chrono)] == ["1.00", "1.01", "0.15"]
    assert float(one[3].text) == pytest.approx(MEMORYLESS, rel=1e-2)
    assert [row[5].text for row in (one, zero, chrono)] == ["2 of 2", "0 of 2", "2 of 2"]
    assert [row[6].text for row in (one, zero, chrono)] == ["not at this budget", "not yet", "yes"]
    adding = rows["adding", "forget bias one"]
    assert (adding[6].text, adding[6].note) == ("some", "1 of 2 seeds")
    assert set(table.data.memoryless_loss.round(6)) == {round(MEMORYLESS, 6), round(1 / 6, 6)}


def test_each_rate_of_a_ladder_has_its_score() -> None:
    cells = {("pre", 50): WIDE, ("none", 50): NARROW, ("none", 0): ()}
    table = made_table("learning_rates", View(ladders(cells, seeds=2, diverged=True).results()))
    assert table.headings()[2:] == [f"Peak learning rate: {rate:g}" for rate in RATES]
    texts = [[entry.text for entry in row] for row in table.rows]
    assert texts == [
        ["normalised before each sub-layer", "50 steps", "diverged", *["0.81"] * 3, "diverged"],
        ["without normalisation", "50 steps", "diverged", "0.81", *["diverged"] * 3],
    ]
    assert tabulate("learning_rates", View(Synthetic().results())) is None


def test_the_report_has_a_section_of_parts_that_sees_every_setting(tmp_path: Path) -> None:
    made = networks(0.3)
    memory(made, "copy_memory", "one", [1.0], True, distances=[100], scored="all")
    memory(made, "copy_memory", "chrono", [0.1], True, distances=[100], scored="all")
    view = View(made.results())
    shown = first_settings(view).frame("train")
    networked = shown[shown.architecture == "transformer"]
    assert set(networked.test.round(1)) == {0.8}, "one recipe, and a network of 0 is another setting"
    section = mechanisms(view)
    assert section is not None
    assert "the feed-forward network (T6)" in section["answer"]
    assert mechanisms(View(Synthetic().results())) is None
    report.write(made.write(tmp_path / "store"), tmp_path / "report")
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "What does each part of the Transformer do?" in page
    assert "forget bias chrono" in page
