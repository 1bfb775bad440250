"""Measure ``translate``: its scores are sacreBLEU's on the texts, its sums add up to them."""

import json
from pathlib import Path

import pytest
import sacrebleu

from experiments.cell import Cell
from experiments.fit import Subject
from experiments.measures.base import Context, Outcome
from experiments.measures.train import prepare, trained_model
from experiments.measures.translate import Translate
from experiments.measures.translating import corpus_scores, decode, signatures, statistics
from experiments.planning import make_cell
from experiments.plans.base import Request
from experiments.record import Record
from experiments.run import make_record
from experiments.store import Store
from experiments.tasks.text import TextTask
from models.errors import BadInput

REQUEST = Request(profile="smoke", architectures=["transformer"], device="cpu", threads=1)
RECIPE = {"steps": 12, "batch_size": 16, "validate_every": 6, "warmup_steps": 2}
SCAN = {"held_out": 40, "scored_sentences": 20}


def cell_of(
    architecture: str = "transformer",
    task: str = "scan",
    data: dict | None = None,
    options: dict | None = None,
    **recipe: object,
) -> Cell:
    return make_cell(
        measure="translate",
        architecture=architecture,
        task=task,
        model={"width": 16},
        data=SCAN if data is None else data,
        recipe={**RECIPE, **recipe},
        options={"beam": 2, **(options or {})},
        request=REQUEST,
    )


def measured(cell: Cell, folder: Path) -> Outcome:
    store = Store(folder)
    store.create()
    return Translate().one(cell, Context(store=store))


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cell, Outcome, Path]:
    folder = tmp_path_factory.mktemp("store")
    cell = cell_of("attentional_lstm", steps=60, learning_rates=[1e-2])
    return cell, measured(cell, folder), folder


def subject_of(cell: Cell) -> tuple[Subject, TextTask]:
    subject = prepare(cell)
    assert isinstance(subject.task, TextTask)
    return subject, subject.task


def test_the_scores_are_sacrebleus_on_the_texts(scan: tuple[Cell, Outcome, Path]) -> None:
    cell, outcome, folder = scan
    subject, task = subject_of(cell)
    model = trained_model(subject, cell, cell.key, Context(store=Store(folder)))
    pairs = task.pairs("test")
    for beam, suffix in ((1, "_greedy"), (2, "")):
        texts = [o.text for o in decode(model, task, pairs, beam=beam, length_penalty=0.6)]
        references = [[pair.reference for pair in pairs]]
        assert outcome.metrics[f"bleu{suffix}"] == sacrebleu.corpus_bleu(texts, references).score
        assert outcome.metrics[f"chrf{suffix}"] == sacrebleu.corpus_chrf(texts, references).score
        exact = sum(text == pair.reference for text, pair in zip(texts, pairs, strict=True))
        assert outcome.metrics[f"exact_match{suffix}"] == pytest.approx(exact / len(pairs))


def test_the_statistics_add_up_to_the_scores(scan: tuple[Cell, Outcome, Path]) -> None:
    _, outcome, _ = scan
    assert [(row["set"], row["decoding"]) for row in outcome.sentences] == [
        ("test", "greedy"),
        ("test", "beam"),
    ]
    for row, suffix in zip(outcome.sentences, ("_greedy", ""), strict=True):
        sums = [sum(column) for column in zip(*row["bleu"], strict=True)]
        again = sacrebleu.BLEU.compute_bleu(sums[2:6], sums[6:], sums[0], sums[1], smooth_method="exp")
        assert again.score == outcome.metrics[f"bleu{suffix}"]
        lengths = {len(row[name]) for name in ("source_words", "bleu", "chrf", "exact")}
        assert lengths == {40}


