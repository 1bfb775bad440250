"""The first-order Markov model: counted in parts as in one piece, and kept."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.corpora import markov
from experiments.corpora.markov import Markov, likeliest_following
from models.problem import BOS, EOS

VOCABULARY = 9

streams = st.lists(
    st.lists(st.integers(EOS + 1, VOCABULARY - 1), max_size=6), min_size=1, max_size=20
).map(lambda rows: np.array([token for row in rows for token in (*row, EOS)], dtype=np.uint32))


def by_hand(tokens: np.ndarray) -> list[int]:
    counts: dict[int, Counter[int]] = {token: Counter() for token in range(VOCABULARY)}
    before = BOS
    for token in tokens.tolist():
        counts[before][token] += 1
        before = BOS if token == EOS else token
    return [
        min(count, key=lambda token: (-count[token], token)) if count else EOS
        for count in counts.values()
    ]


@given(tokens=streams, counters=st.integers(1, 100), at_once=st.integers(1, 50))
def test_counting_in_parts_is_counting(tokens: np.ndarray, counters: int, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markov, "_AT_ONCE", at_once)
        assert likeliest_following(tokens, VOCABULARY, counters).tolist() == by_hand(tokens)


def test_it_is_counted_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.array([3, 4, EOS, 3, 5, 4, EOS, 3, 5, 4, EOS], dtype=np.uint32).tofile(tmp_path / "tokens")
    stream = np.memmap(tmp_path / "tokens", dtype=np.uint32, mode="r")
    first = Markov.kept("a", stream, VOCABULARY)
    assert first.sentence() == [3, 5, 4]
    monkeypatch.setattr(markov, "likeliest_following", None)
    assert Markov.kept("a", stream, VOCABULARY).following.tolist() == first.following.tolist()
    with pytest.raises(TypeError):
        Markov.kept("b", stream, VOCABULARY)


def test_what_was_kept_and_is_damaged_is_counted_again(cache: Path) -> None:
    stream = np.array([3, 4, EOS], dtype=np.uint32)
    Markov.kept("a", stream, VOCABULARY)
    (file,) = cache.rglob("following.npy")
    for damage in (b"", b"\x93NUMPY", file.read_bytes()[:-8]):
        file.write_bytes(damage)
        assert Markov.kept("a", stream, VOCABULARY).sentence() == [3, 4]
    np.save(file, np.full(VOCABULARY, VOCABULARY))
    assert Markov.kept("a", stream, VOCABULARY).sentence() == [3, 4]
