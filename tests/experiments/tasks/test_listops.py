"""ListOps: the published distribution against a plain recursive generator, values, class balance."""

import random
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from experiments.tasks.find import task_for
from experiments.tasks.listops import ListOps, tokens
from experiments.tasks.listops_trees import OPERATORS, WORDS, draw_expressions
from models.errors import BadInput
from tests.experiments.tasks import linter

CHECKS = (*linter.STRUCTURE, linter.lint_floor)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "options",
    [
        {"min_length": 8, "max_length": 64},
        {"max_depth": 20, "max_args": 5, "min_length": 8, "max_length": 100},
    ],
    ids=str,
)
def test_lint(check, options):
    check(ListOps(**options, test_examples=600, validation_examples=200))


def test_docstring_example_runs():
    linter.lint_docstring(ListOps)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[MAX 2 9 [MIN 4 7 ] 0 ]", 9),  # Nangia and Bowman 2018, figure 1
        ("[MIN 2 9 [MAX 4 7 ] 3 ]", 2),
        ("[MED 1 2 ]", 1),
        ("[MED 9 1 4 4 8 ]", 4),
        ("[SM 9 9 9 ]", 7),
        ("[SM [SM 5 5 ] [MED 3 8 ] 6 ]", 1),
    ],
)
def test_values(expression, value):
    row = tokens(expression)
    assert int(ListOps().solve(row, len(row))) == value


def plain(depth: int, deepest: int, args: int) -> list[str]:
    """Draw one expression as the published generator does, one node after the other."""
    if depth > 1 and (depth >= deepest or random.random() > 0.25):
        return [str(random.randrange(10))]
    arguments = [plain(depth + 1, deepest, args) for _ in range(random.randint(2, args))]
    return [random.choice(OPERATORS), *(word for part in arguments for word in part), "]"]


@pytest.mark.parametrize(
    ("depth", "args", "lengths"), [(10, 10, (8, 64)), (20, 5, (4, 40)), (3, 4, (4, 22))]
)
def test_expressions_are_distributed_as_published(depth, args, lengths):
    random.seed(2018)
    wanted: list[list[str]] = []
    while len(wanted) < 1500:
        words = plain(1, depth, args)
        if lengths[0] <= len(words) <= lengths[1]:
            wanted.append(words)
    found = draw_expressions(np.random.default_rng(1), 1500, depth, args, lengths)
    drawn = [
        [WORDS[token - 3] for token in row[:length]]
        for row, length in zip(found.source.tolist(), found.length.tolist(), strict=True)
    ]

    def nesting(words: list[str]) -> int:
        height = np.cumsum([word.startswith("[") - (word == "]") for word in words])
        return int(height.max())

    for measure in (len, nesting, lambda words: words.count("[MED"), lambda words: words[0]):
        one, two = Counter(map(measure, wanted)), Counter(map(measure, drawn))
        keys = [key for key in one if one[key] + two[key] >= 20]
        table = [[counts[key] for key in keys] for counts in (one, two)]
        assert stats.chi2_contingency(table).pvalue > 1e-4


def test_the_values_come_with_the_expressions():
    found = draw_expressions(np.random.default_rng(0), 500, 10, 10, (4, 400))
    task = ListOps()
    for row, length, value in zip(found.source, found.length, found.value, strict=True):
        assert int(task.solve(row, int(length))) == value
        assert (row[length:] == 0).all()
    assert found.length.max() > 200


def test_depth_and_arguments_stay_within_their_bounds():
    found = draw_expressions(np.random.default_rng(0), 400, 4, 3, (4, 53))
    for row, length in zip(found.source.tolist(), found.length.tolist(), strict=True):
        counts: list[int] = []
        for word in (WORDS[token - 3] for token in row[:length]):
            if word.startswith("["):
                counts.append(0)
                assert len(counts) <= 3  # numbers stand at depth 4
            elif word == "]":
                assert 2 <= counts.pop() <= 3
            if counts and not word.startswith("["):
                counts[-1] += 1


def test_chance_is_the_majority_and_the_classes_are_known():
    task = ListOps()
    shares = task.class_shares()
    assert shares.sum() == pytest.approx(1)
    answers = np.concatenate([batch.target for batch in task.evaluation("test", 500)])
    assert len(answers) == 2000
    assert task.chance() == pytest.approx(np.bincount(answers).max() / 2000)
    assert 0.14 < task.chance() < 0.2
    assert shares.argmax() in (0, 9)  # MIN and MAX make them
    assert np.abs(shares - task.class_shares("train")).max() < 0.05


def test_the_long_range_arena_fits():
    task = ListOps(min_length=501, max_length=1999, test_examples=64)
    batch = task.train_batch(0, 0, 16)
    assert batch.source_lengths.min() > 500
    assert batch.source_lengths.max() < 2000
    assert task.slice_values("test") == {"length": (512, 1024, 1999)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_length": 300}, "min_length = 300 is more than max_length = 128"),
        ({"max_depth": 2, "max_args": 3}, "with max_depth = 2 and max_args = 3 there are 5 tokens"),
        ({"max_args": 1}, "max_args = 1: Input should be greater than 1"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        task_for("listops", options)


def test_hopeless_lengths_end_with_one_line():
    with pytest.raises(BadInput, match=r"none of .* expressions of depth 9 and 2 arguments at most"):
        draw_expressions(np.random.default_rng(0), 1, 9, 2, (700, 765))
