"""The report of a store of translations, and of a store that holds both."""

import json
import re

import numpy as np
import pytest

from analysis.claims import verdicts
from analysis.corpus_scores import BLEU
from analysis.figures import FIGURES, draw
from analysis.load import Results
from analysis.report import write
from analysis.significance import compare
from analysis.tables import tabulate
from analysis.translation import Translations, bucket_rows, stacked
from analysis.view import View
from models.errors import BadInput
from tests.analysis import table1_store
from tests.analysis.synthetic import WORDS, Synthetic
from tests.analysis.test_report import Page, files
from tests.analysis.test_tables import check_tables
from tests.analysis.translation_store import EVIL, HEADS, build

DRAWN = ("bleu_by_length", "bleu_by_cost", "translation_training", "attention_maps", "exposure_gap")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    store = build(tmp_path_factory.mktemp("store"))
    return store, write(store)


@pytest.fixture(scope="module")
def view(full):
    return View(Results.read(full[0]))


def text_of(panel):
    return re.sub(r"<[^>]+>", " ", panel.svg)


# Page ------------------------------------------------------------------------------------------------


def test_a_store_of_translations_is_a_report_of_translation(full):
    text = full[1].read_text("utf-8")
    page = Page(text)
    assert "<h1>Translation, measured</h1>" in text
    assert "One question, in one sentence" in text
    assert "table1" not in page.ids
    assert "No record of" not in text
    inner = {link[1:] for link in page.links if link.startswith("#")}
    assert inner <= set(page.ids)
    assert "#table1" not in page.links
    for name in DRAWN:
        assert f"figure-{name}" in page.ids
    for name in ("translation", "significance", "scan", "samples"):
        assert f"table-{name}" in page.ids
    assert page.loads == []
    assert not re.search(r"url\((?!#)", text)
    markdown = (full[0] / "report.md").read_text("utf-8")
    assert "Table 1, with a measured column" not in markdown
    assert "## 1. How well do they translate?" in markdown


def test_the_answer_is_computed_from_the_records(full, view):
    answer = re.search(r'<p class="answer">(.*?)</p>', full[1].read_text("utf-8")).group(1)
    assert answer.startswith("On small en-de, test BLEU is Transformer ")
    for system in view.translations.systems:
        if view.translations.settings[system.setting] == "small en-de":
            assert f"{system.label} {system.mean('bleu'):.1f} [" in answer
    assert "297 test sentences" in answer


def test_signatures_and_seeds_stand_under_provenance(full):
    text = full[1].read_text("utf-8")
    assert text.count("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0") >= 2
    assert "BPE 4000, joint" in text
    assert "<dt>Seeds</dt><dd>0, 1, 2</dd>" in text


def test_a_rebuilt_report_is_the_same_byte_for_byte(tmp_path):
    store = build(tmp_path / "store", seeds=1, architectures=("attentional_lstm",), scan=False)
    for name in ("one", "two"):
        write(store, tmp_path / name)
    assert len(files(tmp_path / "one")) > 8
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_charts_stay_small(full):
    sizes = {path.name: path.stat().st_size for path in (full[0] / "figures").glob("*.svg")}
    assert max(sizes.values()) < 60_000, sizes


def test_markup_in_the_corpus_is_text_everywhere(full):
    text = full[1].read_text("utf-8")
    page = Page(text)
    assert page.tags.count("script") == 1  # the page's own
    assert "img" not in page.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;quoted&#34; &#39;single&#39;" in text
    assert "$x$ n^2</span>" in text  # as found: not set as a power
    assert "&lt;/td&gt;&lt;/table&gt;" in text
    markdown = (full[0] / "report.md").read_text("utf-8")
    assert "<script" not in markdown
    assert "<img" not in markdown
    line = next(line for line in markdown.splitlines() if "alert(1)" in line)
    assert r"'single' \| \*bold\* \[a\](javascript:alert(2)) \`code\` \$x\$" in line
    assert len(re.findall(r"(?<!\\)\|", line)) == 4  # three columns: the text opened none
    for path in (full[0] / "figures").glob("*.svg"):
        svg = path.read_text("utf-8")
        assert "<script" not in svg
        assert "<img" not in svg


def test_without_the_files_beside_it_the_report_holds_no_corpus_text(tmp_path):
    store = build(tmp_path, seeds=1, architectures=("lstm", "attentional_lstm"), artifacts=False)
    write(store)
    written = [
        path
        for pattern in ("report.*", "tables/**/*", "figures/*", "architectures/*", "failures/*")
        for path in store.glob(pattern)
        if path.is_file()
    ]
    assert len(written) > 20
    for path in written:
        text = path.read_text("utf-8")
        assert "alert(" not in text, path
        assert "Hund" not in text, path
    assert "jump left and look" in (store / "report.html").read_text("utf-8")  # SCAN is generated


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1]"])
def test_a_damaged_file_of_samples_is_said_in_one_line(tmp_path, text):
    store = build(tmp_path, seeds=1, architectures=("rnn",), scan=False)
    path = next((store / "artifacts").glob("*.samples.json"))
    path.write_text(text)
    with pytest.raises(BadInput, match="is damaged"):
        write(store)


