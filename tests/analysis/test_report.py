import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from analysis.pages.render import markdown, rich
from analysis.report import write
from experiments.store import Store
from models.errors import BadInput
from tests.analysis.table1_store import COMMAND, build


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    store = build(tmp_path_factory.mktemp("store"))
    return store, write(store)


@pytest.fixture
def small(tmp_path):
    return build(tmp_path / "store", architectures=("rnn", "lstm"), questions=("throughput",))


class Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags, self.loads = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in ("link", "img", "iframe") or (tag == "script" and "src" in values):
            self.loads.append((tag, values))


def files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in (".html", ".md", ".svg", ".csv")
    }


def test_writes_both_formats_with_every_figure_and_table_beside_them(full):
    store, page = full
    assert page == store / "report.html"
    for link in (link for link in Page(page.read_text("utf-8")).links if not link.startswith("#")):
        assert (store / link).exists(), link
    images = re.findall(r"\]\((figures/[^)]+\.svg)\)", (store / "report.md").read_text("utf-8"))
    assert len(images) > 15
    for image in images:
        assert (store / image).read_text("utf-8").startswith("<svg")


def test_claims_can_be_filtered_and_are_all_shown_without_a_script(full):
    """The controls are hidden until the script, which needs no network, has shown them."""
    html = full[1].read_text(encoding="utf-8")
    body, _, script = html.partition("<script>")
    (form,) = re.findall(r'<form class="filters" id="claim-filters"[^>]*>.*?</form>', body, re.DOTALL)
    assert form.startswith(
        '<form class="filters" id="claim-filters" aria-label="Filter the claims" hidden>'
    )
    claims = re.findall(r'<details class="claim (\w+)" id="claim-(\w+)"([^>]*)>', body)
    assert len(claims) > 5
    offered = dict(re.findall(r'<select name="(\w+)">(.*?)</select>', form))
    for verdict, _, attributes in claims:
        assert "hidden" not in attributes
        topic = re.search(r'data-verdict="(\w+)" data-topic="([^"]+)"', attributes)
        assert topic
        assert topic[1] == verdict
        assert f"<option>{verdict}</option>" in offered["verdict"]
        assert f"<option>{topic[2]}</option>" in offered["topic"]
    assert "filters.hidden = false" in script
    assert "http" not in script


def test_every_table_is_there_as_csv_and_as_latex(full):
    tables = full[0] / "tables"
    names = {path.stem for path in tables.glob("*.csv")}
    assert {"table1", "spans", "claims"} <= names
    assert {path.stem for path in tables.glob("*.tex")} == names
    for name in names:
        text = (tables / f"{name}.tex").read_text(encoding="utf-8")
        assert text.isascii(), name
        for kind in ("table", "tabular"):
            assert text.count(rf"\begin{{{kind}}}") == text.count(rf"\end{{{kind}}}") == 1
        widths = {
            len(re.findall(r"(?<!\\)&", line)) for line in text.splitlines() if line.endswith("\\\\")
        }
        assert len(widths) == 1, name
    claims = pd.read_csv(tables / "claims.csv")
    assert set(claims.verdict) <= {"supported", "refuted", "inconclusive"}
    assert "L3" in set(claims.claim)


def test_rebuilt_report_is_the_same_byte_for_byte(small, tmp_path):
    write(small, tmp_path / "one")
    write(small, tmp_path / "two")
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert len(one) >= 6
    assert one == two


def test_page_is_self_contained_and_its_anchors_lead_somewhere(full):
    text = full[1].read_text("utf-8")
    page = Page(text)
    assert page.loads == []
    assert not re.search(r"url\((?!#)", text)
    assert "@import" not in text
    inner = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inner) <= set(page.ids)
    assert len(page.ids) - len(set(page.ids)) == sum(
        page.ids.count(name) - 1 for name in set(page.ids) if re.match(r"^(m|p|C)[0-9a-f_]+$", name)
    )


def test_charts_stay_small(full):
    sizes = {path.name: path.stat().st_size for path in (full[0] / "figures").glob("*.svg")}
    assert max(sizes.values()) < 40_000, sizes


