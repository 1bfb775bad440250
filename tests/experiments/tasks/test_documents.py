"""Documents: generated labels, files, vocabulary, cuts and length buckets."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from experiments.tasks.documents import Documents, bucket
from experiments.tasks.find import task_for
from experiments.tasks.reviews import as_text, from_text, generated
from models.errors import BadInput
from tests.experiments.tasks import linter

REVIEWS = Path(__file__).parents[3] / "../shared/data/movie_reviews"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))


def write(folder: Path, **files: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        (folder / f"{name}.tsv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return folder


TRAIN = ["good\ta a a b", "bad\ta b c", "bad\ta d e f g h"]


@pytest.mark.parametrize(
    "check",
    [*linter.STRUCTURE, linter.lint_balance],
    ids=lambda check: check.__name__,
)
def test_lint(check):
    check(Documents(documents=1000))


def test_the_docstring_runs():
    linter.lint_docstring(Documents)


def test_a_generated_label_is_that_of_most_signal_words():
    for split, documents in generated(600).items():
        for label, text in documents:
            counts = Counter(word.rstrip("0123456789") for word in text.split())
            assert counts[label] > counts["good"] + counts["bad"] - counts[label], split
            assert 0.07 < (counts["good"] + counts["bad"]) / counts.total() < 0.13
            assert set(counts) <= {"good", "bad", "w"}


def test_generated_documents_need_more_than_one_place():
    """No single word, and no fixed stretch of 20 words, says the label for sure."""
    right = total = 0
    for label, text in generated(600)["train"]:
        counts = Counter(word.rstrip("0123456789") for word in text.split()[:20])
        right += (counts["good"] > counts["bad"]) == (label == "good")
        total += 1
    assert right / total < 0.8


def test_an_epoch_shows_every_document_once():
    task = Documents(documents=300)
    batches = [task.train_batch(1, step, 64) for step in range(4)]
    assert sum(len(batch) for batch in batches) == 240
    assert len(linter.rows(batches)) == 240


def test_documents_survive_the_cache():
    documents = generated(100)
    assert from_text(as_text(documents)) == documents


# Files ------------------------------------------------------------------------------------------


def test_words_and_labels_are_those_of_training(tmp_path: Path):
    place = write(tmp_path / "c", train=TRAIN, dev=["good\ta z"], test=["bad\tb b z y"])
    task = Documents(corpus=str(place), vocabulary=3)
    assert task.words == ("a", "b", "c")
    assert task.labels == ("bad", "good")
    batch = next(task.evaluation("test", 4))
    assert batch.source.tolist() == [[5, 5, 3, 3]]
    assert batch.target.tolist() == [0]
    assert task.facts()["unknown_share"] == 0.5
    assert task.target_only_floor() == 1.0
    assert task.chance() == 0.5


@pytest.mark.parametrize(("cut", "kept"), [("end", [4, 4]), ("begin", [4, 5])])
def test_overlong_documents_are_cut_where_said_and_counted(tmp_path: Path, cut: str, kept: list[int]):
    place = write(tmp_path / "c", train=TRAIN, dev=["good\ta"], test=["good\ta a a b", "bad\tb"])
    task = Documents.model_validate({"corpus": str(place), "max_tokens": 2, "cut": cut})
    *_, last = task.evaluation("test", 1)
    assert last.source.tolist() == [kept]
    assert task.facts()["overlong"] == 1
    assert task.facts()["overlong_training"] == 3


def test_a_corpus_is_its_name_and_content(tmp_path: Path):
    place = write(tmp_path / "c", train=TRAIN, dev=["good\ta"], test=["bad\tb"])
    one = Documents(corpus=str(place))
    assert (one.corpus, str(tmp_path) in str(one.model_dump())) == ("c", False)
    packed = tmp_path / "d" / "c"
    packed.mkdir(parents=True)
    for path in place.iterdir():
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert Documents(corpus=str(packed)) == one
    for path in place.iterdir():
        path.unlink()
    again = task_for("documents", one.model_dump(mode="json"))
    assert again.texts["train"][0].text == "a a a b"


def test_one_file_is_split_by_hash_into_disjoint_parts(tmp_path: Path):
    rows = [f"{('good', 'bad')[n % 2]}\tdocument number {n}" for n in range(400)]
    write(tmp_path, all=rows)
    task = Documents(corpus=str(tmp_path / "all.tsv"))
    sizes = {split: len(documents) for split, documents in task.texts.items()}
    assert sum(sizes.values()) == 400
    assert 15 < sizes["validation"] < 70
    assert 15 < sizes["test"] < 70
    write(tmp_path, all=[*rows, "good\tone more"])  # no document moves to another split
    more = Documents(corpus=str(tmp_path / "all.tsv"))
    for split, documents in task.texts.items():
        assert set(documents) <= set(more.texts[split])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train": TRAIN, "dev": ["good\ta"]}, "no file for the test split; looked for test"),
        ({"train": ["good a"]}, r"train\.tsv, line 1: write label, tab and text"),
        ({"train": [*TRAIN, "", *TRAIN]}, r"train\.tsv, line 4: write label, tab and text"),
        (
            {"train": TRAIN, "dev": ["good\ta"], "test": ["odd\tb"]},
            "label 'odd' of the test split is not in training",
        ),
        (
            {"train": ["good\ta"], "dev": ["good\ta"], "test": ["good\tb"]},
            "every training document has the label 'good'",
        ),
        ({"train": [" "]}, r"train\.tsv' is empty"),
    ],
)
def test_a_bad_corpus_is_named_in_one_line(tmp_path: Path, files: dict, message: str):
    place = write(tmp_path / "c", **files)
    with pytest.raises(BadInput, match=message) as caught:
        task_for("documents", {"corpus": str(place)})
    assert "\n" not in str(caught.value)


def test_a_missing_place_and_a_wrong_byte_are_named(tmp_path: Path):
    with pytest.raises(BadInput, match="no such file"):
        task_for("documents", {"corpus": str(tmp_path / "nowhere")})
    (tmp_path / "all.tsv").write_bytes(b"good\ta\nbad\t\xff\n")
    with pytest.raises(BadInput, match=r"all\.tsv, line 2: not UTF-8"):
        task_for("documents", {"corpus": str(tmp_path / "all.tsv")})


def test_one_file_without_a_document_for_a_split_is_refused(tmp_path: Path):
    write(tmp_path, all=["good\ta", "bad\tb"])
    with pytest.raises(BadInput, match=r"split has no document|has the label"):
        task_for("documents", {"corpus": str(tmp_path / "all.tsv")})


def test_buckets_double():
    assert [bucket(n) for n in (1, 100, 101, 200, 201, 400, 401, 801)] == [
        100, 100, 200, 200, 400, 400, 800, 1600,
    ]  # fmt: skip


@pytest.mark.skipif(not REVIEWS.is_dir(), reason="no movie reviews beside the project")
def test_the_movie_reviews():
    task = Documents(corpus=str(REVIEWS), max_tokens=500)
    assert {split: len(found) for split, found in task.texts.items()} == {
        "train": 1600,
        "validation": 200,
        "test": 200,
    }
    assert task.labels == ("neg", "pos")
    assert task.target_only_floor() == 0.5
    assert task.problem().source_size == 10_004
    assert np.mean([len(d.text.split()) for d in task.texts["test"]]) > 600
    linter.lint_arrays(task)
