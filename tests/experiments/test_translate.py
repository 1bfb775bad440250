"""``seqyard translate``: lines in, lines out, with the weights of a store."""

import io
import json
import sys
from pathlib import Path

import pytest
import torch

from experiments import cli
from experiments.cell import Cell
from experiments.measures.base import Context
from experiments.measures.translate import Translate
from experiments.measures.translating import decode
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.record import Record
from experiments.store import Store
from experiments.tasks.text import Pair
from experiments.trained import choose, load
from models.decoding import log_probabilities
from tests.experiments.corpora.conftest import PAIRS, write_text

COMMANDS = ["walk", "jump twice and look left", "", "run around right after walk thrice"]
SCAN = {"held_out": 20, "scored_sentences": 10}


def train(store: Store, architecture: str, task: str, data: dict, seed: int = 0) -> Cell:
    cell = make_cell(
        measure="translate",
        architecture=architecture,
        task=task,
        data=data,
        model={"width": 16},
        recipe={"steps": 30, "batch_size": 32, "validate_every": 10, "learning_rates": [3e-3]},
        options={"beam": 2, "samples": 0},
        seed=seed,
        request=Request(profile="quick", architectures=[architecture], device="cpu", threads=1),
        threads=1,
    )
    outcome = Translate().one(cell, Context(store=store))
    store.write(Record(key=cell.key, cell=cell, status="ok", metrics=outcome.metrics))
    return cell


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Cell, Cell]:
    store = Store(tmp_path_factory.mktemp("trained"))
    store.create()
    return store, train(store, "attentional_lstm", "scan", SCAN), train(store, "rnn", "scan", SCAN)


