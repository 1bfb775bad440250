"""Few labels: which documents have them, what the embedding starts from, and generated topics."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.tasks.documents import Documents
from experiments.tasks.few_labels import FewLabels
from experiments.tasks.find import task_for
from experiments.tasks.topics import TOPICAL, TOPICS, topics
from models.errors import BadInput
from tests.experiments.tasks import linter

REVIEWS = Path(__file__).parents[3] / "../shared/data/movie_reviews"
GLOVE = REVIEWS.parent / "glove50_20k"


@pytest.mark.parametrize(
    "check",
    [
        linter.lint_arrays,
        linter.lint_answers,
        linter.lint_reproducible,
        linter.lint_disjoint,
        linter.lint_slices,
        linter.lint_balance,
    ],
    ids=lambda check: check.__name__,
)
def test_lint(check):
    check(FewLabels(share=0.5, documents=1200))


def test_the_docstring_runs():
    linter.lint_docstring(FewLabels)


def test_few_labels_are_among_more_and_of_every_class():
    task = FewLabels(documents=1000)
    shares = [0.001, 0.01, 0.1, 1.0]
    found = [set(task.model_copy(update={"share": share}).labelled(5).tolist()) for share in shares]
    assert [len(rows) for rows in found] == [2, 8, 80, 800]
    assert found[0] < found[1] < found[2] < found[3]
    for rows in found:
        labels = Counter(task.texts["train"][row].label for row in rows)
        assert len(set(labels.values())) == 1, "the classes stay balanced"
        assert set(labels) == set(TOPICS)


def test_seeds_draw_other_documents_and_training_sees_no_others():
    task = FewLabels(documents=1000, share=0.02)
    assert set(task.labelled(0)) != set(task.labelled(1))
    seen = linter.rows([task.train_batch(0, step, 4) for step in range(12)])
    labelled = {task._examples("train", np.array([row])).source.tobytes() for row in task.labelled(0)}
    assert seen == labelled
    assert len(seen) == 16


def test_text_words_and_held_out_splits_do_not_depend_on_the_share():
    few, all_ = FewLabels(documents=1000, share=0.01), Documents(corpus="topics", documents=1000)
    assert few.words == all_.words
    assert few.problem() == all_.problem()
    for one, other in zip(few.evaluation("test", 64), all_.evaluation("test", 64), strict=True):
        assert linter.same(one, other)
    assert few.basis == all_


def test_learned_vectors_tell_topics_apart_without_labels():
    task = FewLabels(vectors="corpus")
    table = task.source_vectors()
    assert table is not None
    assert np.isnan(table[:4]).all()
    assert np.isfinite(table[4:]).all()
    of = np.array([TOPICS.index(name) if name in TOPICS else -1 for name in _stems(task.words)])
    vectors = table[4:] - table[4:].mean(axis=0)
    one, other = (vectors[of == side].mean(axis=0) for side in (0, 1))
    nearer_one = np.linalg.norm(vectors - one, axis=1) < np.linalg.norm(vectors - other, axis=1)
    right = np.concatenate([nearer_one[of == 0], ~nearer_one[of == 1]])
    assert right.mean() > 0.9
    again = FewLabels(vectors="corpus", share=0.01).source_vectors()
    np.testing.assert_array_equal(table, again)


def _stems(words):
    return [word.rstrip("0123456789") for word in words]


def written(folder: Path, words: list[str], rows: np.ndarray) -> Path:
    folder.mkdir()
    path = folder / "my.vec"
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, rows.tolist(), strict=True)]
    path.write_text(f"{len(words)} {rows.shape[1]}\n" + "\n".join(lines) + "\n")
    return path


def test_a_file_of_vectors_is_known_by_its_content(tmp_path: Path):
    rows = np.arange(6.0).reshape(3, 2)
    words = ["w2", "nowhere", "river7"]
    data = {"documents": 400, "share": 0.1}
    here = task_for("few_labels", {**data, "vectors": str(written(tmp_path / "a", words, rows))})
    there = task_for("few_labels", {**data, "vectors": str(written(tmp_path / "b", words, rows))})
    other = task_for("few_labels", {**data, "vectors": str(written(tmp_path / "c", words, rows + 1))})
    assert here == there
    assert here.vectors == "my.vec"
    assert here.vectors_content != other.vectors_content
    (tmp_path / "a" / "my.vec").unlink()
    again = task_for("few_labels", here.model_dump(mode="json"))
    table = again.source_vectors()
    assert table is not None
    np.testing.assert_array_equal(table[4 + again.words.index("w2")], rows[0])
    np.testing.assert_array_equal(table[4 + again.words.index("river7")], rows[2])
    assert np.isfinite(table).all(axis=1).sum() == 2
    facts = again.facts()
    counts = Counter(word for text in again.texts["train"] for word in text.text.split())
    assert facts["vectors_of_words"] == 2 / len(again.words)
    assert facts["vectors_of_text"] == pytest.approx((counts["w2"] + counts["river7"]) / counts.total())
    assert facts["labelled"] == 32


def test_a_cell_holds_no_path(tmp_path: Path):
    path = written(tmp_path / "deep", ["w2"], np.ones((1, 2)))
    cell = make_cell(
        measure="train",
        architecture="lstm",
        task="few_labels",
        data={"vectors": str(path), "documents": 400},
        request=Request(profile="quick", architectures=["lstm"], device="cpu", threads=1),
    )
    assert str(tmp_path) not in cell.model_dump_json()


def test_vectors_that_are_not_there_are_named():
    with pytest.raises(BadInput, match=r"vectors 'none.vec': no such file"):
        task_for("few_labels", {"vectors": "none.vec"})
    with pytest.raises(BadInput, match="are not in the cache"):
        task_for("few_labels", {"vectors": "my.vec", "vectors_content": "0" * 16}).source_vectors()


def test_without_vectors_nothing_is_said_of_them():
    task = FewLabels(documents=400)
    assert task.source_vectors() is None
    assert not [name for name in task.facts() if name.startswith("vectors")]
    assert Documents(documents=400).source_vectors() is None


def test_a_topic_is_that_of_most_topical_words():
    for split, documents in topics(600).items():
        for label, text in documents:
            counts = Counter(_stems(text.split()))
            assert counts[label] > sum(counts[other] for other in TOPICS if other != label), split
            assert 0.2 < (counts.total() - counts["w"]) / counts.total() < 0.4
    # a few documents show few of a topic's words, which is what vectors are for
    few = {w for text in topics(3000)["train"][:24] for w in text.text.split() if w[0] != "w"}
    assert len(few) < TOPICAL


@pytest.mark.skipif(not GLOVE.is_dir(), reason="GloVe and reviews are not in ../shared/data")
def test_glove_covers_the_reviews():
    task = task_for("few_labels", {"corpus": str(REVIEWS), "vectors": str(GLOVE), "share": 0.01})
    facts = task.facts()
    assert facts["labelled"] == 16
    assert 0.7 < facts["vectors_of_words"] < 0.85
    assert 0.85 < facts["vectors_of_text"] < 0.95
