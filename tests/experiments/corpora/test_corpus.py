"""Corpora: every layout gives the same pairs; what is wrong is named in one line, before training."""

import gzip
import json
from pathlib import Path

import pytest

from experiments.corpora import hub
from experiments.corpora.corpus import import_corpus, open_corpus
from experiments.tasks.find import task_for
from models.errors import BadInput
from tests.experiments.corpora.conftest import PAIRS, write_jsonl, write_text, write_tsv

SHARED = Path(__file__).parents[4] / "shared" / "data"


def rows(corpus, split):
    return [(row.source, row.target) for row in corpus.rows(split)]


@pytest.mark.parametrize("write", [write_text, write_tsv, write_jsonl])
def test_every_layout_gives_the_same_pairs(write, tmp_path: Path) -> None:
    corpus = import_corpus(str(write(tmp_path / "corpus")), "en-de")
    assert rows(corpus, "train") == PAIRS["train"]
    assert rows(corpus, "validation") == PAIRS["val"]
    assert corpus.tests == ["test"]
    assert rows(corpus, "test") == PAIRS["test"]
    turned = import_corpus(str(tmp_path / "corpus"), "de-en")
    assert rows(turned, "test") == [(target, source) for source, target in PAIRS["test"]]


def test_the_content_names_a_corpus_and_its_path_does_not(tmp_path: Path) -> None:
    here = import_corpus(str(write_text(tmp_path / "a" / "corpus")), "en-de")
    there = import_corpus(str(write_text(tmp_path / "b" / "corpus")), "en-de")
    assert here.content == there.content
    changed = write_text(tmp_path / "c" / "corpus", {**PAIRS, "test": [("a dog", "kein Hund")]})
    assert import_corpus(str(changed), "en-de").content != here.content
    assert rows(open_corpus(here.content, "corpus"), "test") == PAIRS["test"]


def test_an_edited_file_is_another_corpus(tmp_path: Path) -> None:
    folder = write_text(tmp_path / "corpus")
    before = import_corpus(str(folder), "en-de").content
    assert import_corpus(str(folder), "en-de").content == before
    (folder / "test.de").write_text("die Katze sieht keinen Hund\nHunde\n", encoding="utf-8")
    assert import_corpus(str(folder), "en-de").content != before


def test_without_a_validation_split_the_end_of_training_is_held_out(tmp_path: Path) -> None:
    folder = write_text(tmp_path / "corpus", {key: PAIRS[key] for key in ("train", "test")})
    corpus = import_corpus(str(folder), "en-de")
    assert corpus.size("validation") == 3  # a twentieth
    assert rows(corpus, "train") + rows(corpus, "validation") == PAIRS["train"]


def test_line_separators_of_unicode_do_not_end_a_line(tmp_path: Path) -> None:
    odd = ("one\u2028two\x85three", "eins zwei drei")
    folder = write_text(tmp_path / "corpus", {**PAIRS, "test": [odd, ("dogs", "Hunde")]})
    assert rows(import_corpus(str(folder), "en-de"), "test") == [
        ("one two three", "eins zwei drei"),
        ("dogs", "Hunde"),
    ]


def broken(tmp_path: Path, name: str, content: bytes) -> str:
    folder = write_text(tmp_path / "corpus")
    (folder / name).write_bytes(content)
    return str(folder)