def test_a_store_of_both_shows_both(tmp_path):
    folder = table1_store.build(tmp_path / "one", architectures=("rnn",), questions=("complexity",))
    other = build(tmp_path / "two", seeds=1, architectures=("rnn",), scan=False)
    for path in (other / "records").glob("*.json"):
        path.rename(folder / "records" / path.name)
    manifest, more = (json.loads((f / "manifest.json").read_text()) for f in (folder, other))
    for name in ("cells", "tasks"):
        manifest[name] |= more[name]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    text = write(folder).read_text("utf-8")
    assert "<h1>Table 1, measured</h1>" in text
    assert "Four questions, in one sentence each" in text
    assert 'id="table1"' in text
    assert "How well do they translate?" in text
    assert "How far back can each remember?" in text
    assert text.count("No record of this store answers this question.") == 4  # two questions, twice


def test_one_seed_says_so_and_decides_nothing(tmp_path):
    store = build(tmp_path, seeds=1, architectures=("lstm", "attentional_lstm"), scan=False)
    text = write(store).read_text("utf-8")
    assert "1 seed, where a verdict needs 12" in text
    table = tabulate("significance", View(Results.read(store)))
    assert {row[5].text for row in table.rows} == {"1 seed"}
    found = {verdict.claim.id: verdict for verdict in verdicts(Results.read(store))}
    for name in ("L6", "D1", "D2", "D4"):
        assert found[name].verdict == "inconclusive"
        assert found[name].effect, name


# Tables ----------------------------------------------------------------------------------------------


def test_every_table_is_whole(view):
    check_tables(view, {"translation", "significance", "scan", "samples", "not_ok", "cells"})


def test_scores_are_those_of_the_records(view):
    table = tabulate("translation", view)
    for _, row in table.data.iterrows():
        systems = [
            s
            for s in view.translations.systems
            if (s.label, view.translations.settings[s.setting]) == (row.system, row.setting)
        ]
        assert row.bleu == pytest.approx(systems[0].mean("bleu"))
        assert row.chrf == pytest.approx(systems[0].mean("chrf"))
        assert row.bleu_sentences_low < row.bleu < row.bleu_sentences_high
        assert row.bleu_seeds_low <= row.bleu <= row.bleu_seeds_high
    first = table.rows[0]
    assert first[0].text == "RNN"
    assert "1 of 2 converged" in first[0].note
    assert "not above the floor, 3.0" in first[1].note
    assert first[1].kind == "bad"
    assert any("beyond the longest length" in note for note in table.notes)


def test_real_text_comes_before_generated(view):
    assert list(view.translations.settings.values()) == ["small en-de", "scan, length split"]


def test_differences_are_those_of_the_tests(view):
    table = tabulate("significance", view)
    setting = next(iter(view.translations.settings))
    systems = [view.translations.system(setting, name) for name in ("transformer", "lstm")]
    one, other = (stacked(runs, BLEU) for runs in view.translations.together(systems))
    expected = compare(one, other, BLEU)
    row = table.data[table.data.difference == "Transformer − LSTM"].iloc[0]
    assert (row.bleu, row.p_bootstrap, row.p_randomisation) == (
        expected.difference,
        expected.p_bootstrap,
        expected.p_randomisation,
    )
    assert row.p_holm >= row.p_randomisation
    assert row.seeds == 2
    assert len(table.data[table.data.setting == "small en-de"]) == 6 + 4


def test_scan_stands_beside_the_published_figure(view):
    table = tabulate("scan", view)
    assert [column.label for column in table.columns] == ["System", "simple", "length", "addprim jump"]
    by_name = {row[0].text: row for row in table.rows}
    assert by_name["published: RNN"][2].text.startswith("13.8")
    assert by_name["LSTM"][2].text.startswith("14.5")
    assert by_name["LSTM"][1].text == "not measured"


def test_samples_are_those_on_which_systems_differ_most(view):
    table = tabulate("samples", view)
    first = table.data[table.data.setting == "small en-de"].groupby("source", sort=False).chrf
    spread = list(first.max() - first.min())
    assert spread == sorted(spread, reverse=True)
    assert spread[0] > 0
    assert EVIL[0] in set(table.data.source)


# Figures ---------------------------------------------------------------------------------------------


def test_figures_name_their_records_and_panels_their_axes(view):
    known = {record.key for record in view.records}
    names = []
    for name in DRAWN:
        figure = draw(name, view)
        assert figure.name == name
        assert figure.keys
        assert set(figure.keys) <= known
        names += [panel.name for panel in figure.panels]
    assert len(names) == len(set(names))


