import re

import numpy as np
import pandas as pd
import pytest

from analysis.exponents import exponent
from analysis.load import Results
from analysis.tables import TABLES, tabulate
from analysis.tables.paper import affine, flop_formula
from analysis.tables.scaling import crossing
from analysis.view import View
from tests.analysis.synthetic import Synthetic
from tests.analysis.table1_store import build


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    return View(Results.read(build(tmp_path_factory.mktemp("store"))))


def entry(table, architecture, part, column):
    row = next(r for r in table.rows if r[0].text.endswith(architecture) and r[0].note == part)
    return row[column]


def rows_of(view, measure, architecture, part):
    frame = view.frame(measure)
    return frame[(frame.architecture == architecture) & (frame.part == part) & (frame.status == "ok")]


@pytest.mark.parametrize(
    ("architecture", "label", "part"),
    [
        ("rnn", "RNN", "recurrent"),
        ("attentional_lstm", "attentional LSTM", "recurrent_attention"),
        ("transformer", "Transformer", "attention"),
    ],
)
def test_table_1_says_what_the_records_hold(view, architecture, label, part):
    table = tabulate("table1", view)
    shown = part.replace("_", " ")
    counted = rows_of(view, "flops", architecture, part)
    by_n = counted[counted.width == 64].sort_values("n").tail(3)
    by_d = counted[counted.n == 256].sort_values("width").tail(3)
    law = entry(table, label, shown, 2).text.replace("·", "*").replace("²", "**2")
    assert [eval(law, {"n": n, "d": d}) for n, d in zip(counted.n, counted.width, strict=True)] == list(
        counted.forward
    )
    found = re.findall(r"\^([\d.]+)", entry(table, label, shown, 2).note)
    expected = [
        np.polyfit(np.log(rows[x]), np.log(rows.forward), 1)[0]
        for rows, x in ((by_n, "n"), (by_d, "width"))
    ]
    assert [float(text) for text in found] == pytest.approx(expected, abs=0.005)

    timed = rows_of(view, "step_time", architecture, part)
    timed = timed[(timed.comparison == "fixed_batch") & (timed.width == 64)]
    lines = entry(table, label, shown, 3).text.splitlines()
    assert len(lines) == timed.kernel.nunique()
    for text in lines:
        kernel, value, low, high = re.match(
            r"([\w+ ]+): n\^([\d.]+) \[([\d.]+),\s([\d.]+)\]", text
        ).groups()
        mine = timed[timed.kernel == kernel].sort_values("n").drop_duplicates("n").tail(3)
        slope = np.polyfit(np.log(mine.n), np.log(mine.seconds), 1)[0]
        assert float(value) == pytest.approx(slope, abs=0.005)
        assert float(low) <= float(value) <= float(high)

    depth = rows_of(view, "depth", architecture, part)
    law = entry(table, label, shown, 5).text.replace("·", "*")
    assert [eval(law, {"n": n}) for n in depth.n] == list(depth.forward)
    path = rows_of(view, "path", architecture, part)
    law = entry(table, label, shown, 7).text
    assert [eval(law, {"k": k}) for k in path.n] == list(path.updates)


def test_table_1_keeps_legend_order_and_its_first_part_first(view):
    names = [row[0].text for row in tabulate("table1", view).rows]
    assert names == [
        "RNN",
        "LSTM",
        "attentional LSTM",
        "↳ attentional LSTM",
        "Transformer",
        "↳ Transformer",
    ]


OF_LANGUAGE = {"translation", "significance", "scan", "samples", "agreement", "formal_languages"}
OF_TUNING = {"tuning", "tuning_values", "tuning_effect"}
OF_SIGHT = {"reach", "layers_needed"}
OF_OPTIONS = {"ablation", "learning_rates", "memory_tasks"}


def test_every_table_has_as_many_entries_as_columns_and_names_its_cells(view):
    check_tables(view, set(TABLES) - OF_LANGUAGE - OF_TUNING - OF_SIGHT - OF_OPTIONS)


def check_tables(view, names):
    """Assert that a store gives these tables and no others, and that each is whole."""
    known = {record.key for record in view.records}
    found = {name: table for name in TABLES if (table := tabulate(name, view)) is not None}
    assert set(found) == set(names)
    for name, table in found.items():
        assert {len(row) for row in table.rows} == {len(table.columns)}, name
        assert not table.groups or sum(count for _, count in table.groups) == len(table.columns)
        assert len(table.headings()) == len(table.columns)
        assert set(table.keys) <= known
        assert table.keys
        assert len(table.data)


