"""Word vectors: every format gives the same, wrong files are named by line, content is the identity."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from experiments.corpora.cache import cache_folder
from experiments.corpora.kept_vectors import content_of, keep_vectors, kept_vectors, vectors_named
from experiments.corpora.word_vectors import WordVectors, read_vectors
from models.errors import BadInput

GLOVE = Path(__file__).parents[3] / "../shared/data/glove50_20k"

WORDS = ("the", "river", "naïve", "bank")
MATRIX = np.array([[0.5, -1.25], [2.0, 0.0], [1e-3, 4.0], [-0.75, 8.0]], dtype=np.float32)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))


def text(header: str = "", end: str = "\n") -> bytes:
    rows = [
        " ".join([word, *(f"{value:.9g}" for value in row)]) + end
        for word, row in zip(WORDS, MATRIX, strict=True)
    ]
    return (header + "".join(rows)).encode()


def written(folder: Path, form: str) -> Path:
    if form == "folder":
        (folder / "both").mkdir()
        np.save(folder / "both" / "matrix.npy", MATRIX)
        (folder / "both" / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
        return folder / "both"
    if form == "npy":
        np.save(folder / "mine.npy", MATRIX.astype(np.float64))
        (folder / "mine.txt").write_text("\r\n".join(WORDS), encoding="utf-8")
        return folder / "mine.npy"
    path = folder / f"vectors.{form}"
    data = {
        "glove": text(),
        "word2vec": text("4 2\n"),
        "vec": text("4 2\n", " \n"),  # fastText ends its lines with a space
        "gz": gzip.compress(text("4 2\n")),
    }[form]
    path.write_bytes(data)
    return path


FORMS = ("glove", "word2vec", "vec", "gz", "npy", "folder")


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same(form: str, tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path, form), ["bank", "absent", "naïve"])
    assert found.words == ("bank", "naïve")
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, MATRIX[[3, 2]])


def test_the_content_is_that_of_the_vectors_not_of_the_file(tmp_path: Path) -> None:
    contents = {keep_vectors(read_vectors(written(tmp_path, form), ["bank", "the"])) for form in FORMS}
    assert len(contents) == 1
    (content,) = contents
    kept = kept_vectors(content, "vectors")
    assert kept.words == ("bank", "the")
    np.testing.assert_array_equal(kept.vectors, MATRIX[[3, 0]])
    other = WordVectors(kept.words, kept.vectors + np.float32(1))
    assert content_of(other) != content
    assert content_of(WordVectors(("the", "bank"), kept.vectors)) != content


def test_a_word_takes_its_lower_case_form_where_its_own_is_missing(tmp_path: Path) -> None:
    found = read_vectors(written(tmp_path, "glove"), ["The", "the", "BANK"])
    assert found.words == ("The", "the", "BANK")
    np.testing.assert_array_equal(found.vectors, MATRIX[[0, 0, 3]])


def test_a_word_may_have_spaces_where_no_header_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(text() + b". . . 1 2\n")
    np.testing.assert_array_equal(read_vectors(path, [". . ."]).vectors, [[1, 2]])
    path.write_bytes(text("5 2\n") + b". . . 1 2\n")
    with pytest.raises(BadInput, match=r"odd.txt, line 6: 4 numbers, where others have 2"):
        read_vectors(path, ["the"])


def test_the_first_of_two_vectors_counts(tmp_path: Path) -> None:
    path = tmp_path / "twice.txt"
    path.write_bytes(text() + b"the 9 9\n")
    np.testing.assert_array_equal(read_vectors(path, ["the"]).vectors, MATRIX[:1])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\n", "line 1: write a word and its numbers"),
        (text() + b"short 1\n", "line 5: 1 numbers, where others have 2"),
        (text() + b"long 1 2 3\n", "line 5: 3 numbers, where others have 2"),
        (text() + b"\nmore 1 2\n", "line 5: it is empty"),
        (text("9 2\n"), "line 5: the file ends after 4 of 9 words"),
        (b"the 1 x\n", "line 1: 2 finite numbers"),
        (b"the 1 nan\n", "line 1: 2 finite numbers"),
        (b"4 2\n\xff\xfe\x00 1 2\n", "line 2: not UTF-8"),
        (b"other 1 2\n", "none of the 1 words"),
    ],
)
def test_a_wrong_file_is_named_by_its_line(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.txt"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=why) as error:
        read_vectors(path, ["the"])
    assert "\n" not in str(error.value)


def test_a_damaged_archive_and_a_missing_file_are_named(tmp_path: Path) -> None:
    packed = gzip.compress(text())
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadInput, match="cannot be read"):
        read_vectors(tmp_path / "cut.gz", ["the"])
    with pytest.raises(BadInput, match=r"no such file. Did you mean 'cut.gz'"):
        read_vectors(tmp_path / "cut.g", ["the"])
    with pytest.raises(BadInput, match="no such file"):
        read_vectors(tmp_path / "none.npy", ["the"])


@pytest.mark.parametrize(
    ("matrix", "words", "why"),
    [
        (MATRIX, None, "no list of its words beside it; looked for m.txt, words.txt, vocab.txt"),
        (MATRIX, "the\nriver\n", "2 words, but m.npy has 4 rows"),
        (MATRIX[0], "the\n", "not float32 of shape"),
        (np.arange(4).reshape(2, 2), "the\nriver\n", "not int64 of shape"),
        (np.full((1, 2), np.inf, dtype=np.float32), "the\n", "row 1 .'the'.: not finite"),
    ],
)
def test_a_wrong_matrix_is_named(
    matrix: np.ndarray, words: str | None, why: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "m.npy", matrix)
    if words is not None:
        (tmp_path / "m.txt").write_text(words)
    with pytest.raises(BadInput, match=why):
        read_vectors(tmp_path / "m.npy", ["the"])


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Loud:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    np.save(tmp_path / "m.npy", np.array([Loud()], dtype=object), allow_pickle=True)
    (tmp_path / "m.txt").write_text("the\n")
    with pytest.raises(BadInput, match="is no matrix of numbers"):
        read_vectors(tmp_path / "m.npy", ["the"])
    assert not (tmp_path / "ran").exists()


def test_what_was_kept_is_checked_and_asked_for_again(tmp_path: Path) -> None:
    content = keep_vectors(WordVectors(WORDS, MATRIX))
    place = cache_folder() / "vectors" / content
    np.save(place / "vectors.npy", MATRIX * 2)
    with pytest.raises(BadInput, match="was changed"):
        kept_vectors(content, "mine")
    (place / "vectors.npy").write_bytes(b"damaged")
    assert vectors_named(content) is None
    with pytest.raises(BadInput, match="are not in the cache"):
        kept_vectors(content, "mine")


@pytest.mark.skipif(not GLOVE.is_dir(), reason="GloVe vectors are not in ../shared/data")
def test_glove_knows_which_words_are_alike() -> None:
    words = ["good", "bad", "better", "monday", "tuesday", "zzzz"]
    found = read_vectors(GLOVE, words)
    assert found.words == tuple(words[:5])
    assert found.vectors.shape == (5, 50)
    unit = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
    alike = unit @ unit.T
    assert alike[3, 4] > 0.8
    assert alike[0, 2] > alike[0, 3]