def test_bleu_by_length_counts_the_sentences_of_each_bucket(view):
    figure = draw("bleu_by_length", view)
    joined = [38 + (i * 11) % 60 for i in range(120)]
    words = [*(WORDS * 3), *joined]
    counts = [sum(1 for n in words if low <= n <= high) for low, high in ((1, 10), (31, 40), (81, 999))]
    shown = text_of(figure.panels[0])
    for count in counts:
        assert re.search(rf"\b{count}\b", shown)
    rows = figure.data[(figure.data.what == "BLEU") & (figure.data.architecture == "lstm")]
    assert list(rows[rows.bucket.isin(["1–10", "31–40", "81+"])].sentences) == counts
    assert (rows.low <= rows.value).all()
    assert (rows.value <= rows.high).all()
    assert "attentional LSTM − LSTM" in text_of(figure.panels[1])


def test_cost_is_shown_in_flops_and_in_time(view):
    figure = draw("bleu_by_cost", view)
    assert set(figure.data.against) == {"training FLOPs", "training time"}
    assert "training FLOPs" in text_of(figure.panels[0])
    assert "10\u202fmin" in text_of(figure.panels[1])


def test_attention_is_drawn_head_by_head_with_its_tokens(tmp_path):
    view = View(Results.read(build(tmp_path, seeds=1, artifacts=False)))
    figure = draw("attention_maps", view)
    titles = [panel.title for panel in figure.panels]
    assert titles == ["attentional LSTM: cross", *(f"Transformer: {head}" for head in HEADS)]
    shown = text_of(figure.panels[0])
    assert "around" in shown  # a word of the source
    assert "LTURN" in shown
    rows = figure.data[figure.data["map"] == "cross"]
    assert rows.groupby("output_position").weight.sum().tolist() == pytest.approx(
        [1.0] * rows.output_position.nunique()
    )


def test_foreign_scripts_are_drawn_without_a_warning(tmp_path):
    pair = ("이 문장 은 한국어 로 쓴 긴 문장", "नमस्ते 日本 مرحبا")
    view = View(Results.read(build(tmp_path, seeds=1, scan=False, labels=(pair,))))
    assert "문장" in text_of(draw("attention_maps", view).panels[0])


def test_verdicts_lead_to_figures_that_exist(view):
    def figures_of(verdict):
        return {verdict.figure}.union(*(figures_of(part) for part in verdict.parts))

    found = set().union(*(figures_of(verdict) for verdict in verdicts(view.results)))
    assert {"bleu_by_length", "bleu_by_cost", "exposure_gap"} <= found
    assert found - {""} <= set(FIGURES)


# Loading ---------------------------------------------------------------------------------------------


def test_configurations_of_one_architecture_are_told_apart():
    made = Synthetic()
    for width in (128, 256):
        made.translate("lstm", 0, lambda n: 0.6, model={"width": width})
    made.translate("transformer", 0, lambda n: 0.6)
    labels = [system.label for system in Translations(made.results()).systems]
    assert sorted(labels) == ["LSTM (width 128)", "LSTM (width 256)", "Transformer"]


def test_systems_on_other_sentences_are_not_paired():
    made = Synthetic()
    made.translate("lstm", 0, lambda n: 0.6)
    made.translate("transformer", 0, lambda n: 0.6, words=WORDS[::-1])
    translations = Translations(made.results())
    assert translations.together(translations.systems) == [[], []]


def test_settings_of_one_task_are_named_by_what_differs():
    made = Synthetic()
    for data in (
        {"corpus": "/data/multi30k", "pair": "en-de", "content": "1"},
        {"corpus": "multi30k", "pair": "en-fr", "content": "2"},
    ):
        made.translate("lstm", 0, lambda n: 0.6, data=data)
    assert set(Translations(made.results()).settings.values()) == {"multi30k en-de", "multi30k en-fr"}


def test_buckets_hold_every_sentence_once():
    lengths = np.array([0, 1, 10, 11, 40, 41, 60, 61, 80, 81, 500])
    rows = bucket_rows(lengths)
    assert [list(lengths[index]) for index in rows] == [
        [0, 1, 10],
        [11],
        [],
        [40],
        [41, 60],
        [61, 80],
        [81, 500],
    ]


def test_a_beam_of_one_is_recorded_as_greedy_and_compared_so():
    made = Synthetic()
    for name in ("lstm", "transformer"):
        made.translate(name, 0, lambda n: 0.6)
    records = [
        record.model_copy(
            update={"sentences": [row for row in record.sentences if row["decoding"] == "greedy"]}
        )
        for record in made.records
    ]
    translations = Translations(Results(made.manifest(), records))
    one, other = translations.together(translations.systems)
    assert [run.seed for run in (*one, *other)] == [0, 0]
    beam, greedy = translations.together([translations.systems[0]] * 2, ["beam", "greedy"])
    assert (beam, greedy) == ([], [])
