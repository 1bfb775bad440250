import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from analysis.pages.page import slugs
from analysis.pages.write import GENERATED
from analysis.report import write
from experiments.cell import Cell
from experiments.store import Store
from tests.analysis.synthetic import Synthetic
from tests.analysis.table1_store import build
from tests.analysis.translation_store import build as build_translation

DESCRIPTION = {
    "title": "RNN",
    "description": "Vanilla tanh RNN & nothing else.",
    "citation": "Elman 1990, Finding structure in time",
    "options": {"width": "D: embedding and state width", "layers": "recurrent layers"},
}


class Html(HTMLParser):
    """Collects what a browser would follow or load."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.images, self.tags, self.loads = [], [], [], [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" and "href" in values else []
        self.images += [values["src"]] if tag == "img" else []
        self.loads += (
            [tag] if tag in ("link", "iframe") or (tag == "script" and "src" in values) else []
        )


def redescribed(store, words):
    manifest = json.loads((store / "manifest.json").read_text())
    (store / "manifest.json").write_text(json.dumps(manifest | {"descriptions": words}))
    return store


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    store = build(tmp_path_factory.mktemp("store"), architectures=("rnn", "transformer"))
    redescribed(store, {"rnn": DESCRIPTION})
    out = tmp_path_factory.mktemp("out")
    write(store, out)
    return out


def html_pages(folder):
    return sorted(p for name in ("architectures", "failures") for p in (folder / name).glob("*.html"))


def test_each_architecture_and_each_failure_has_a_page_in_both_formats(full):
    names = {str(path.relative_to(full).with_suffix("")) for path in html_pages(full)}
    assert names == {
        *("architectures/rnn", "architectures/transformer", "architectures/index"),
        *("failures/rnn-recall", "failures/rnn-digits", "failures/index"),
    }
    assert all((full / f"{name}.md").exists() for name in names)


def test_every_link_and_picture_of_every_page_leads_to_a_file_and_an_anchor(full):
    pages = [full / "report.html", full / "claims.html", *html_pages(full)]
    anchors = {path.resolve(): set(Html(path).ids) for path in pages}
    for path in pages:
        page = Html(path)
        for link in page.links:
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path.resolve()
            assert target.exists(), (path, link)
            assert not anchor or anchor in anchors[target], (path, link)
        for image in page.images:
            assert (path.parent / image).resolve().exists(), (path, image)
    for path in full.glob("*/*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            assert (path.parent / link).exists(), (path, link)


def test_pages_load_nothing_from_elsewhere_and_their_ids_are_unlike(full):
    for path in html_pages(full):
        page = Html(path)
        assert page.loads == []
        assert "script" not in page.tags
        assert len(page.ids) == len(set(page.ids))
        assert not [link for link in (*page.links, *page.images) if ":" in link]


def test_the_report_leads_to_the_pages(full):
    links = Html(full / "report.html").links
    assert "architectures/index.html" in links
    assert "failures/index.html" in links
    assert links.count("architectures/rnn.html") >= 3  # by its name in tables
    assert "failures/rnn-recall.html" in links
    assert "failures/rnn-recall.md" in (full / "report.md").read_text("utf-8")
    memory = (full / "report.html").read_text("utf-8").partition('<section id="memory">')[2]
    assert "Why did it fail?" in memory.partition("<section")[0]


def test_the_claims_have_a_page_of_their_own(full):
    page, report = Html(full / "claims.html"), Html(full / "report.html")
    claims = {name for name in page.ids if name.startswith("claim-")}
    assert claims == {name for name in report.ids if name.startswith("claim-")}
    assert len(claims) > 5
    assert "claims.html" in report.links
    assert any(link.startswith("report.html#figure-") for link in page.links)
    assert page.loads == []


def test_an_architectures_page_says_what_it_is_costs_and_scores(full):
    text = (full / "architectures" / "rnn.html").read_text("utf-8")
    assert "Vanilla tanh RNN &amp; nothing else. Source: Elman 1990" in text
    assert "D: embedding and state width" in text
    for anchor in ("is", "cost", "reach", "speed", "scores", "wins", "claims"):
        assert f'<section id="{anchor}">' in text
    assert "4·n·d²" in text  # its row of Table 1
    assert "attention" not in re.findall(r'<span class="note">(.*?)</span>', text)  # and no other's
    assert "../failures/rnn-recall.html" in text
    assert re.search(r"It wins in .*forward FLOPs.*It loses in recall \([0-9.]+\spoints behind", text)
    assert "S1" in re.findall(r"\.\./report\.html#claim-(\w+)", text)


def test_a_store_from_before_gives_a_page_without_words(full):
    text = (full / "architectures" / "transformer.html").read_text("utf-8")
    assert "manifest has no description of it" in text
    assert '<section id="cost">' in text


def test_a_failures_page_shows_training_slices_gradient_and_the_others(full):
    text = (full / "failures" / "rnn-recall.html").read_text("utf-8")
    for picture in ("training_recall_rnn", "accuracy_recall_distance", "gradient_recall_state_init"):
        assert f"../figures/{picture}.svg" in text
    assert "training_recall_transformer" not in text
    assert "The failure goes together with" in text
    assert "Learning rates tried" in text
    for rate in ("0.001", "0.003", "0.01"):
        assert f">{rate}</span>" in text
    assert "../architectures/transformer.html" in text
    assert "What this does not show" in text
    assert not re.search(r"\b(because|caused by|due to)\b", text.partition("<main>")[2])


def test_numbers_of_the_pages_tables_are_files(full):
    rates = pd.read_csv(full / "tables" / "pages" / "learning_rates.csv")
    assert set(rates.task) == {"recall", "digits"}
    assert set(rates.architecture) == {"rnn"}
    assert len(rates) == 2 * 3 * 3
    failures = pd.read_csv(full / "tables" / "pages" / "failures.csv")
    assert set(failures.page) == {"failures/rnn-recall.html", "failures/rnn-digits.html"}
    compared = pd.read_csv(full / "tables" / "pages" / "comparison.csv")
    assert set(compared.architecture) == {"rnn", "transformer"}
    both = compared[compared.measure == "recall"].set_index("architecture").margin
    assert both["rnn"] == pytest.approx(-both["transformer"])


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pages_made_again_are_the_same_byte_for_byte_and_old_ones_are_gone(tmp_path):
    made = Synthetic(("rnn", "lstm"))
    for seed in range(2):
        made.recall("rnn", seed, {1: 0.5, 8: 0.2})
        made.recall("lstm", seed, {1: 1.0, 8: 0.99})
        made.copying("rnn", seed, {4: 0.9, 8: 0.8}, {4: 0.8, 8: 0.5})
    store = made.write(tmp_path / "store")
    write(store, tmp_path / "one")
    old = tmp_path / "one" / "failures"
    (old / "lstm-recall.html").write_text(f"<html>{GENERATED}")
    (old / "lstm-recall.md").write_text("of an earlier report")
    (old / "mine.html").write_text("<html>a file of the user’s")
    write(store, tmp_path / "one")
    write(store, tmp_path / "two")
    assert (old / "mine.html").exists()
    (old / "mine.html").unlink()
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert Path("failures/rnn-recall.html") in one
    assert b"../figures/exposure_gap_0.svg" in one[Path("failures/rnn-copying.html")]
    assert one == two


EVIL_ARCHITECTURE = "outside:<script>alert(1)</script>&$x$"
EVIL_TASK = "../../up/<img src=x onerror=alert(2)>|`*_[x](javascript:alert(3))"


def test_hostile_names_are_escaped_and_no_file_leaves_the_folder(tmp_path):
    made = Synthetic(("rnn", EVIL_ARCHITECTURE))
    for seed in range(2):
        made.recall("rnn", seed, {1: 1.0, 8: 1.0})
        made.recall(EVIL_ARCHITECTURE, seed, {1: 0.5, 8: 0.2})
        made.gradient(EVIL_ARCHITECTURE, seed, -1.0)
        made.score(EVIL_ARCHITECTURE, EVIL_TASK, seed, 0.3)
        made.score("rnn", EVIL_TASK, seed, 0.95)
    store = made.write(tmp_path / "deep" / "down" / "store")
    evil = {"description": "<script>alert(4)</script>", "citation": "<b>", "options": {"<i>": "<u>"}}
    redescribed(store, {EVIL_ARCHITECTURE: {**evil, "title": "<s>"}})
    out = tmp_path / "deep" / "down" / "out"
    write(store, out)
    outside = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(out) or path.is_relative_to(store) for path in outside)
    pages = html_pages(out)
    assert len(pages) == 2 + 2 + 2
    for path in pages:
        assert re.fullmatch(r"[A-Za-z0-9_-]+", path.stem)
        page, text = Html(path), path.read_text("utf-8")
        assert not {"script", "s", "u"} & set(page.tags)
        assert "<img src=x" not in text
        assert not [link for link in page.links if ":" in link]
        assert all(re.fullmatch(r"\.\./figures/[A-Za-z0-9_.-]+\.svg", image) for image in page.images)
    for path in out.rglob("*.md"):
        text = path.read_text("utf-8")
        assert "<script" not in text
        assert not re.search(r"(?<!\\)\]\(javascript", text)
        assert "<img" not in text


def test_names_of_files_are_safe_and_no_two_are_alike():
    names = [
        ("a-b", "c"),
        ("a", "b-c"),
        ("A", "b-c"),
        ("../x",),
        ("x",),
        ("…",),
        ("index",),
        ("a.b:C",),
    ]
    found = slugs(names)
    assert len({slug.casefold() for slug in found.values()}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", slug) for slug in found.values())
    assert found["a-b", "c"] == "a-b-c"
    assert "index" not in found.values()
    assert slugs(names) == found


def test_a_store_without_training_has_no_failures(tmp_path):
    store = build(tmp_path, architectures=("rnn",), questions=("throughput",))
    write(store)
    assert not (store / "failures").exists()
    page = Html(store / "architectures" / "rnn.html")
    assert not [link for link in page.links if "failures" in link]
    assert {record.status for record in Store(store)} == {"ok"}


# Stores of other plans -------------------------------------------------------------------------------


def test_translation_shows_where_the_decoder_of_the_failing_setting_looks(tmp_path):
    store = build_translation(tmp_path / "store", architectures=("rnn", "transformer"), seeds=1)
    write(store, tmp_path / "out")
    failures = {path.stem for path in (tmp_path / "out" / "failures").glob("*.html")}
    assert "transformer-scan" in failures  # exact match below 90 %; the corpus has nothing to solve
    assert "transformer-translation" not in failures
    text = (tmp_path / "out" / "failures" / "transformer-scan.html").read_text("utf-8")
    assert "exact match" in text
    assert re.search(r"\.\./figures/\w+_attention_transformer_layer-1-head-1\.svg", text)
    assert "attention_rnn" not in text
    for image in Html(tmp_path / "out" / "failures" / "transformer-scan.html").images:
        assert (tmp_path / "out" / "failures" / image).resolve().exists()


def test_formal_languages_lead_from_their_table_to_curves_that_the_report_leaves_out(tmp_path):
    made = Synthetic(("rnn", "lstm"))
    for name, right in (("rnn", 0.55), ("lstm", 0.97)):
        made.add(
            Cell(
                measure="train",
                architecture=name,
                task="parity_check",
                data={"train_lengths": [1, 40]},
            ),
            block=name,
            metrics={"test": right, "validation": 1.0, "converged": True, "chance": 0.5, "steps": 9},
            curves={"validation": [[3, 0.5], [9, 1.0]]},
            slices=[
                {"split": "test", "slice": "length", "value": n, "correct": 100 * right, "count": 100}
                for n in (41, 80, 120)
            ],
        )
    write(made.write(tmp_path / "store"), tmp_path / "out")
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    table = re.search(r'id="table-formal_languages".*?</figure>', report, re.DOTALL)[0]
    assert table.count('href="failures/rnn-parity_check.html"') == 1
    assert "lstm-parity_check" not in report
    text = (tmp_path / "out" / "failures" / "rnn-parity_check.html").read_text("utf-8")
    assert "../figures/training_parity_check_rnn.svg" in text
    assert "../figures/length_generalisation_parity_check.svg" in text
    assert (tmp_path / "out" / "figures" / "training_parity_check_rnn.svg").exists()
    assert not (tmp_path / "out" / "figures" / "training_parity_check_lstm.svg").exists()
    assert "It solves examples like those it was trained on, and not the test" in text
