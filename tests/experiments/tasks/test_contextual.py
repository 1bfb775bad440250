"""Contextual features: those of the encoder itself, whatever the length, and no pickles."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.corpora.contextual import encoded, encoder_folder
from experiments.data import to_batch
from experiments.fit import Subject
from experiments.tasks.contextual import Contextual
from experiments.tasks.find import task_for
from experiments.tasks.topics import topics
from models.errors import BadInput
from models.recipe import Recipe
from models.registry import architecture, config_for
from tests.experiments.tasks import linter

transformers = pytest.importorskip("transformers", reason="the extra 'contextual' is not installed")

POSITIONS, WIDTH = 24, 12
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{n}" for n in range(1, 301)), "river", "market"]
PIECES += [f"##{n}" for n in range(10)]
DOCUMENTS = {"documents": 120, "max_tokens": 30}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of random weights, its tokeniser cutting ``river42`` into three pieces."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    place = tmp_path_factory.mktemp("encoders") / "tiny-bert"
    raw = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(PIECES),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=POSITIONS,
    )
    transformers.BertModel(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def task(folder: Path) -> Contextual:
    return task_for("contextual", {**DOCUMENTS, "encoder": str(folder), "share": 0.5})  # type: ignore[return-value]


def by_hand(folder: Path, words: list[str]) -> np.ndarray:
    """One word at a time: the mean over its pieces' states, of a text that the encoder reads whole."""
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    pieces = [tokenizer.tokenize(word) for word in words]
    ids = [2, *tokenizer.convert_tokens_to_ids([p for word in pieces for p in word]), 3]
    with torch.inference_mode():
        states = model(torch.tensor([ids])).last_hidden_state[0, 1:-1].numpy()
    ends = np.cumsum([len(word) for word in pieces])
    return np.stack([part.mean(axis=0) for part in np.split(states, ends[:-1])])


def test_features_are_the_mean_states_of_a_words_pieces(folder: Path) -> None:
    words = ["w1", "river42", "w300", "unheard", "market7"]
    (found,) = encoded(folder, [words])
    assert found.shape == (5, WIDTH)
    np.testing.assert_allclose(found, by_hand(folder, words), atol=1e-5)


def test_a_long_text_is_read_in_parts_of_whole_words(folder: Path) -> None:
    words = [f"river{n}" for n in range(10, 24)]  # three pieces each, six words to a part
    (found,) = encoded(folder, [words])
    for begin in (0, 6, 12):
        part = words[begin : begin + 6]
        np.testing.assert_allclose(found[begin : begin + 6], by_hand(folder, part), atol=1e-5)


def test_the_context_matters(folder: Path) -> None:
    one, other = encoded(folder, [["w1", "w2"], ["w1", "w3"]])
    assert np.abs(one[0] - other[0]).max() > 1e-3


@pytest.mark.parametrize(
    "check",
    [linter.lint_arrays, linter.lint_answers, linter.lint_reproducible, linter.lint_disjoint],
    ids=lambda check: check.__name__,
)
def test_lint(check: Any, task: Contextual) -> None:
    check(task)


def test_documents_labels_and_splits_are_those_of_few_labels(task: Contextual) -> None:
    plain = task_for("few_labels", {**DOCUMENTS, "share": 0.5})
    for one, other in zip(task.evaluation("test", 8), plain.evaluation("test", 8), strict=True):
        np.testing.assert_array_equal(one.target, other.target)
        np.testing.assert_array_equal(one.source_lengths, other.source_lengths)
    first = next(task.evaluation("test", 1))
    texts = [text.split()[:30] for _, text in topics(120)["test"]]
    words = next(words for words in texts if len(words) == int(first.source_lengths[0]))
    assert first.source.shape == (1, len(words), WIDTH)
    assert task.problem().source_kind == "floats"


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_an_architecture_reads_them(name: str, task: Contextual) -> None:
    cls = architecture(name)
    config = config_for(cls, {"width": 16})
    model = Subject(architecture=cls, config=config, task=task, recipe=Recipe()).build(0)
    batch = to_batch(task.train_batch(0, 0, 4))
    assert model(batch).shape == (4, 2)


def test_the_encoder_is_known_by_its_content(folder: Path, task: Contextual, tmp_path: Path) -> None:
    plain = task.model_dump(mode="json")
    assert plain["encoder"] == "tiny-bert"
    assert str(folder) not in str(plain)
    assert task_for("contextual", plain) == task
    moved = tmp_path / "tiny-bert"
    moved.mkdir()
    for path in folder.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    again = task_for("contextual", {**DOCUMENTS, "encoder": str(moved), "share": 0.5})
    assert again == task


def test_pickled_weights_are_not_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"should hold config.json and \*.safetensors"):
        encoder_folder(str(tmp_path))


def test_what_is_missing_is_said_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        encoder_folder("./nowhere")
    with pytest.raises(BadInput, match="name a folder, or a model on the hub"):
        task_for("contextual", {})
    with pytest.raises(BadInput, match="has no embedding to start"):
        task_for("contextual", {"encoder": str(folder), "vectors": "corpus"})
    with pytest.raises(BadInput, match="are not in the cache"):
        task_for("contextual", {"encoder": "x", "encoder_content": "0" * 16}).problem()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="pip install 'seqyard\\[contextual\\]'") as error:
        encoder_folder(str(folder))
    assert "\n" not in str(error.value)
