"""The task ``translation``: text round trips, limits are counted, joined sentences keep their order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.corpora.markov import Markov
from experiments.corpora.prepared import EPOCHS_KEPT
from experiments.tasks.find import task_for
from experiments.tasks.translation import Translation
from models.errors import BadInput
from models.problem import BOS, EOS, PAD
from tests.experiments.corpora.conftest import PAIRS, write_text

OPTIONS = {"pair": "en-de", "vocabulary": 300}


@pytest.fixture
def task(tmp_path: Path) -> Translation:
    corpus = str(write_text(tmp_path / "corpus"))
    found = task_for("translation", {**OPTIONS, "corpus": corpus})
    assert isinstance(found, Translation)
    return found


def test_what_is_kept_of_a_task_names_no_path(task: Translation) -> None:
    kept = task.model_dump(mode="json")
    assert kept["corpus"] == "corpus"
    assert kept["test"] == "test"
    assert "/" not in "".join(str(value) for value in kept.values())
    assert task_for("translation", kept) == task


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1))
def test_any_text_survives_encoding(task: Translation, text: str) -> None:
    words = " ".join(text.split())
    tokens = task.encode_target(words)
    assert tokens[-1] == EOS
    assert not {PAD, BOS} & set(tokens)
    assert task.decode([*tokens, PAD, 7]) == words


def test_subwords_are_learned_on_the_training_split_alone(tmp_path: Path) -> None:
    one = write_text(tmp_path / "one", PAIRS)
    held = {**PAIRS, "test": [("zebra zebra zebra", "Zebra Zebra Zebra")] * 50}
    two = write_text(tmp_path / "two", held)
    first, second = (
        task_for("translation", {**OPTIONS, "corpus": str(folder)}) for folder in (one, two)
    )
    assert first.encode_source("zebra the dog") == second.encode_source("zebra the dog")
    assert len(second.encode_source("zebra")) > 3  # letter by letter: the test split taught nothing


def test_separate_vocabularies_differ_and_are_named(tmp_path: Path, task: Translation) -> None:
    apart = task.model_copy(update={"joint": False})
    assert "separate" in apart.tokeniser()
    assert "joint" in task.tokeniser()
    assert apart.tokeniser() != task.tokeniser()
    assert apart.decode(apart.encode_target("der Hund sieht")) == "der Hund sieht"


def test_training_batches_hold_the_pairs(task: Translation) -> None:
    seen = []
    batches = [task.train_batch(0, step, 200) for step in range(40)]
    for examples in batches:
        assert examples.source.size <= 200
        assert examples.target.size <= 200
        for source, target in zip(examples.source.tolist(), examples.target.tolist(), strict=True):
            seen.append((task.decode(source), task.decode(target)))
    assert set(seen) == set(PAIRS["train"])
    assert seen[:60] != seen[60:120]


def test_a_step_is_found_again_after_many_epochs(task: Translation) -> None:
    steps = [0, 57, 3, 57]
    tokens = [task.train_batch(1, step, 200).source.tolist() for step in steps]
    assert tokens[1] == tokens[3]
    assert len(task.data._epochs) <= EPOCHS_KEPT


def test_what_is_beyond_the_limit_is_counted(tmp_path: Path) -> None:
    long = ("dogs " * 50, "Hunde " * 50)
    pairs = {**PAIRS, "train": [*PAIRS["train"], long], "test": [*PAIRS["test"], long]}
    given = {**OPTIONS, "corpus": str(write_text(tmp_path / "corpus", pairs)), "max_tokens": 20}
    task = task_for("translation", given)
    assert isinstance(task, Translation)
    assert task.overlong("train") == 1
    assert task.overlong("test") == 1
    assert len(task.encode_source(long[0])) == 20
    assert len(list(task.evaluation("test", 1000))) > 0
    assert sum(len(batch) for batch in task.evaluation("test", 1000)) == 3
    with pytest.raises(BadInput, match="every training pair of corpus is longer"):
        task_for("translation", {**given, "max_tokens": 2}).train_batch(0, 0, 100)


def test_joined_sentences_are_neighbours_in_order(tmp_path: Path) -> None:
    tests = [(f"cat {n}", f"Katze {n}") for n in range(5)]
    corpus = str(write_text(tmp_path / "corpus", {**PAIRS, "test": tests}))
    task = task_for("translation", {**OPTIONS, "corpus": corpus, "joined": [2]})
    assert isinstance(task, Translation)
    assert task.test_sets() == ("test", "joined 2")
    assert [pair.source for pair in task.pairs("joined 2")] == ["cat 0 cat 1", "cat 2 cat 3"]
    assert [pair.reference for pair in task.pairs("joined 2")] == ["Katze 0 Katze 1", "Katze 2 Katze 3"]


def test_a_wrong_test_set_or_vocabulary_is_named(tmp_path: Path) -> None:
    corpus = str(write_text(tmp_path / "corpus"))
    with pytest.raises(BadInput, match=r"test = 'tset': no such test set\. Did you mean 'test'"):
        task_for("translation", {**OPTIONS, "corpus": corpus, "test": "tset"})
    with pytest.raises(BadInput, match="needs at least 259"):
        task_for("translation", {**OPTIONS, "corpus": corpus, "vocabulary": 100}).problem()
    with pytest.raises(BadInput, match="joined"):
        task_for("translation", {**OPTIONS, "corpus": corpus, "joined": [1]})


def test_the_markov_floor_by_hand() -> None:
    # sentences 3 4 EOS, 3 4 EOS, 3 5 EOS: after BOS comes 3, after 3 most often 4, after 4 the end
    stream = np.array([3, 4, EOS, 3, 4, EOS, 3, 5, EOS], dtype=np.uint32)
    model = Markov(stream, 6)
    assert model.sentence() == [3, 4]
    assert model.accuracy([[3, 4, EOS], [3, 5, EOS]]) == 3 / 4


def test_a_loop_of_the_markov_model_ends() -> None:
    assert Markov(np.array([3, 4, 3, 4, 3, 4, EOS], dtype=np.uint32), 5).sentence() == [3, 4]


def test_generated_text_needs_no_files() -> None:
    task = task_for("translation", {})
    assert isinstance(task, Translation)
    assert task.corpus == "scan"
    batch = next(iter(task.evaluation("test", 500)))
    assert task.decode(batch.target[0].tolist()).startswith(("WALK", "LOOK", "RUN", "JUMP", "TURN"))


def test_text_that_looks_like_a_special_token_is_text(task: Translation) -> None:
    text = "nutze </s> den tag <pad> <s> hier"
    tokens = task.encode_target(text)
    assert tokens.count(EOS) == 1
    assert not {PAD, BOS} & set(tokens)
    assert task.decode(tokens) == text