def test_an_architectures_name_is_escaped_everywhere(tmp_path):
    evil = "outside:<script>alert(1)</script>&$x$"
    store = build(tmp_path, architectures=("rnn", evil), questions=("throughput",))
    page = write(store)
    text = page.read_text("utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert Page(text).tags.count("script") == 1  # the page's own
    assert "<script" not in (store / "report.md").read_text("utf-8")
    for path in (store / "figures").glob("*.svg"):
        assert "<script" not in path.read_text("utf-8")


def test_filters_escape_before_they_format():
    assert str(rich("<b>n^1.98")) == "&lt;b&gt;n<sup>1.98</sup>"
    assert markdown("a|b_[c]<i>\nd") == r"a\|b\_\[c\]&lt;i><br>d"


def test_an_outside_architecture_has_its_short_name(tmp_path):
    store = build(tmp_path, architectures=("lstm", "my_module:MyModel"), questions=("throughput",))
    text = write(store).read_text("utf-8")
    assert ">MyModel<" in text
    assert "LSTM and MyModel" in text


@pytest.mark.parametrize("question", ["long_range", "throughput", "complexity"])
def test_a_store_of_one_plan_says_what_it_does_not_answer(tmp_path, question):
    store = build(tmp_path, architectures=("rnn",), questions=(question,))
    text = write(store).read_text("utf-8")
    assert text.count("No record of this store answers this question.") == 4  # two of three, twice
    assert ("No record of one layer is in this store" in text) == (question != "complexity")


def test_a_store_without_records_is_still_a_report(small):
    for path in (small / "records").glob("*.json"):
        path.unlink()
    text = write(small).read_text("utf-8")
    assert "This store is not finished: 28 planned cells of 28" in text
    assert "No record of this store answers this question." in text


def test_failed_cells_are_listed_with_their_reason_and_missing_ones_counted(full, tmp_path):
    store = full[0]
    text = full[1].read_text("utf-8")
    bad = [record for record in Store(store) if record.status != "ok"]
    assert bad
    assert "can&#39;t allocate memory" in text
    assert f"{len(bad)} cells gave no number" in text
    small = build(tmp_path, architectures=("rnn",), questions=("throughput",))
    gone = sorted((small / "records").glob("*.json"))[:3]
    for path in gone:
        path.unlink()
    text = write(small).read_text("utf-8")
    assert "3 planned cells of 14" in text
    assert all(path.stem in text for path in gone)


def test_every_training_failure_is_marked_by_its_curve(full):
    text = (full[0] / "report.md").read_text("utf-8")
    assert "LSTM on recall: 2 seeds incapable at this budget and 1 seed unconverged" in text
    assert "RNN on recall: 3 seeds incapable at this budget (learning rate 0.003)" in text


def test_the_report_follows_its_records(tmp_path):
    store = build(tmp_path, architectures=("rnn", "lstm"), questions=("throughput",))
    before = write(store).read_text("utf-8")
    answer = re.search(r'<p class="answer">(With .*?)</p>', before).group(1)
    for path in (store / "records").glob("*.json"):
        record = json.loads(path.read_text())
        if record["cell"]["options"]["n"] == 1024:
            record["metrics"]["tokens_per_second"] *= 3
            path.write_text(json.dumps(record))
    after = write(store).read_text("utf-8")
    assert answer not in after
    assert "the fastest is LSTM (fused)" in after


def test_provenance_names_commands_versions_and_settings(full):
    text = full[1].read_text("utf-8")
    for part in (COMMAND, "torch 2.13.0", "0123abc", "matmul precision medium", "0.001, 0.003, 0.01"):
        assert part in text


def test_every_figure_names_its_cells(full):
    store, page = full
    text = page.read_text("utf-8")
    keys = {record.key for record in Store(store)}
    listed = set(re.findall(r"\b[0-9a-f]{16}\b", text))
    assert keys <= listed


def test_a_newer_store_and_an_unwritable_folder_are_refused_in_one_line(small, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        write(small, blocked)
    manifest = json.loads((small / "manifest.json").read_text())
    (small / "manifest.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(BadInput, match="newer Seqyard"):
        write(small)


def test_importing_the_report_does_not_load_torch():
    code = "import sys, analysis.report, analysis.sections; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_claims_of_other_plans_are_named_in_one_line(small, tmp_path):
    manifest = json.loads((small / "manifest.json").read_text())
    manifest.pop("claims", None)
    cases: tuple[tuple[dict, set[str], bool], ...] = (
        ({"claims": ["S2", "S3"]}, {"S2", "S3"}, True),
        ({"claims": []}, set(), True),  # a plan that asks none: what its records happen to say
        ({}, {"S2", "S3", "L1", "D1"}, False),  # nobody said what is asked
    )
    for asked, shown, others in cases:
        (small / "manifest.json").write_text(json.dumps(manifest | asked))
        write(small, tmp_path / "out")
        page = Page((tmp_path / "out" / "report.html").read_text())
        listed = {name.removeprefix("claim-") for name in page.ids if name.startswith("claim-")}
        assert shown <= listed
        text = (tmp_path / "out" / "report.md").read_text()
        assert ("Other plans ask L1, " in text) == others
        assert ("L1" in listed) != others
