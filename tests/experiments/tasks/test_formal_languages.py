"""The formal-language tasks: the linter, answers written down by hand, brute force, the protocol."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.bucket_sort import guessing
from experiments.tasks.find import task_for
from experiments.tasks.generated import in_split
from experiments.tasks.modular_brackets import values
from models.errors import BadInput
from models.problem import EOS, SPECIALS
from tests.experiments.tasks import linter
from tests.experiments.tasks.formal import CLASSES, ENDED, FORMAL, SKEWED, STRINGS, WITHIN

CASES = [(name, WITHIN) for name in FORMAL]
CASES += [(name, {**WITHIN, "readout": "decoder"}) for name in STRINGS]
IDS = [f"{name}-{options.get('readout', 'default')}" for name, options in CASES]


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_lint(name, options):
    task = task_for(name, options)
    linter.lint_docstring(type(task))
    linter.lint_arrays(task)
    linter.lint_answers(task)
    linter.lint_reproducible(task)
    linter.lint_disjoint(task)
    linter.lint_slices(task)
    on_blanks = options.get("readout") != "decoder"
    if name in ENDED and on_blanks:
        return  # EOS is scored there, at places that vary; the bits are those of the decoder's answers
    linter.lint_floor(task)
    if name not in SKEWED:
        linter.lint_balance(task)


LETTERS = {
    "modular_arithmetic": "01234+-*",
    "modular_brackets": "01234+-*()",
    "missing_duplicate": "01?.",
    "stack_manipulation": "01-ab",  # pop, push 0, push 1
    "binary_addition": "01+",
    "cycle_navigation": "<o>",
}


def read(name, text):
    return [LETTERS.get(name, "01234").index(letter) + SPECIALS for letter in text]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("parity_check", "1", 1),
        ("parity_check", "110", 0),
        ("even_pairs", "1", 0),
        ("even_pairs", "001110", 0),
        ("even_pairs", "0101001", 1),
        ("cycle_navigation", ">>>>>>", 1),
        ("cycle_navigation", "><o<<", 3),
        ("modular_arithmetic", "1+2*3", 2),
        ("modular_arithmetic", "1-1-1", 4),
        ("modular_arithmetic", "0*1+4*3-2", 0),
        ("modular_brackets", "(-4)", 1),
        ("modular_brackets", "((1-2)*3)", 2),
        ("modular_brackets", "(4-(3-(-2)))", 4),
        ("missing_duplicate", "0110?110", 0),
        ("missing_duplicate", ".", 1),
        ("missing_duplicate", "101?01.", 1),
        ("reverse_string", "0011", "1100"),
        ("duplicate_string", "001", "001001"),
        ("odds_first", "010111", "001111"),
        ("odds_first", "1", "1"),
        ("stack_manipulation", "0110b--", "110"),
        ("stack_manipulation", "110---", ""),
        ("stack_manipulation", "1----a", "0"),
        ("binary_addition", "001+01101", "01011"),
        ("binary_addition", "1001+000001", "100101"),
        ("binary_addition", "111+1", "0001"),
        ("binary_addition", "00+0", "0"),
        ("binary_addition", "1", "1"),
        ("bucket_sort", "42013", "01234"),
        ("bucket_sort", "3", "3"),
    ],
)
def test_answers_by_hand(name, text, expected):
    task = task_for(name)
    string = read(name, text)
    source = np.array([*string, *[SPECIALS + task.letters] * 3])
    solved = task.solve(source, len(source) if name in STRINGS else len(string))
    if isinstance(expected, int):
        assert solved == expected
    else:
        assert solved.tolist() == [*read("", expected), *[EOS] * (name in ENDED)]


@pytest.mark.parametrize("name", FORMAL)
def test_every_string_is_drawn_and_counted(name):
    """At short lengths the strings that occur are as many as ``sources`` says."""
    task = task_for(name)
    generator = np.random.default_rng(1)
    for length in range(1, 6):
        actual = task.actual(length)
        drawn = task.draw(generator, 20_000, {"length": actual})
        if (counted := task.sources(actual)) < 1200:
            assert len(np.unique(drawn.source[:, :actual], axis=0)) == counted


def test_answers_of_all_short_strings_agree_with_the_generator():
    """Brute force: parity, pairs, walks and sorting over every string of length 4."""
    oracles = {
        "parity_check": lambda string: sum(string) % 2,
        "even_pairs": lambda string: int(string[0] != string[-1]),
        "cycle_navigation": lambda string: (sum(string) - len(string)) % 5,
        "bucket_sort": lambda string: [3 + letter for letter in sorted(string)],
    }
    for name, oracle in oracles.items():
        task = task_for(name)
        for string in product(range(task.letters), repeat=4):
            source = np.array(string) + SPECIALS
            assert task.solve(source, 4).tolist() == oracle(string), (name, string)


def test_values_of_brackets_by_enumeration():
    def every(length):
        if length <= 4:
            return [(-n if length % 2 == 0 else n) % 5 for n in range(5)]
        found = []
        for left in range(1, length - 3):
            pairs = list(product(every(left), every(length - 3 - left)))
            # each place of the sign is as likely as any other, however many strings it leaves
            found.append(
                [f(a, b) % 5 for a, b in pairs for f in (int.__add__, int.__sub__, int.__mul__)]
            )
        assert len({len(part) for part in found}) == 1, "lengths where places have equally many strings"
        return [value for part in found for value in part]

    for length in (3, 5, 6, 7):
        expected = np.bincount(every(length), minlength=5) / len(every(length))
        np.testing.assert_allclose(values(8)[length], expected, atol=1e-12)
    np.testing.assert_allclose(values(500).sum(axis=1), 1)


def test_guessing_a_sorted_string_by_enumeration():
    strings = np.array([sorted(string) for string in product(range(5), repeat=4)])
    best = [np.bincount(column).max() / len(strings) for column in strings.T]
    assert guessing(4) == pytest.approx(np.mean(best), abs=1e-12)
    assert guessing(1) == pytest.approx(0.2)
    every = task_for("bucket_sort", {"test_lengths": list(range(41, 501))})
    assert every.facts()["guessing"] == pytest.approx(0.9013, abs=1e-4)  # "solved", without reading


def test_the_protocol_of_the_paper():
    """Trained on lengths 1 to 40, uniformly; tested on longer ones; validated on trained ones."""
    task = task_for("parity_check")
    batches = [task.train_batch(0, step, 128) for step in range(40)]
    lengths, counts = np.unique(
        np.concatenate([batch.source_lengths for batch in batches]), return_counts=True
    )
    assert lengths.tolist() == list(range(1, 41))
    short = counts[:19]  # above, a fifth is held out, so they are fewer
    assert stats.chisquare(short).pvalue > 1e-4
    assert stats.chisquare(counts[19:]).pvalue > 1e-4
    assert counts[19:].sum() / short.sum() == pytest.approx(0.8 * 21 / 19, rel=0.06)
    tested = task.slice_values("test")["length"]
    assert (tested[0], tested[-1], len(tested)) == (41, 500, 28)
    assert {n % 2 for n in tested} == {0, 1}
    assert max(task.slice_values("validation")["length"]) <= 40
    every = task_for("parity_check", {"test_lengths": list(range(41, 501))})
    assert len(every.slice_values("test")["length"]) == 460


def test_short_strings_are_trained_whole_and_others_are_held_out():
    task = task_for("parity_check")
    train = [task.train_batch(0, step, 128) for step in range(40)]
    short = {row[:3].tobytes() for b in train for row in b.source[b.source_lengths == 3]}
    assert len(short) == 8
    long = np.concatenate([b.source[b.source_lengths == 30][:, :30] for b in train])
    assert in_split(long, "train").all()
    validation = [b.source for b in task.evaluation("validation", 64)]
    assert all(in_split(source, "validation").all() for source in validation)


@pytest.mark.parametrize("name", STRINGS)
def test_blanks_and_decoder_ask_the_same(name):
    """Both readouts answer with the same symbols, from the same strings."""
    asked = {"test_lengths": [41, 60], "test_per_value": 16}
    on_blanks = list(task_for(name, asked).evaluation("test", 16))
    task = task_for(name, {**asked, "readout": "decoder"})
    for blank, decoded in zip(on_blanks, task.evaluation("test", 16), strict=True):
        length = decoded.source.shape[1]
        np.testing.assert_array_equal(blank.source[:, :length], decoded.source)
        assert (blank.source[:, length:] == SPECIALS + task.letters).all()
        assert blank.target_mask is not None
        assert not blank.target_mask[:, :length].any(), "nothing is answered before the blanks"
        for row in range(len(decoded)):
            behind = blank.target[row][blank.target_mask[row]].tolist()
            written = linter.answer(decoded, row).tolist()
            assert behind + [EOS] * (name not in ENDED) == written


@pytest.mark.parametrize("name", FORMAL)
def test_default_test_split_is_beyond_training_and_unpadded(name):
    task = task_for(name, {"test_per_value": 8})
    seen = []
    for batch in task.evaluation("test", 8):
        assert (batch.source_lengths == batch.source.shape[1]).all()
        seen.extend(np.unique(batch.slices["length"]).tolist())
    assert tuple(seen) == task.slice_values("test")["length"]
    assert min(seen) > 40


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("parity_check", {"train_lengths": [9, 4]}, r"train_lengths = \(9, 4\): the shortest comes"),
        ("parity_check", {"train_lengths": [1, 30]}, "validation_lengths: 35 is not within"),
        ("parity_check", {"validation_lengths": [11]}, "only 2048 different sources with strings of"),
        ("bucket_sort", {"test_lengths": [5]}, "only 3125 different sources with strings of length 5"),
        ("odds_first", {"readout": "last"}, "readout = 'last'"),
        ("even_pairs", {"readout": "decoder"}, "readout"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(BadInput, match=message):
        task_for(name, options)


def test_classes_have_no_decoder():
    assert {task_for(name).problem().readout for name in CLASSES} == {"last"}


def test_parity_alone_solves_missing_duplicate():
    """What a network that solves it need not do: remember the string."""
    for batch in linter.all_batches(task_for("missing_duplicate", {})):
        for row, length in enumerate(batch.source_lengths):
            if length > 1:
                letters = batch.source[row, :length] - SPECIALS
                assert (letters == 1).sum() % 2 == batch.target[row].item()
