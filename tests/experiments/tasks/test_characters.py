"""Characters: known entropy, windows, floors, and files that a user names."""

import gzip
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from experiments.tasks.characters import Characters, Text, chain
from experiments.tasks.find import task_for
from experiments.tasks.markov_text import LETTERS, Chain, markov_text
from models.errors import BadInput
from tests.experiments.tasks import linter

SHAKESPEARE = Path(__file__).parents[3] / "../shared/data/tinyshakespeare/input.txt.gz"
TEXT = "to be, or not to be: that is the question\n" * 60


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))


def from_file(path: Path, text: str | bytes = TEXT, **options: object) -> Characters:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Characters.model_validate({"corpus": str(path), "length": 16, **options})


def test_the_docstring_runs():
    linter.lint_docstring(Characters)


def test_training_is_a_function_of_seed_and_step():
    linter.lint_reproducible(Characters(characters=20_000))


def test_targets_are_tokens_of_the_problem():
    task = Characters(characters=20_000)
    for batch in linter.all_batches(task):
        linter.lint_target(task, batch)
        assert batch.source.shape == (len(batch), 0)
        assert batch.target.min() > 3
        assert batch.target_mask is None


# The chain --------------------------------------------------------------------------------------


def test_the_chains_pairs_are_stationary():
    found = Chain(5)
    np.testing.assert_allclose(found.p_KKK.sum(axis=2), 1)
    after_KK = np.einsum("ij,ijk->jk", found.pair_KK, found.p_KKK)
    np.testing.assert_allclose(after_KK, found.pair_KK, atol=1e-12)


def test_the_text_follows_the_chain():
    counts = Counter(zip(*(markov_text(4, 200_000)[k:] for k in range(3)), strict=False))
    before: Counter[tuple[str, str]] = Counter()
    for (one, two, _), count in counts.items():
        before[one, two] += count
    for (one, two, three), count in counts.items():
        n = before[one, two]
        p = chain(4).p_KKK[tuple(LETTERS.index(letter) for letter in (one, two, three))]
        assert abs(count / n - p) < 5 * math.sqrt(p * (1 - p) / n) + 1e-9


def test_the_optimum_is_the_entropy_of_the_chain():
    """By the ergodic theorem (Shannon 1948, theorem 5); Markov models of lower order know less."""
    task = Characters(characters=400_000, length=1000)
    found = task.facts()
    assert found["bits_optimum"] == pytest.approx(chain(task.letters).entropy_rate(), abs=0.03)
    assert found["bits_optimum"] < found["bits_bigram"] < found["bits_unigram"]
    assert found["bits_unigram"] <= math.log2(task.letters) + 0.01


def test_bits_of_a_window_by_hand():
    found = Chain(3)
    first = found.pair_KK.sum(axis=1)[2]
    probability = first * (found.pair_KK[2, 1] / first) * found.p_KKK[2, 1, 0] * found.p_KKK[1, 0, 0]
    assert found.bits(np.array([[2, 1, 0, 0]])) == pytest.approx(-math.log2(probability) / 4)


# Splits and windows -----------------------------------------------------------------------------


def test_the_splits_are_contiguous_and_complete():
    text = Text(TEXT)
    joined = [point for split in ("train", "validation", "test") for point in text.parts[split]]
    assert "".join(map(chr, joined)) == TEXT
    assert len(text.parts["validation"]) == len(text.parts["test"]) == len(TEXT) // 20


def test_held_out_windows_are_the_text_itself():
    task = Characters(characters=20_000, length=50)
    windows = [row for batch in task.evaluation("test", 3) for row in batch.target]
    spelled = "".join(task.decode(row.tolist()) for row in windows)
    assert spelled == markov_text(task.letters, 20_000)[19_000:]
    assert {len(row) for row in windows} == {50}


