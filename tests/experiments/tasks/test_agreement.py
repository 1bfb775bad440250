"""Agreement: the generated grammar, corpora from files, vocabulary, batches, minimal pairs."""

import gzip
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from experiments.tasks import agreement_grammar as grammar
from experiments.tasks.agreement import CROSSED, Agreement
from experiments.tasks.agreement_pairs import number_of, open_pairs
from experiments.tasks.agreement_words import ENDINGS, learn
from experiments.tasks.find import task_for
from models.errors import BadInput
from models.problem import SPECIALS
from tests.experiments.tasks import linter

DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
UD, LINZEN, SYNEVAL = (DATA / f"agreement_{name}" for name in ("ud", "linzen", "syneval"))
SMALL = {"distances": (1, 4, 8, 16), "nouns": 3, "train_sentences": 2000}
CHECKS = linter.EVERY


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def line(text: str, verb: int, number: str = "singular", **more: object) -> str:
    return json.dumps({"tokens": text, "verb_index": verb, "number": number, **more})


def folder_of(tmp_path: Path, *, distance: bool = True, **splits: list[str]) -> Path:
    """Write a corpus; a split that is not given has one sentence of each number."""
    folder = tmp_path / "mine"
    folder.mkdir(exist_ok=True)
    more = {"distance": 1, "attractors": 0} if distance else {}
    for place, split in enumerate(("train", "dev", "test")):
        default = [
            line(f"the cat {'sleeps ' * place}sleeps", 2 + place, **more),
            line(f"the cats {'sleep ' * place}sleep", 2 + place, "plural", **more),
        ]
        rows = splits.get(split, default)
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


# The generated grammar -----------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("options", [SMALL, {**SMALL, "distances": (2, 33), "nouns": 0}])
def test_lint(options: dict, check) -> None:
    check(task_for("agreement", options))


def test_docstring_example_runs() -> None:
    linter.lint_docstring(Agreement)


def test_registered_name_is_the_class_name_and_plain_data_rebuilds_it() -> None:
    task = task_for("agreement", SMALL)
    assert task.name == "agreement"
    assert task_for("agreement", task.model_dump(mode="json")) == task


def test_words_between_subject_and_verb_are_as_the_slices_say() -> None:
    """Counted from the text, by another way than the grammar made it."""
    made = grammar.generate((1, 4, 8, 32), 4, 0.3, {"train": 500, "validation": 4, "test": 8})
    singular = {one for one, _ in grammar.NOUNS}
    plural = {many for _, many in grammar.NOUNS}
    for split in made.splits.values():
        for row in split.rows:
            assert row.distance is not None
            words = list(row.words)
            subject = len(words) - row.distance
            assert words[subject] in (plural if row.number else singular)
            between = words[subject + 1 :]
            others = singular if row.number else plural
            assert sum(word in others for word in between) == row.attractors
            nouns = sum(word in singular | plural for word in between)
            assert nouns == grammar.nouns_within(row.distance, 4)
            assert words[subject - 1] in ("the", *grammar.ADJECTIVES)


def test_every_point_is_tested_alike_with_both_numbers() -> None:
    task = Agreement(**SMALL, test_per_point=10)
    test = task.data.test
    counts = Counter(
        zip(test.slices["distance_attractors"].tolist(), test.numbers.tolist(), strict=True)
    )
    points = grammar.points(SMALL["distances"], SMALL["nouns"])
    assert counts == {(CROSSED * d + a, n): 5 for d, a in points for n in (0, 1)}


def test_attractors_in_training_are_as_frequent_as_asked() -> None:
    task = Agreement(distances=(16,), nouns=4, mismatch=0.25, train_sentences=4000)
    share = task.data.train.slices["attractors"].mean() / 4
    assert abs(share - 0.25) < 0.02


def test_neither_the_first_nor_the_last_noun_gives_the_answer_away() -> None:
    task = Agreement(**SMALL)
    plural = {many for _, many in grammar.NOUNS}
    nouns = plural | {one for one, _ in grammar.NOUNS}
    right = np.zeros(2)
    for row, number in zip(task.data.test.rows, task.data.test.numbers, strict=True):
        found = [word in plural for word in task.data.words(row.tolist()) if word in nouns]
        right += [found[0] == number, found[-1] == number]
    assert (right / len(task.data.test) < 0.75).all()