def one_line(error: pytest.ExceptionInfo[BadInput]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_an_empty_line_is_named(tmp_path: Path) -> None:
    place = broken(tmp_path, "test.de", b"die Katze\n   \n")
    with pytest.raises(BadInput) as error:
        import_corpus(place, "en-de")
    assert "test.de, line 2: the target is empty" in one_line(error)


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    place = broken(tmp_path, "val.en", "a dog\nür\n".encode("latin-1"))
    with pytest.raises(BadInput) as error:
        import_corpus(place, "en-de")
    assert "val.en, line 2: not UTF-8 (byte 0xfc)" in one_line(error)


def test_sides_of_different_length_are_counted(tmp_path: Path) -> None:
    place = broken(tmp_path, "test.en", b"the cat sees a dog\ndogs\ncats\nmice\n")
    with pytest.raises(BadInput) as error:
        import_corpus(place, "en-de")
    assert "test.en has 4 lines and test.de 2" in one_line(error)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    folder = write_tsv(tmp_path / "corpus")
    path = folder / "en-de.test.tsv.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BadInput) as error:
        import_corpus(str(folder), "en-de")
    assert "en-de.test.tsv.gz cannot be read" in one_line(error)


def test_a_line_without_a_tab_and_one_that_is_no_json_are_named(tmp_path: Path) -> None:
    folder = write_tsv(tmp_path / "tabs")
    with gzip.open(folder / "en-de.test.tsv.gz", "wb") as file:
        file.write(b"the cat\tdie Katze\nno tab here\n")
    with pytest.raises(BadInput, match=r"en-de.test.tsv.gz, line 2: no tab"):
        import_corpus(str(folder), "en-de")
    folder = write_jsonl(tmp_path / "json")
    (folder / "test.jsonl").write_text('{"en": "dogs"}\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"test.jsonl, row 1: no text under 'de'; keys: en"):
        import_corpus(str(folder), "en-de")
    (folder / "test.jsonl").write_text("dogs\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"test.jsonl, line 1: not JSON"):
        import_corpus(str(folder), "en-de")


@pytest.mark.parametrize(
    ("corpus", "pair", "message"),
    [
        ("korpus", "en-de", "no such folder. Did you mean 'corpus'"),
        ("corpus", "en-fr", "no train split for the pair en-fr: it has de, en"),
        ("corpus", "en", "write source and target language with a dash"),
        ("corpus", "en-en", "write source and target language with a dash"),
    ],
)
def test_a_wrong_place_or_pair_says_what_there_is(
    corpus: str, pair: str, message: str, tmp_path: Path
) -> None:
    write_text(tmp_path / "corpus")
    with pytest.raises(BadInput) as error:
        import_corpus(str(tmp_path / corpus), pair)
    assert message in one_line(error)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A hub with one repository, which counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import datasets

        self.asked, self.commit, self.pairs = 0, COMMIT, dict(PAIRS)
        monkeypatch.setattr(hub, "commit_of", self.commit_of)
        monkeypatch.setattr(datasets, "get_dataset_config_names", self.names)
        monkeypatch.setattr(datasets, "load_dataset", self.load)

    def commit_of(self, repository: str, revision: str) -> str:
        self.asked += 1
        return self.commit

    def names(self, repository: str, revision: str) -> list[str]:
        return ["de-en", "fr-en"]

    def load(self, repository: str, configuration: str, revision: str) -> object:
        import datasets

        assert (repository, configuration, revision) == ("wmt/wmt14", "de-en", self.commit)
        return datasets.DatasetDict(
            {
                split: datasets.Dataset.from_list(
                    [{"translation": {"en": en, "de": de}} for en, de in self.pairs[name]]
                )
                for split, name in (("train", "train"), ("validation", "val"), ("test", "test"))
            }
        )


def test_a_hub_that_cannot_be_reached_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise ConnectionError("no route to host\nand a second line")

    monkeypatch.setattr(hub, "commit_of", unreachable)
    with pytest.raises(BadInput) as error:
        import_corpus("multi30k", "en-de")
    assert "cannot be loaded from the hub (ConnectionError: no route to host)" in one_line(error)
    assert "--corpus PATH" in str(error.value)


def test_a_corpus_of_the_hub_goes_the_same_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Hub(monkeypatch)
    corpus = import_corpus("wmt14", "en-de")
    local = import_corpus(str(write_text(tmp_path / "corpus")), "en-de")
    assert rows(corpus, "test") == rows(local, "test")
    with pytest.raises(BadInput, match=r"no pair en-ko\. Choices: de-en, fr-en"):
        hub.load("wmt14", "en", "ko", ("en", "ko"))


def test_what_the_hub_gave_is_noted_and_it_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    there = Hub(monkeypatch)
    corpus = import_corpus("wmt14", "en-de")
    (note,) = (json.loads(path.read_text()) for path in (cache / "imports").iterdir())
    assert note == {"content": corpus.content, "repository": "wmt/wmt14", "revision": COMMIT}

    there.commit = "f" * 40  # a newer one, which this run need not know of
    there.pairs["test"] = [("a dog", "ein Hund")]
    for name in ("wmt14", f"wmt14@{COMMIT}"):
        again = import_corpus(name, "en-de")
        assert (again.content, again.name) == (corpus.content, name)
    assert there.asked == 1

    newer = import_corpus("wmt14@main", "en-de")
    assert there.asked == 2
    assert rows(newer, "test") == there.pairs["test"]
    assert import_corpus("wmt14", "en-de").content == newer.content
    assert there.asked == 2


def test_a_task_on_the_hub_goes_on_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch)
    given = {"corpus": "wmt14", "pair": "en-de", "vocabulary": 300}
    task = task_for("translation", given)

    def offline(*arguments: object, **options: object) -> None:
        raise ConnectionError("offline")

    monkeypatch.setattr(hub, "commit_of", offline)
    assert task_for("translation", given) == task
    with pytest.raises(BadInput, match="cannot be loaded from the hub"):
        task_for("translation", {**given, "pair": "de-en"})


def test_offline_the_revision_stays_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    def offline(*arguments: object, **options: object) -> None:
        raise OfflineModeIsEnabled("HF_HUB_OFFLINE=1")

    monkeypatch.setattr(HfApi, "dataset_info", offline)
    assert hub.commit_of("wmt/wmt14", "") == ""
    assert hub.commit_of("wmt/wmt14", "main") == "main"


def test_a_corpus_that_is_not_in_the_cache_asks_for_its_place(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--corpus PATH"):
        open_corpus("0123456789abcdef", "multi30k")
    given = {"corpus": "multi30k", "pair": "en-de", "content": "0123456789abcdef", "test": "test"}
    with pytest.raises(BadInput, match="--corpus PATH"):
        task_for("translation", given).problem()


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("SEQYARD_CACHE", str(tmp_path / "file"))
    with pytest.raises(BadInput, match="set SEQYARD_CACHE"):
        import_corpus(str(write_text(tmp_path / "corpus")), "en-de")


@pytest.mark.parametrize(
    ("folder", "pair", "train", "test"),
    [
        ("multi30k", "en-de", 29000, 1000),
        ("multi30k", "en-fr", 29000, 1000),
        ("libreoffice_help", "en-ko", 13355, 549),
        ("pydocs", "en-ko", 24817, 722),
    ],
)
def test_the_corpora_at_hand_can_be_read(folder: str, pair: str, train: int, test: int) -> None:
    if not (SHARED / folder).is_dir():
        pytest.skip(f"{folder} is not on this machine")
    corpus = import_corpus(str(SHARED / folder), pair)
    assert (corpus.size("train"), corpus.size(corpus.tests[0])) == (train, test)


def test_columns_may_have_other_names_than_the_languages(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split, pairs in PAIRS.items():
        lines = [json.dumps({"question": one, "answer": two}) for one, two in pairs]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    corpus = import_corpus(str(folder), "en-de", ("question", "answer"))
    assert rows(corpus, "test") == PAIRS["test"]
    with pytest.raises(BadInput, match="no text under 'en'; keys: answer, question"):
        import_corpus(str(folder), "en-de")
    with pytest.raises(BadInput, match="columns = 'question': name two"):
        task_for("translation", {"corpus": str(folder), "pair": "en-de", "columns": "question"})


def test_a_damaged_note_is_read_past(tmp_path: Path, cache: Path) -> None:
    folder = write_text(tmp_path / "corpus")
    content = import_corpus(str(folder), "en-de").content
    (note,) = (cache / "imports").iterdir()
    for text in ("", "[]", '{"content": "../.."}', '{"content": "0123"}'):
        note.write_text(text, encoding="utf-8")
        assert import_corpus(str(folder), "en-de").content == content


def test_a_flipped_byte_in_an_archive_is_named(tmp_path: Path) -> None:
    folder = write_tsv(tmp_path / "corpus")
    path = folder / "en-de.train.tsv.gz"
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match=r"en-de.train.tsv.gz"):
        import_corpus(str(folder), "en-de")


def test_an_empty_first_column_is_no_shift(tmp_path: Path) -> None:
    folder = write_tsv(tmp_path / "corpus")
    with gzip.open(folder / "en-de.test.tsv.gz", "wb") as file:
        file.write(b"\tein Hund\tCC-BY Tom\n")
    with pytest.raises(BadInput, match="line 1: the source is empty"):
        import_corpus(str(folder), "en-de")


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    folder = write_text(tmp_path / "corpus")
    path = folder / "test.en"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert rows(import_corpus(str(folder), "en-de"), "test") == PAIRS["test"]


def test_the_name_is_the_users_whoever_imported_it_first(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = str(write_text(tmp_path / name))
        task = task_for("translation", {"corpus": folder, "pair": "en-de", "vocabulary": 300})
        assert task.model_dump()["corpus"] == name


def test_a_path_beside_a_content_is_shortened(tmp_path: Path) -> None:
    folder = str(write_text(tmp_path / "corpus"))
    kept = task_for("translation", {"corpus": folder, "pair": "en-de"}).model_dump()
    assert task_for("translation", {**kept, "corpus": folder}).model_dump() == kept
    with pytest.raises(BadInput, match="--corpus PATH"):
        task_for("translation", {**kept, "content": "../.."})
    with pytest.raises(BadInput, match="columns = 3: name two"):
        task_for("translation", {"corpus": folder, "pair": "en-de", "columns": 3})