def test_no_table_is_made_from_nothing():
    empty = View(Results({}, []))
    assert [name for name in TABLES if tabulate(name, empty) is not None] == []


def test_exponent_takes_the_large_end_and_covers_rounds():
    sizes = np.array([1.0, 2, 4, 8, 16])
    values = sizes**2
    values[0] = 1000.0  # a fixed cost at the small end
    times = [[v * f for f in (0.9, 1.0, 1.1)] for v in values]
    rows = pd.DataFrame(
        {"n": sizes, "seconds": values, "times": times, "status": "ok", "key": list("abcde")}
    )
    fit = exponent(rows, "n", "seconds")
    assert fit.value == pytest.approx(2.0)
    assert (fit.low, fit.high) == pytest.approx((2.0, 2.0))
    assert (fit.first, fit.last, fit.rounds, fit.keys) == (4.0, 16.0, 3, ("c", "d", "e"))
    steeper = rows.assign(times=[[v, v * n**0.2] for v, n in zip(values, sizes, strict=True)])
    wide = exponent(steeper, "n", "seconds")
    half = 12.7062 * 0.2 / 2  # Student's t with one degree of freedom, times the standard error
    assert (wide.low, wide.high) == pytest.approx((2.1 - half, 2.1 + half), abs=1e-3)
    assert exponent(rows.head(1), "n", "seconds") is None
    assert exponent(rows.assign(status="out_of_memory"), "n", "seconds") is None


@pytest.mark.parametrize(
    ("ys", "text"),
    [
        ([21, 37, 69], "8·n + 5"),
        ([12, 12, 12], "12"),
        ([2, 4, 8], "n"),
        ([1, 3, 7], "n − 1"),
        ([1, 2, 5], None),
    ],
)
def test_affine_reads_an_exact_law(ys, text):
    rows = pd.DataFrame({"n": [2, 4, 8], "forward": ys, "status": "ok"})
    assert affine(rows, "n", "forward") == text


def test_affine_refuses_what_is_not_exact():
    rows = pd.DataFrame({"n": [2, 4, 8], "forward": [2, 4, 9], "status": "ok"})
    assert affine(rows, "n", "forward") is None


def test_spans_are_those_of_the_slices(view):
    table = tabulate("spans", view)
    rows = view.slices
    distances = sorted(rows.value.unique())
    for architecture, row in zip(view.architectures, table.rows, strict=True):
        mean = rows[rows.architecture == architecture].groupby("value").accuracy.mean()
        shown = [float(entry.text.rstrip("\u202f%")) / 100 for entry in row[-len(distances) :]]
        assert shown == pytest.approx([mean[k] for k in distances], abs=0.0051)
        good = [k for k in distances if (mean[[j for j in distances if j <= k]] >= 0.9).all()]
        assert row[1].text.removeprefix("≥ ") == str(good[-1])
        assert row[1].text.startswith("≥") == (good[-1] == distances[-1])


def test_crossing_finds_where_the_quadratic_layer_becomes_dearer():
    n = np.array([16, 32, 64, 128, 256])
    linear = pd.DataFrame({"n": n, "forward": 4 * n * 64 * 64})
    squared = pd.DataFrame({"n": n, "forward": 4 * n * n * 64})
    assert crossing(squared, linear, "forward").value == pytest.approx(64)
    dear = crossing(squared.assign(forward=lambda f: f.forward * 100), linear, "forward")
    assert (dear.value, dear.side) == (None, "never cheaper")
    assert crossing(squared.assign(forward=1), linear, "forward").side == "always cheaper"
    assert crossing(squared.head(0), linear, "forward") is None


def test_counts_of_several_windows_at_one_length_follow_no_law_of_the_length():
    made = Synthetic()
    for window, value in ((5, 100), (9, 200)):
        for n in (16, 32, 64):
            model = {"window": window}
            made.size("flops", "rnn", "recurrent", n, 64, n * value, model=model)
    view = View(made.results())
    counted = view.frame("flops")
    assert flop_formula(counted) is None
    assert flop_formula(counted.iloc[:0]) is None


def test_theory_alone_is_no_row_of_table_1():
    made = Synthetic()
    made.size("flops", "rnn", "recurrent", 1024, 64, 10**6)
    results = made.results()
    results.manifest["layers"]["rnn"] = {
        "recurrent": {"complexity": "n·d²", "sequential": "n", "path": "n"}
    }
    assert tabulate("table1", View(results)) is None