def test_the_answer_follows_the_subject() -> None:
    task = Agreement(**SMALL)
    assert task.number("the king near the towers") == "singular"
    assert task.number("the judge said that the old geese beside the king") == "plural"
    assert task.number("beyond the villages , the raven that the nurses admire") == "singular"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"distances": [0]}, "distances.0 = 0"),
        ({"mismatch": 1.5}, "mismatch = 1.5"),
        ({"atractors": 1}, "atractors"),
        ({"content": "0123"}, "content = '0123'"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(options: dict, named: str) -> None:
    with pytest.raises(BadInput) as error:
        task_for("agreement", options)
    assert named in str(error.value)
    assert "\n" not in str(error.value)


# Batches ---------------------------------------------------------------------------------------------


def test_an_epoch_shows_every_sentence_once_in_batches_of_like_length() -> None:
    task = Agreement(**SMALL)
    size, padding = len(task.data.train), 0.0
    steps = -(-size // 48)
    expected = Counter(row.tobytes() for row in task.data.train.rows)
    for epoch in (0, 1):
        batches = [task.train_batch(1, epoch * steps + step, 48) for step in range(steps)]
        shown = Counter(
            row[:length].astype(np.uint32).tobytes()
            for batch in batches
            for row, length in zip(batch.source, batch.source_lengths, strict=True)
        )
        assert shown == expected
        padding = np.mean(
            [1 - batch.source_lengths.mean() / batch.source.shape[1] for batch in batches]
        )
    assert padding < 0.1
    first, second = (task.train_batch(1, step, 48).source for step in (0, steps))
    assert first.shape != second.shape or (first != second).any()


# Words -----------------------------------------------------------------------------------------------


def test_rare_and_unknown_words_are_known_by_their_ending() -> None:
    words = learn([["The", "cat", "the", "zebras", "cat"]], least=2, lower=True, endings=True)
    assert words.size == SPECIALS + 1 + len(ENDINGS) + 2
    the, cat, zebras, yaks, blue = words.encode(["THE", "cat", "zebras", "yaks", "blue"])
    assert (the, cat) == (words.tokens["the"], words.tokens["cat"])
    assert zebras == yaks != blue
    assert [words.is_unknown(token) for token in (the, zebras, blue, 0)] == [False, True, True, False]
    plain = learn([["The", "cat", "the"]], least=1, lower=False, endings=False)
    assert len(plain.tokens) == 3
    assert plain.encode(["zebras"]) == plain.encode(["blue"]) == [SPECIALS]


# Corpora ---------------------------------------------------------------------------------------------


def test_a_corpus_is_known_by_its_content_and_not_by_its_place(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    first = Agreement(corpus=str(folder), least=1)
    assert (first.corpus, len(first.content)) == ("mine", 16)
    other = tmp_path / "elsewhere" / "mine"
    shutil.copytree(folder, other)
    assert Agreement(corpus=str(other), least=1) == first
    shutil.rmtree(folder)  # a worker finds it in the cache
    again = Agreement.model_validate(first.model_dump(mode="json"))
    assert [row.tolist() for row in again.data.train.rows] == [
        row.tolist() for row in first.data.train.rows
    ]
    (other / "train.jsonl").write_text(line("a dog barks", 2, distance=1, attractors=0) + "\n")
    assert Agreement(corpus=str(other), least=1).content != first.content


def test_files_may_be_compressed_and_words_a_list(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    plain = Agreement(corpus=str(folder)).content
    for file in list(folder.iterdir()):
        rows = [json.loads(row) for row in file.read_text(encoding="utf-8").splitlines()]
        with gzip.open(f"{file}.gz", "wt", encoding="utf-8") as packed:
            for row in rows:
                packed.write(json.dumps({**row, "tokens": row["tokens"].split()}) + "\n")
        file.unlink()
    assert Agreement(corpus=str(folder)).content == plain


def test_test_sentences_that_training_has_are_counted(tmp_path: Path) -> None:
    more = {"distance": 1, "attractors": 0}
    train = [line("the cat sleeps", 2, **more), line("The old cats sleep .", 3, "plural", **more)]
    test = [
        line("the cat eats", 2, **more),  # the same up to the verb
        line("the old cats eat", 3, "plural", **more),  # but for the case
        line("the cat the cats see sleeps", 5, **more),
        line("the dog sleeps", 2, **more),
    ]
    corpus = str(folder_of(tmp_path, train=train, test=test))
    for lower, seen in ((True, 2), (False, 1)):
        task = task_for("agreement", {"corpus": corpus, "lower": lower, "least": 5})
        assert task.facts() == {"test_sentences": 4.0, "test_seen_in_training": seen}


def test_nothing_generated_leaks() -> None:
    assert task_for("agreement", SMALL).facts()["test_seen_in_training"] == 0


def test_equal_sentences_stay_in_one_split(tmp_path: Path) -> None:
    rows = [f"the cat number {n}" for n in range(60)]
    folder = tmp_path / "alone"
    folder.mkdir()
    text = "\n".join(line(f"{form} sleeps", 4) for row in rows for form in (row, row.title(), row))
    (folder / "train.jsonl").write_text(text + "\n", encoding="utf-8")
    task = task_for("agreement", {"corpus": str(folder)})
    assert len(task.data.test) > 0
    assert len(task.data.test) % 3 == 0
    assert task.facts()["test_seen_in_training"] == 0


def test_a_missing_split_is_a_tenth_of_the_training_sentences(tmp_path: Path) -> None:
    rows = [line(f"the w{i} sleeps", 2, "plural" if i % 3 else "singular") for i in range(1000)]
    (tmp_path / "mine.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    data = Agreement(corpus=str(tmp_path / "mine.jsonl"), least=1).data
    sizes = [len(part) for part in (data.train, data.validation, data.test)]
    assert sum(sizes) == 1000
    assert all(70 < size < 130 for size in sizes[1:])
    again = Agreement(corpus=str(tmp_path / "mine.jsonl"), least=1).data
    assert np.array_equal(again.test.numbers, data.test.numbers)


def test_without_distances_their_slices_are_missing(tmp_path: Path) -> None:
    task = Agreement(corpus=str(folder_of(tmp_path, distance=False)), least=1)
    assert task.slice_values("test") == {}
    batch = next(task.evaluation("test", 8))
    assert batch.slices == {}


def test_distances_are_counted_in_buckets_and_attractors_up_to_four(tmp_path: Path) -> None:
    rows = [
        line("w " * 60 + "is", 60, distance=distance, attractors=attractors)
        for distance, attractors in ((1, 0), (3, 1), (9, 2), (50, 9))
    ]
    task = Agreement(corpus=str(folder_of(tmp_path, test=rows)), least=1)
    assert task.slice_values("test") == {
        "distance": (1, 4, 16, 32),
        "attractors": (0, 1, 2, 4),
        "distance_attractors": (100, 401, 1602, 3204),
    }


def test_the_majority_is_that_of_training(tmp_path: Path) -> None:
    rows = [line("a b c", 2, number) for number in ("plural", "plural", "singular")]
    test = [line("a b c", 2, number) for number in ("plural", "singular", "singular", "singular")]
    task = Agreement(corpus=str(folder_of(tmp_path, distance=False, train=rows, test=test)), least=1)
    assert task.chance() == task.target_only_floor() == 0.25


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("{", "train.jsonl, line 2: not JSON"),
        ("[1]", "train.jsonl, line 2: not a JSON object"),
        ('{"tokens": "a b", "verb": 1, "number": "plural"}', "line 2: no key 'verb_index'"),
        ('{"token": "a b", "verb_index": 1, "number": "plural"}', "Did you mean 'token'"),
        (line("a b c", 0), "verb_index = 0"),
        (line("a b c", 3), "verb_index = 3"),
        (line("a b c", 2, "dual"), "number = 'dual'"),
        (line("a b c", 2, distance="far"), "distance = 'far'"),
        (line("a b c", 2, distance=1), "some lines have 'distance' and some have not"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, row: str, named: str) -> None:
    folder = folder_of(tmp_path, distance=False, train=[line("a b c", 2), row])
    with pytest.raises(BadInput) as error:
        task_for("agreement", {"corpus": str(folder)})
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder or file"):
        task_for("agreement", {"corpus": str(tmp_path / "nowhere")})
    folder = folder_of(tmp_path)
    (folder / "train.jsonl").write_bytes(b'{"tokens": "caf\xe9"}\n')
    with pytest.raises(BadInput, match=r"train\.jsonl, line 1: not UTF-8"):
        task_for("agreement", {"corpus": str(folder)})
    (folder / "train.jsonl").unlink()
    with pytest.raises(BadInput, match=r"no train\.jsonl.*found: dev\.jsonl, test\.jsonl"):
        task_for("agreement", {"corpus": str(folder)})
    (folder / "train.jsonl").write_text("")
    with pytest.raises(BadInput, match="the train split has no sentence"):
        task_for("agreement", {"corpus": str(folder)})


def test_a_cell_of_another_machine_says_what_to_do(tmp_path: Path, cache: Path) -> None:
    task = Agreement(corpus=str(folder_of(tmp_path)))
    shutil.rmtree(cache)
    elsewhere = Agreement.model_validate({**task.model_dump(), "content": "0" * 16})
    with pytest.raises(BadInput, match="not in the cache"):
        elsewhere.problem()


# Minimal pairs ---------------------------------------------------------------------------------------


def pair(construction: str, condition: str, right: str, wrong: str, place: int) -> str:
    return "\t".join((construction, condition, right, wrong, str(place)))


def test_minimal_pairs_give_the_words_before_the_verb_and_its_number(tmp_path: Path) -> None:
    rows = [
        pair("simple", "sing_MS_MV", "the cat sleeps", "the cat sleep", 2),
        pair(
            "prep",
            "plur_MS_MV_sing_ES",
            "the cats near the dog are red",
            "the cats near the dog is red",
            5,
        ),
        pair("simple_reflexives", "sing", "the cat saw itself", "the cat saw themselves", 3),
        *(pair("simple", "plur_MS_MV", f"the c{i}s fly", f"the c{i}s flies", 2) for i in range(9)),
    ]
    place = tmp_path / "pairs"
    place.mkdir()
    (place / "all.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    task = Agreement(corpus=str(folder_of(tmp_path)), pairs=str(place), pairs_per_condition=4, least=1)
    assert task.pairs == "pairs"
    found = open_pairs(task.pairs, task.pairs_content)
    assert Counter(p.construction for p in found) == {"simple": 5, "prep": 1}
    (prep,) = (p for p in found if p.construction == "prep")
    assert prep.words == ("the", "cats", "near", "the", "dog")
    assert (prep.number, prep.mismatch) == (1, 1)
    batches = list(task.minimal_pairs(4))
    assert [len(examples) for examples, _ in batches] == [4, 2]
    for examples, pairs in batches:
        assert examples.target.tolist() == [p.number for p in pairs]
        assert examples.source_lengths.tolist() == [len(p.words) for p in pairs]


@pytest.mark.parametrize(
    ("verb", "other", "number"),
    [
        ("swims", "swim", 0),
        ("swim", "swims", 1),
        ("is", "are", 0),
        ("have", "has", 1),
        ("watches", "watch", 0),
        ("fly", "flies", 1),
        ("swim", "sinks", None),
    ],
)
def test_number_of_a_verb_from_its_pair(verb: str, other: str, number: int | None) -> None:
    assert number_of(verb, other) == number


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("a\tb\tc", "line 1: 3 columns, not 5"),
        (pair("a", "b", "the cat sleeps", "the cat sleep", 0), "index = '0'"),
        (pair("a", "b", "the cat sleeps", "the cat eats", 2), "'sleeps' and 'eats' are not"),
        (pair("reflexives", "b", "a cat saw it", "a cat saw them", 3), "no pair that differs"),
    ],
)
def test_a_wrong_pair_is_named(tmp_path: Path, row: str, named: str) -> None:
    (tmp_path / "pairs.tsv").write_text(row + "\n", encoding="utf-8")
    with pytest.raises(BadInput) as error:
        task_for("agreement", {"pairs": str(tmp_path / "pairs.tsv")})
    assert named in str(error.value)


# Real corpora ----------------------------------------------------------------------------------------

needs_data = pytest.mark.skipif(not UD.is_dir(), reason="the shared corpora are not on this machine")


@needs_data
def test_universal_dependencies() -> None:
    task = Agreement(corpus=str(UD))
    sizes = [len(part) for part in (task.data.train, task.data.validation, task.data.test)]
    assert sizes == [6047, 487, 640]
    assert task.chance() == 419 / 640
    assert task.slice_values("test")["distance"] == (1, 2, 4, 8, 16, 32)
    linter.lint_arrays(task)
    linter.lint_reproducible(task)


@needs_data
def test_linzen() -> None:
    task = Agreement(corpus=str(LINZEN))
    sizes = [len(part) for part in (task.data.train, task.data.validation, task.data.test)]
    assert sum(sizes[:2]) == 4194
    assert 350 < sizes[1] < 490
    assert sizes[2] == 789
    assert task.chance() == 487 / 789
    assert set(task.slice_values("test")) == {"attractors"}


@needs_data
def test_syneval_constructions() -> None:
    task = Agreement(corpus=str(UD), pairs=str(SYNEVAL), pairs_per_condition=10)
    found = open_pairs(task.pairs, task.pairs_content)
    names = {p.construction for p in found}
    assert {"prep_anim", "obj_rel_across_inanim", "long_vp_coord", "sent_comp"} <= names
    assert not any("reflexive" in name for name in names)
    assert sum(p.number for p in found) == len(found) / 2