def test_a_record_holds_what_its_format_promises(scan: tuple[Cell, Outcome, Path]) -> None:
    from experiments.cell import Block

    cell, outcome, _ = scan
    block = Block(name="translation", cells=(cell,))
    record = make_record(cell, block, outcome)
    again = Record.model_validate_json(record.model_dump_json())
    assert again.metrics["test"] == again.metrics["exact_match"]
    assert again.metrics["validation"] == pytest.approx(
        max(s for _, s in again.curves["validation_bleu"])
    )
    for name in (
        *("bleu_floor", "chrf_floor", "peak_bytes", "padding_share", "tokens", "tokens_per_second"),
        *("cpu_seconds", "overlong", "overlong_training", "test_teacher_forced", "parameters"),
    ):
        assert again.metrics[name] is not None
    for name in ("validation_chrf", "bleu_by_flops", "bleu_by_seconds", "bleu_by_cpu_seconds"):
        assert len(again.curves[name]) == 10
    assert again.curves["bleu_by_flops"][-1][0] == again.metrics["training_flops"]
    assert again.environment["bleu_signature"].startswith("nrefs:1|case:mixed|eff:no|tok:13a")
    assert again.environment["tokeniser"].startswith("words of the grammar")
    assert {row["split"] for row in again.slices} == {"test", "test_teacher_forced"}


def test_samples_of_generated_text_are_in_the_record_with_their_attention(
    scan: tuple[Cell, Outcome, Path],
) -> None:
    _, outcome, folder = scan
    assert len(outcome.samples) == 20
    drawn = [row for row in outcome.samples if "attention" in row]
    assert 0 < len(drawn) <= 4
    for row in drawn:
        weights = row["attention"]["cross"]
        assert len(weights) == len(row["output_pieces"])
        for place in weights:
            assert len(place) == len(row["source_pieces"])
            assert sum(place) == pytest.approx(1.0, abs=0.01)
    assert not list((folder / "artifacts").glob("*.samples.json"))


def test_text_of_a_corpus_stays_out_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.experiments.corpora.conftest import PAIRS, write_text

    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))
    corpus = str(write_text(tmp_path / "corpus", {**PAIRS, "test": [*PAIRS["test"], ("cat", "<b>&")]}))
    data = {"corpus": corpus, "pair": "en-de", "vocabulary": 280, "joined": [2]}
    cell = cell_of("lstm", "translation", data, batch_size=200)
    outcome = measured(cell, tmp_path / "store")
    assert outcome.samples == []
    text = json.dumps(make_record(cell, _block(cell), outcome).model_dump(mode="json"))
    assert "Katze" not in text
    assert str(tmp_path) not in text
    kept = json.loads(
        (tmp_path / "store" / "artifacts" / f"{cell.key}.samples.json").read_text(encoding="utf-8")
    )
    assert [row["reference"] for row in kept][-1] == "<b>&"
    sets = {row["set"]: len(row["bleu"]) for row in outcome.sentences}
    assert sets == {"test": 3, "joined 2": 1}
    assert outcome.metrics["padding_share"] < 0.5
    # free-running tokens cannot be compared place by place where many answers are right
    assert {row["split"] for row in outcome.slices} == {"test_teacher_forced"}


def _block(cell: Cell) -> object:
    from experiments.cell import Block

    return Block(name="translation", cells=(cell,))


def test_a_task_without_text_is_refused() -> None:
    cell = make_cell(
        measure="translate",
        architecture="lstm",
        task="recall",
        model={"width": 8},
        recipe=RECIPE,
        request=REQUEST,
    )
    with pytest.raises(BadInput, match="needs a task from text to text"):
        Translate().judge(prepare(cell), cell)


def test_copying_the_reference_scores_100_and_an_empty_output_0() -> None:
    _, task = subject_of(cell_of())
    pairs = task.pairs("test")
    perfect = corpus_scores([pair.reference for pair in pairs], pairs)
    assert perfect == {"bleu": pytest.approx(100), "chrf": pytest.approx(100)}
    assert corpus_scores([""] * len(pairs), pairs)["bleu"] == 0


def test_scores_do_not_depend_on_the_batches() -> None:
    cell = cell_of("lstm")
    subject, task = subject_of(cell)
    model = subject.build(0).eval()
    pairs = task.pairs("test")
    large, small = (
        decode(model, task, pairs, beam=2, length_penalty=0.6, batch_tokens=tokens)
        for tokens in (4000, 40)
    )
    assert [output.text for output in large] == [output.text for output in small]


def test_signatures_name_tokeniser_and_case() -> None:
    found = signatures()
    assert "tok:13a" in found["bleu_signature"]
    assert "nc:6" in found["chrf_signature"]
    assert statistics("test", "greedy", [], [])["bleu"] == []