@pytest.fixture
def translate(trained, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command over lines on the standard input; return its lines."""

    def run(*arguments: str, text: str = "\n".join(COMMANDS) + "\n", store: object = None) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = cli.main(["translate", str(store or trained[0].folder), "--threads", "1", *arguments])
        found = capsys.readouterr()
        assert code == 0, found.err
        return found.out.splitlines()

    return run


@pytest.fixture
def refused(trained, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command, which is to refuse; return its one line."""

    def run(*arguments: str, store: object = None, raw: bytes = b"walk\n") -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        code = cli.main(["translate", str(store or trained[0].folder), "--threads", "1", *arguments])
        assert code == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert said[-1].startswith("seqyard: error: ")
        return said[-1]

    return run


LSTM = ("--architecture", "attentional_lstm")


def test_each_line_is_decoded_as_the_test_set_was(translate, trained, tmp_path: Path) -> None:
    store, cell, _ = trained
    task, model = load(store, store.read(cell.key), "cpu")
    pairs = [Pair(command, "") for command in COMMANDS if command]
    found = decode(model, task, pairs, beam=2, length_penalty=0.6)
    expected = [output.text for output in found]
    expected.insert(2, "")
    assert len(set(expected)) > 2
    assert translate("--key", cell.key) == expected
    assert translate(*LSTM, "--workers", "2", "--batch-size", "1", "--together", "2") == expected
    file = tmp_path / "commands.txt"
    file.write_text("\n".join(COMMANDS), encoding="utf-8")
    assert translate(*LSTM, str(file)) == expected
    greedy = [output.text for output in decode(model, task, pairs)]
    greedy.insert(2, "")
    assert translate(*LSTM, "--beam", "1", "--length-penalty", "0") == greedy


def test_the_n_best_are_ranked_and_have_the_models_own_probability(translate, trained) -> None:
    store, cell, _ = trained
    task, model = load(store, store.read(cell.key), "cpu")
    options = (*LSTM, "--n-best", "3", "--beam", "4", "--length-penalty", "0")
    rows = [json.loads(line) for line in translate(*options, "--json")]
    assert [(row["line"], row["source"]) for row in rows] == list(enumerate(COMMANDS, start=1))
    assert rows[2]["outputs"] == []
    for row in rows[:2] + rows[3:]:
        assert len(row["outputs"]) == 3
        scores = [output["score"] for output in row["outputs"]]
        assert scores == sorted(scores, reverse=True)
        source = torch.tensor([task.encode_source(row["source"])])
        for output in row["outputs"]:
            assert output["score"] == output["log_probability"]
            if output["ended"]:
                tokens = task.encode_target(output["text"])
                own = float(log_probabilities(model, source, None, [tokens])[0])
                assert output["log_probability"] == pytest.approx(own, abs=1e-4)
    plain = [line.split("\t") for line in translate(*options)]
    assert [row[0] for row in plain] == ["1"] * 3 + ["2"] * 3 + ["3"] + ["4"] * 3
    assert plain[3][2] == rows[1]["outputs"][0]["text"]
    assert float(plain[3][1]) == pytest.approx(rows[1]["outputs"][0]["score"], rel=1e-4)


def test_samples_follow_the_seed_alone(translate) -> None:
    options = (*LSTM, "--sample", "--temperature", "1.5", "--top-k", "5", "--top-p", "0.99")
    options = (*options, "--n-best", "4", "--batch-size", "2")
    first = translate(*options, "--seed", "1")
    assert translate(*options, "--seed", "1", "--workers", "2") == first
    assert translate(*options, "--seed", "2") != first
    assert translate(*options) != translate(*options)  # a seed of its own
    likeliest = translate(*LSTM, "--sample", "--top-k", "1")
    assert likeliest == translate(*LSTM, "--beam", "1", "--length-penalty", "0")


def test_of_several_seeds_the_best_on_validation_translates(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.create()
    cells = [train(store, "rnn", "scan", SCAN, seed) for seed in (0, 1)]
    for cell, score in zip(cells, (3.0, 2.0), strict=True):
        record = store.read(cell.key)
        metrics = {**record.metrics, "validation_bleu": score}
        store.write(record.model_copy(update={"metrics": metrics}))
    assert choose(store).key == cells[0].key
    (store.artifacts / f"{cells[0].key}.safetensors").unlink()
    assert choose(store).key == cells[1].key


def test_what_cannot_be_chosen_is_named(refused, trained, tmp_path: Path) -> None:
    _, cell, _ = trained
    assert "--architecture: attentional_lstm, rnn" in refused()
    assert "Did you mean 'rnn'?" in refused("--architecture", "rn")
    assert f"Did you mean '{cell.key}'?" in refused("--key", cell.key[:-1] + "g")
    assert "no such folder" in refused(store=tmp_path / "nowhere")
    assert "no trained model that translates" in refused(store=tmp_path)
    assert "no such file" in refused(*LSTM, str(tmp_path / "nothing.txt"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--temperature", "2"], "--temperature needs --sample"),
        (["--seed", "2"], "--seed needs --sample"),
        (["--sample", "--beam", "2"], "--beam does not go with --sample"),
        (["--sample", "--top-p", "1.5"], "--top-p 1.5 is more than 1"),
        (["--n-best", "3"], "--n-best 3: at most the beam, which is 2"),
        (["--bem", "3"], "Did you mean '--beam'?"),
    ],
)
def test_options_that_do_not_go_together_are_named(refused, options: list[str], said: str) -> None:
    assert said in refused(*LSTM, *options)


def test_wrong_lines_are_named(refused) -> None:
    assert "line 2: " in refused(*LSTM, raw=b"walk\nwlak\n")
    assert "standard input, line 2: not UTF-8 (byte 0xff)" in refused(*LSTM, raw=b"walk\n\xff\n")


def test_weights_that_are_missing_damaged_or_others_are_named(refused, trained, tmp_path: Path) -> None:
    store, cell, other = trained
    copy = Store(tmp_path)
    copy.create()
    copy.write(store.read(cell.key))
    assert "are not in" in refused(store=tmp_path)
    assert f"weights of attentional_lstm (record {cell.key})" in refused(
        "--key", cell.key, store=tmp_path
    )
    copy.artifacts.mkdir()
    weights = copy.artifacts / f"{cell.key}.safetensors"
    weights.write_bytes(b"no weights")
    assert "is damaged" in refused(store=tmp_path)
    weights.write_bytes((store.artifacts / f"{other.key}.safetensors").read_bytes())
    assert "does not fit" in refused(store=tmp_path)
    copy.write(store.read(cell.key).model_copy(update={"status": "failed"}))
    assert "no trained model that translates, but translate of scan, failed" in refused(
        "--key", cell.key, store=tmp_path
    )


def test_a_corpus_of_files(
    translate, refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "here"))
    corpus = write_text(tmp_path / "corpus")
    store = Store(tmp_path / "store")
    store.create()
    data = {"corpus": str(corpus), "pair": "en-de", "vocabulary": 300, "max_tokens": 60}
    train(store, "rnn", "translation", data)
    first = translate(store=store.folder, text="the dog sees 3 cats\n" + "dog " * 60 + "\n")
    assert len(first) == 2

    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "another_machine"))
    assert "is not in the cache" in refused(store=store.folder)
    changed = write_text(tmp_path / "changed", {**PAIRS, "test": [("a", "ein")]})
    assert "has other text" in refused("--corpus", str(changed), store=store.folder)
    again = translate("--corpus", str(corpus), store=store.folder, text="the dog sees 3 cats\n")
    assert again == first[:1]


def test_a_line_that_is_cut_is_told(
    trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))
    store = Store(tmp_path / "store")
    store.create()
    corpus = str(write_text(tmp_path / "corpus"))
    data = {"corpus": corpus, "pair": "en-de", "vocabulary": 300, "max_tokens": 60}
    train(store, "rnn", "translation", data)
    file = tmp_path / "lines.txt"
    file.write_text("a cat\n" + "dog " * 80 + "\n", encoding="utf-8")
    assert cli.main(["translate", str(store.folder), str(file), "--threads", "1"]) == 0
    said = capsys.readouterr().err
    assert "line 2: cut at 60 tokens" in said
    assert "line 1: cut" not in said
