"""Rows of table 3 as analysis reads, tabulates, draws and tells them."""

from pathlib import Path

import pytest

from analysis import report
from analysis.ablation import ablations, described
from analysis.claims import order
from analysis.figures import draw
from analysis.sections_ablation import ablation as section
from analysis.tables import tabulate
from analysis.tables.latex import latex
from analysis.variants import first_settings
from analysis.view import View
from tests.analysis.ablation_runs import BASE, ROWS, ablation
from tests.analysis.synthetic import Synthetic


def test_rows_have_their_letters_and_the_base_is_planned_first() -> None:
    (one,) = ablations(ablation(seeds=2).results())
    assert (one.label, one.trained_to, one.margin) == ("reversal", 12, 0.02)
    assert one.base.options["width"] == BASE["width"]
    letters = "".join(row.letter for row in one.rows)
    assert letters == "AAA" + "BB" + "C" * 6 + "D" * 4 + "E" * 4
    assert [row.words for row in one.rows if row.letter in "BE"] == [
        *("keys of width 2", "keys of width 4"),
        *("learned positions", "no positions", "rotary positions", "ALiBi"),
    ]
    assert [row.options["heads"] for row in one.along("heads")] == [1, 2, 4, 8]
    assert one.of("positions", "sinusoidal") is one.base
    assert one.of("positions", "unheard") is None


def test_a_score_is_that_of_trained_lengths() -> None:
    (one,) = ablations(ablation({("heads", 1): 0.6}, beyond={("heads", 1): 0.3}, seeds=1).results())
    row = one.of("heads", 1)
    assert row is not None
    run = row.runs[0]
    assert run.score == pytest.approx(0.6, abs=0.01)
    assert run.beyond == pytest.approx(0.3, abs=1e-3)
    (translated,) = ablations(ablation(translated=True, seeds=1).results())
    assert translated.base.runs[0].score == pytest.approx(80, abs=1)
    assert translated.base.runs[0].beyond is None
    assert translated.margin == 1.0


def test_two_options_changed_at_once_are_no_row_and_two_letters_no_ablation() -> None:
    rows = [*ROWS, {"heads": 2, "layers": 1}, {"width": 64, "feedforward": 256}, {"norm": "post"}]
    (one,) = ablations(ablation(rows=rows, seeds=1).results())
    assert len(one.all_rows) == len(ROWS)
    few = [row for row in ROWS if set(row) <= {"heads", "key_width"}]
    assert ablations(ablation(rows=few, seeds=1).results()) == []
    assert ablations(Synthetic().results()) == []


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("heads", 1, "1 head"),
        ("layers", 4, "4 layers"),
        ("dropout", 0.0, "dropout 0"),
        ("label_smoothing", 0.2, "label smoothing 0.2"),
        ("feedforward", 64, "feed-forward width 64"),
    ],
)
def test_options_in_words(option: str, value: object, words: str) -> None:
    assert described(option, value) == words


def test_the_table_has_the_rows_of_table_3() -> None:
    made = ablation({("positions", "none"): 0.3, ("layers", 4): 0.9}, missing=[("heads", 8)])
    table = tabulate("ablation", View(made.results()))
    assert table is not None
    rows = {row[1].text: [entry.text for entry in row] for row in table.rows}
    assert len(rows) == len(ROWS)
    assert rows["nothing"][0] == "base"
    assert rows["no positions"][0] == "(E)"
    assert rows["no positions"][4].startswith("−50.")
    assert rows["4 layers"][4].startswith("+10.")
    assert rows["8 heads"][-1] == "11"
    kinds = {row[1].text: row[4].kind for row in table.rows}
    assert kinds["no positions"] == "bad"
    assert kinds["4 layers"] == "good"
    assert all(row[3].note for row in table.rows), "an interval beside every score"
    assert "2 layers, width 32, feed-forward width 128, 4 heads" in table.caption
    assert len(table.data) == 12 * len(ROWS) - 1
    assert r"\toprule" in latex(table)
    assert tabulate("ablation", View(Synthetic().results())) is None


def test_a_table_of_bleu_has_no_lengths_and_one_seed_no_interval() -> None:
    table = tabulate("ablation", View(ablation(translated=True, seeds=1).results()))
    assert table is not None
    assert "BLEU" in [column.label for column in table.columns]
    assert "Longer" not in [column.label for column in table.columns]
    assert table.rows[0][3].note == ""


def test_the_figure_has_distances_and_offsets_of_every_module() -> None:
    figure = draw("heads", View(ablation(seeds=2).results()))
    assert figure is not None
    assert len(figure.panels) == 6
    assert "Encoder self-attention" in figure.panels[0].svg
    assert "8 heads" in figure.panels[0].svg
    assert "1 heads" not in figure.panels[0].svg
    offsets = figure.data[figure.data.offset.notna()]
    assert set(offsets["heads"]) == {4}
    assert offsets.groupby(["module", "layer", "head"]).share.sum().eq(1).all()
    assert draw("heads", View(ablation(heads=False).results())) is None


def test_the_section_names_what_matters() -> None:
    made = ablation({("positions", "none"): 0.3}, beyond={("positions", "rotary"): 0.6})
    found = section(View(made.results()))
    assert found is not None
    assert "of 19 changes to the base" in found["answer"]
    assert "from it beyond the seeds’ spread" in found["answer"]
    assert "is lost by no positions (−50." in found["answer"]
    assert found["remarks"][0].startswith("At longer strings than any trained one (12)")
    assert "rotary 60" in found["remarks"][0]
    assert "0.40 bits apart on average, 0.05 before training" in found["remarks"][1]
    alone = section(View(ablation(seeds=1).results()))
    assert alone is not None
    assert "none can be told from chance: each has one seed" in alone["answer"]
    assert section(View(Synthetic().results())) is None


def test_elsewhere_the_base_alone_is_shown_and_its_recipe_is_kept_apart() -> None:
    view = View(ablation(seeds=2).results())
    usual = first_settings(view)
    assert len(usual.frame("train")) == 2
    assert {record.cell.model["width"] for record in usual.records} == {32}
    # the claim on order finds the base, and not a mix of recipes
    made = ablation({("positions", "none"): 0.3})
    verdict = order.verdict(made.results())
    task = next(part for part in verdict.parts if part.claim.id == "T3.task")
    assert (task.seeds, task.verdict) == (12, "supported")
    (one,) = ablations(made.results())
    none = one.of("positions", "none")
    assert none is not None
    assert set(task.evidence) == {*one.base.keys, *none.keys}


def test_the_report_shows_it(tmp_path: Path) -> None:
    store = ablation({("positions", "none"): 0.3}, seeds=3).write(tmp_path / "store")
    report.write(store, tmp_path / "report")
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "Which of a Transformer’s options matter?" in page
    assert "| (E) | no positions |" in page
    assert (tmp_path / "report" / "tables" / "ablation.csv").exists()
    assert (tmp_path / "report" / "tables" / "ablation.tex").exists()
    assert (tmp_path / "report" / "figures" / "heads.csv").exists()
