"""SCAN: the whole language, the published splits, an independent interpreter, epochs and text."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from experiments.tasks.find import task_for
from experiments.tasks.scan import Scan, bucket, interpret, parts
from experiments.tasks.scan_grammar import LONGEST, all_phrases
from models.errors import BadInput
from tests.experiments.tasks import linter

SPLITS = ("simple", "length", "addprim_jump")
PUBLISHED = Path(__file__).parents[3] / "../shared/data/scan"
published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="no published SCAN files beside the project"
)

# Lake and Baroni 2018, figure 1
EXAMPLES = {
    "jump": "JUMP",
    "jump left": "TURN_LEFT JUMP",
    "jump around right": "TURN_RIGHT JUMP TURN_RIGHT JUMP TURN_RIGHT JUMP TURN_RIGHT JUMP",
    "turn left twice": "TURN_LEFT TURN_LEFT",
    "jump thrice": "JUMP JUMP JUMP",
    "jump opposite left and walk thrice": "TURN_LEFT TURN_LEFT JUMP WALK WALK WALK",
    "jump opposite left after walk around left": "TURN_LEFT WALK TURN_LEFT WALK TURN_LEFT WALK "
    "TURN_LEFT WALK TURN_LEFT TURN_LEFT JUMP",
}


def lines(split: str, part: str) -> list[tuple[str, str]]:
    text = gzip.decompress((PUBLISHED / f"{part}_{split}.tsv.gz").read_bytes()).decode()
    return [tuple(line.split("\t")) for line in text.splitlines()]  # type: ignore[misc]


def own(split: str, part: str) -> set[tuple[str, str]]:
    found = parts(split)
    chosen = found.test if part == "test" else found.train + found.validation
    return {(phrase.command, phrase.answer) for phrase in chosen}


def test_the_grammar_gives_every_command_once():
    assert len(all_phrases()) == len({phrase.command for phrase in all_phrases()}) == 20_910
    assert max(len(phrase.actions) for phrase in all_phrases()) == LONGEST


def test_the_interpreter_agrees_with_the_grammar_on_every_command():
    wrong = [p.command for p in all_phrases() if tuple(interpret(p.command)) != p.actions]
    assert not wrong


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_of_the_paper(command):
    meaning = {phrase.command: phrase.answer for phrase in all_phrases()}
    assert meaning[command] == " ".join(interpret(command)) == EXAMPLES[command]


def test_the_interpreter_refuses_what_is_no_command():
    with pytest.raises(ValueError, match="no SCAN command"):
        interpret("walk sideways")


@published
@pytest.mark.parametrize("split", ["length", "addprim_jump"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_the_splits_are_the_published_ones(split, part):
    assert own(split, part) == set(lines(split, part))


@published
def test_the_simple_split_has_the_published_commands_and_sizes():
    train, test = lines("simple", "train"), lines("simple", "test")
    assert own("simple", "train") | own("simple", "test") == {*train, *test}
    assert len(own("simple", "train")) == len(train)
    assert len(own("simple", "test")) == len(test)


@published
def test_jump_is_repeated_as_in_the_published_file():
    counts = Counter(command for command, _ in lines("addprim_jump", "train"))
    share = counts["jump"] / sum(counts.values())
    own_counts = Counter(line.command for line in Scan(split="addprim_jump").training_lines())
    assert own_counts["jump"] / sum(own_counts.values()) == pytest.approx(share, abs=1e-3)
    assert {count for command, count in own_counts.items() if command != "jump"} == {1}


@pytest.mark.parametrize(("share", "count"), [(0.0, 1), (0.5, 11_883)])
def test_the_share_of_the_primitive_can_be_chosen(share, count):
    task = Scan(split="addprim_jump", primitive_share=share)
    assert sum(line.command == "jump" for line in task.training_lines()) == count


@pytest.mark.parametrize("split", SPLITS)
def test_the_parts_are_disjoint_and_complete(split):
    found = parts(split)
    together = [phrase.command for part in found for phrase in part]
    assert len(together) == len(set(together)) == 20_910
    assert len(found.validation) == (len(found.validation) + len(found.train)) // 10


def test_training_shows_jump_alone():
    found = parts("addprim_jump")
    assert [p.command for p in found.train if "jump" in p.words] == ["jump"]
    assert not any("jump" in p.words for p in found.validation)
    assert all("jump" in p.words for p in found.test)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    "check",
    linter.STRUCTURE,
    ids=lambda check: check.__name__,
)
def test_lint(split, check):
    check(Scan(split=split))


@pytest.mark.parametrize("split", SPLITS)
def test_an_epoch_shows_every_line_once(split):
    task = Scan(split=split)
    wanted = Counter(line.command for line in task.training_lines())
    steps = -(-wanted.total() // 1000)
    epochs = []
    for epoch in range(2):
        seen: list[str] = []
        for step in range(epoch * steps, (epoch + 1) * steps):
            batch = task.train_batch(3, step, 1000)
            for row, length in zip(batch.source, batch.source_lengths, strict=True):
                seen.append(" ".join(task.pieces(row[:length].tolist(), "source")))
        assert Counter(seen) == wanted
        epochs.append(seen)
    assert epochs[0] != epochs[1]


def test_batches_hold_commands_of_like_length():
    task = Scan()
    batches = [task.train_batch(0, step, 64) for step in range(100)]
    real = sum(int(b.target.size if b.target_mask is None else b.target_mask.sum()) for b in batches)
    assert real / sum(b.target.size for b in batches) > 0.9


@pytest.mark.parametrize("split", SPLITS)
def test_the_floor_lies_between_chance_and_the_prefix_oracle(split):
    """Above: whoever has seen the answers of the test split themselves, but not the commands."""
    task = Scan(split=split)
    after: dict[tuple[str, ...], Counter[str]] = {}
    for phrase in parts(split).test:
        for place, action in enumerate(phrase.actions):
            after.setdefault(phrase.actions[:place], Counter())[action] += 1
    best = sum(max(counts.values()) for counts in after.values())
    ceiling = best / sum(counts.total() for counts in after.values())
    assert task.chance() < task.target_only_floor() <= ceiling


def test_the_floor_of_the_simple_split_beats_shorter_memories():
    task = Scan()
    train = [task.train_batch(0, step, 1000) for step in range(16)]
    test = list(task.evaluation("test", 1000))
    for order in (0, 1, 2):
        correct, scored = linter.markov_score(train, test, order)
        assert correct / scored < task.target_only_floor()


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_texts_and_tokens_agree(split, part):
    task = Scan(split=split)
    tokens = {}
    for batch in task.evaluation(part, 512):
        for row in range(len(batch)):
            source = tuple(batch.source[row, : batch.source_lengths[row]].tolist())
            tokens[source] = linter.answer(batch, row).tolist()
    pairs = task.pairs(part)
    assert len(pairs) == len(tokens)
    for command, answer in pairs:
        target = tokens[tuple(task.encode_source(command))]
        assert target == task.encode_target(answer)
        assert task.decode([*target, 0, 0]) == answer
    assert task.scored("validation") == task.pairs("validation")[: task.scored_sentences]
    assert all(task.longest_answer(len(source)) >= len(target) for source, target in tokens.items())


def test_pieces_can_be_read():
    task = Scan()
    assert task.pieces(task.encode_target("JUMP WALK"), "target") == ["JUMP", "WALK", "</s>"]
    assert task.pieces(task.encode_source("jump twice"), "source") == ["jump", "twice"]


def test_slices_are_buckets_of_actions():
    assert [bucket(actions) for actions in (1, 6, 7, 22, 24, 48)] == [6, 6, 12, 24, 24, 48]
    assert Scan(split="length").slice_values("test") == {"target_length": (24, 30, 36, 42, 48)}
    assert Scan(split="length").slice_values("validation") == {"target_length": (6, 12, 18, 24)}


def test_the_held_out_commands_can_be_fewer():
    whole, few = Scan(split="length"), Scan(split="length", held_out=100)
    assert few.pairs("test") == whole.pairs("test")[:100]
    assert sum(len(batch) for batch in few.evaluation("validation", 64)) == 100
    assert len(few.training_lines()) == len(whole.training_lines())


def test_an_unknown_word_is_named():
    with pytest.raises(BadInput, match=r"'wlak' is no word of SCAN\. Did you mean 'walk'"):
        Scan().encode_source("wlak twice")


def test_an_unknown_split_is_named():
    with pytest.raises(BadInput, match="split = 'jump'"):
        task_for("scan", {"split": "jump"})


def test_seeds_do_not_share_an_order():
    one, other = (Scan().train_batch(seed, 0, 32).source for seed in (0, 1))
    assert not np.array_equal(one, other)