def test_an_epoch_shows_the_training_text_once_and_the_next_begins_elsewhere():
    task = Characters(characters=1_700 * 10, length=16, letters=26)
    text = markov_text(26, 17_000)
    train = text[: len(text) * 18 // 20]
    size = (len(train) - 15) // 16
    steps = -(-size // 100)
    starts = []
    for epoch in range(3):
        rows = [
            task.decode(row.tolist())
            for step in range(epoch * steps, (epoch + 1) * steps)
            for row in task.train_batch(5, step, 100).target
        ]
        assert len(rows) == size
        first = next(f for f in range(16) if train[f : f + 16] in rows)
        assert sorted(rows) == sorted(train[first + 16 * k : first + 16 * (k + 1)] for k in range(size))
        starts.append(first)
    assert len(set(starts)) > 1


def test_a_window_longer_than_the_test_split_is_refused():
    with pytest.raises(BadInput, match="length = 2000: the test split, 5 % of the text, has 1000"):
        task_for("characters", {"characters": 20_000, "length": 2000})


# Floors -----------------------------------------------------------------------------------------


def test_the_floors_equal_counts_by_hand(tmp_path: Path):
    task = from_file(tmp_path / "text.txt")
    train, test = task.text.tokens["train"].tolist(), task.text.windows("test", 16).tolist()
    symbols = range(3, task.problem().target_size)
    ones, twos = Counter(train), Counter(pairwise(train))
    before = Counter(train[:-1])
    unigram = {s: (ones[s] + 1) / (len(train) + len(symbols)) for s in symbols}
    bits, right = [], 0
    for row in test:
        bits.append(-math.log2(unigram[row[0]]))
        right += row[0] == max(symbols, key=lambda s: unigram[s])
        for a, b in pairwise(row):
            bits.append(-math.log2((twos[a, b] + unigram[b]) / (before[a] + 1)))
            best = max(symbols, key=lambda s: twos[a, s] + unigram[s])
            right += best == b
    facts = task.facts()
    assert facts["bits_bigram"] == pytest.approx(np.mean(bits))
    assert facts["bits_unigram"] == pytest.approx(
        np.mean([-math.log2(unigram[s]) for row in test for s in row])
    )
    assert task.target_only_floor() == pytest.approx(right / len(bits))
    assert "bits_optimum" not in facts


def test_a_language_model_has_no_oracle():
    with pytest.raises(ValueError, match="no source"):
        Characters(characters=20_000).solve(np.zeros(0), 0)


# Files ------------------------------------------------------------------------------------------


def test_a_corpus_is_its_name_and_content(tmp_path: Path):
    one = from_file(tmp_path / "text.txt")
    (tmp_path / "elsewhere").mkdir()
    other = from_file(tmp_path / "elsewhere" / "text.txt", TEXT.replace("\n", "\r\n"))
    assert one == other
    assert one.corpus == "text.txt"
    assert str(tmp_path) not in str(one.model_dump())
    (tmp_path / "text.txt").unlink()
    again = task_for("characters", one.model_dump(mode="json"))
    assert again.text.tokens["test"].tolist() == one.text.tokens["test"].tolist()
    assert from_file(tmp_path / "text.txt", TEXT + "!").content != one.content


def test_gzip_is_the_same_text(tmp_path: Path):
    plain = from_file(tmp_path / "text.txt")
    packed = from_file(tmp_path / "text.txt.gz", gzip.compress(TEXT.encode()))
    assert packed.content == plain.content


def test_characters_that_training_lacks_are_one_token_and_counted(tmp_path: Path):
    task = from_file(tmp_path / "text.txt", TEXT[:-60] + "\u00e9" * 60)
    assert task.facts()["unknown_share"] > 0.3
    assert task.encode("to \u00e9")[-1] == 3
    assert task.decode([*task.encode("to \u00e9"), 0, 2]) == "to \ufffd"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nb\xffd\n", r"text\.txt, line 2: not UTF-8 \(byte 0xff\); convert the file"),
        (b" \n\n", r"corpus '.*text\.txt' is empty\."),
        (b"short", r"length = 16: the test split, 5 % of the text, has 1 characters only"),
    ],
)
def test_a_bad_file_is_named_in_one_line(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        task_for("characters", {"corpus": str(tmp_path / "text.txt"), "length": 16})
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named_with_its_nearest_neighbour(tmp_path: Path):
    (tmp_path / "text.txt").write_text(TEXT)
    with pytest.raises(BadInput, match=r"no such file. Did you mean 'text.txt'"):
        task_for("characters", {"corpus": str(tmp_path / "test.txt")})


def test_a_damaged_archive_is_named(tmp_path: Path):
    (tmp_path / "text.gz").write_bytes(gzip.compress(TEXT.encode())[:-20])
    with pytest.raises(BadInput, match=r"text\.gz' cannot be read"):
        task_for("characters", {"corpus": str(tmp_path / "text.gz")})


def test_a_corpus_that_is_not_in_the_cache_is_named():
    with pytest.raises(BadInput, match=r"'text\.txt' \(content 0123456789abcdef\) is not in the cache"):
        task_for("characters", {"corpus": "text.txt", "content": "0123456789abcdef"})


def test_a_changed_copy_is_refused(tmp_path: Path):
    task = from_file(tmp_path / "text.txt")
    copy = tmp_path / "cache" / "texts" / task.content / "text.txt"
    copy.write_text(TEXT + "changed")
    from experiments.tasks import characters

    characters._text.cache_clear()
    with pytest.raises(BadInput, match="was changed"):
        task_for("characters", task.model_dump())


@pytest.mark.skipif(not SHAKESPEARE.is_file(), reason="no tiny Shakespeare beside the project")
def test_tiny_shakespeare():
    task = Characters(corpus=str(SHAKESPEARE))
    assert len(task.text.points) == 65
    assert sum(map(len, task.text.parts.values())) == 1_115_394
    assert task.facts()["unknown_share"] == 0
    # Markov models of order 0 and 1 of English letters: Shannon 1951, table I, has 4.0 and 3.3 of 26
    assert 3 < task.facts()["bits_bigram"] < 4 < task.facts()["bits_unigram"] < 5
