"""The task linter: what every task must satisfy, one function a property.

Each raises AssertionError with the reason. Sample sizes are such that a sound task fails a
statistical check less than once in 10^4 option sets; all draws have fixed seeds.
"""

import doctest
import sys
from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from experiments.tasks.base import Examples, Task
from models.problem import BOS, EOS, PAD

BATCH = 64
UNLIKELY = 1e-5


def train_sample(task: Task, batches: int = 24, seed: int = 0) -> list[Examples]:
    return [task.train_batch(seed, step, BATCH) for step in range(batches)]


def lint(task: Task) -> None:
    """Run every check."""
    lint_docstring(type(task))
    lint_arrays(task)
    lint_answers(task)
    lint_reproducible(task)
    lint_disjoint(task)
    lint_slices(task)
    lint_balance(task)
    lint_floor(task)


def lint_docstring(kind: type[Task]) -> None:
    """The docstring opens with one line and shows worked examples, which run."""
    assert kind.__doc__, f"{kind.__name__} has no docstring"
    assert kind.__doc__.partition("\n")[0].strip().endswith("."), "first line: one sentence"
    module = sys.modules[kind.__module__]
    examples = [
        example
        for example in doctest.DocTestFinder(recurse=False).find(kind, kind.__name__, module)
        if example.examples
    ]
    assert examples, f"{kind.__name__}: no worked example in the docstring"
    report: list[str] = []
    for example in examples:
        result = doctest.DocTestRunner(verbose=False).run(example, out=report.append)
        assert result.failed == 0, "".join(report)


def all_batches(task: Task) -> list[Examples]:
    held_out = [*task.evaluation("validation", BATCH), *task.evaluation("test", BATCH)]
    return [*train_sample(task, 4), *held_out]


def lint_arrays(task: Task) -> None:
    """Types, shapes, vocabulary, padding and masks fit the problem and each other."""
    problem = task.problem()
    for batch in all_batches(task):
        size, width = batch.source.shape[:2]
        lengths = batch.source_lengths
        assert lengths.shape == (size,)
        assert lengths.dtype == np.int64
        assert lengths.min() > 0
        assert lengths.max() == width, "columns that are padding in every row"
        inside = np.arange(width) < lengths[:, None]
        if problem.source_kind == "tokens":
            assert batch.source.dtype == np.int64
            assert batch.source.ndim == 2
            assert batch.source.max() < problem.source_size
            assert (batch.source[inside] > EOS).all(), "PAD, BOS or EOS inside a source"
        else:
            assert batch.source.dtype == np.float32
            assert batch.source.shape[2] == problem.source_size
            assert np.isfinite(batch.source).all()
        assert (batch.source[~inside] == PAD).all(), "padding is not zero"
        lint_target(task, batch)
        assert set(batch.slices) == set(task.slice_names)
        for values in batch.slices.values():
            assert values.shape == (size,)
            assert values.dtype == np.int64


def lint_target(task: Task, batch: Examples) -> None:
    problem, target = task.problem(), batch.target
    shape = {"decoder": target.shape[:2], "position": batch.source.shape[:2], "last": (len(batch),)}
    assert target.shape == shape[problem.readout]
    assert len(target) == len(batch)
    if problem.objective == "mean_squared_error":
        assert target.dtype == np.float32
    else:
        assert target.dtype == np.int64
        assert target.min() >= 0
        assert target.max() < problem.target_size
    mask = batch.target_mask
    if mask is None:
        mask = np.ones_like(target, dtype=bool)
    else:
        assert mask.dtype == np.bool_
        assert mask.shape == target.shape
        assert not mask.all(), "a mask that masks nothing costs time: None"
    if problem.readout == "decoder":
        assert mask.any(axis=1).all(), "an example without a target"
        assert (mask[:, :-1] >= mask[:, 1:]).all(), "padding on the left"
        assert (target[~mask] == PAD).all()
        assert not np.isin(target[mask], (PAD, BOS)).any()


def answer(batch: Examples, row: int) -> NDArray:
    target = batch.target[row]
    return target if batch.target_mask is None else target[batch.target_mask[row]]


def lint_answers(task: Task) -> None:
    """The oracle derives every answer from the source."""
    for batch in all_batches(task):
        for row in range(len(batch)):
            solved = task.solve(batch.source[row], int(batch.source_lengths[row]))
            np.testing.assert_array_equal(solved, answer(batch, row), err_msg=f"{batch.source[row]}")


def lint_reproducible(task: Task) -> None:
    """Training is a function of (seed, step); the held-out splits are always the same."""
    first = task.train_batch(3, 5, BATCH)
    task.train_batch(4, 6, BATCH)  # must leave no trace
    again = type(task).model_validate(task.model_dump(mode="json")).train_batch(3, 5, BATCH)
    assert same(first, again), "the same (seed, step) gave another batch"
    assert not same(first, task.train_batch(3, 6, BATCH)), "the step changes nothing"
    assert not same(first, task.train_batch(4, 5, BATCH)), "the seed changes nothing"
    for split in ("validation", "test"):
        one = list(task.evaluation(split, BATCH))
        task.train_batch(9, 9, BATCH)
        two = list(task.evaluation(split, BATCH))
        assert len(one) == len(two)
        assert all(same(a, b) for a, b in zip(one, two, strict=True)), f"{split} changes"


def same(one: Examples, two: Examples) -> bool:
    return np.array_equal(one.source, two.source) and np.array_equal(one.target, two.target)


def rows(batches: list[Examples]) -> set[bytes]:
    return {
        batch.source[row, : batch.source_lengths[row]].tobytes()
        for batch in batches
        for row in range(len(batch))
    }


def lint_disjoint(task: Task) -> None:
    """No source of one split occurs in another, whatever the training seed."""
    train = rows([batch for seed in range(4) for batch in train_sample(task, 24, seed)])
    validation = rows(list(task.evaluation("validation", BATCH)))
    test = rows(list(task.evaluation("test", BATCH)))
    assert not train & validation, "training and validation share sources"
    assert not train & test, "training and test share sources"
    assert not validation & test, "validation and test share sources"


def lint_slices(task: Task) -> None:
    """Every declared slice value is tested, and no other; each batch holds one combination at most."""
    for split in ("validation", "test"):
        declared = task.slice_values(split)
        assert tuple(declared) == task.slice_names
        found: dict[str, Counter[int]] = defaultdict(Counter)
        for batch in task.evaluation(split, BATCH):
            for name, values in batch.slices.items():
                found[name].update(values.tolist())
        for name, values in declared.items():
            assert set(found[name]) == set(values), f"{split}: {name}"
            assert min(found[name].values()) >= 8, f"{split}: too few examples in a slice of {name}"


def lint_balance(task: Task) -> None:
    """Every answer is equally frequent, at every target position: chi-square, or mean and variance."""
    if task.problem().objective == "mean_squared_error":
        answers = np.concatenate([batch.target for batch in train_sample(task)])
        error = (answers - answers.mean()) ** 2
        assert abs(answers.mean() - 1) < 5 * answers.std() / np.sqrt(len(answers))
        assert abs(error.mean() - task.chance()) < 5 * error.std() / np.sqrt(len(answers))
        return
    classes = round(1 / task.chance())
    for batches in (train_sample(task), list(task.evaluation("test", BATCH))):
        counts: dict[int, Counter[int]] = defaultdict(Counter)
        for batch in batches:
            for row in range(len(batch)):
                for place, token in enumerate(np.atleast_1d(answer(batch, row)).tolist()):
                    counts[place][token] += 1
        for place, counter in counts.items():
            if task.problem().readout == "decoder":
                counter.pop(EOS, None)
            observed = list(counter.values())
            if sum(observed) < 10 * classes:
                continue  # too few for the approximation; the position before was tested
            assert len(observed) == classes, f"position {place}: {len(observed)} of {classes} answers"
            p = stats.chisquare(observed).pvalue
            assert p > UNLIKELY, f"position {place}: answers are unbalanced (p = {p:.1e})"


def lint_floor(task: Task) -> None:
    """A predictor that sees the target's prefix alone scores the declared floor, not more nor less."""
    floor = task.target_only_floor()
    if task.problem().objective == "mean_squared_error":
        assert 0 < floor <= task.chance()
        return
    assert task.chance() - 1e-9 <= floor < 1
    train = train_sample(task, 48)
    best = 0.0
    scored = 0
    test = list(task.evaluation("test", BATCH))
    ends = task.problem().readout == "decoder"
    for order in (0, 1, 2):
        correct, scored = markov_score(train, test, order, ends=ends)
        best = max(best, correct / scored)
    tolerance = 4.5 * np.sqrt(floor * (1 - floor) / scored) + 0.002
    assert best <= floor + tolerance, f"the target alone gives {best:.3f}, floor {floor:.3f}"
    assert best >= floor - tolerance - 0.02, f"declared floor {floor:.3f} is too high: {best:.3f}"


def markov_score(
    train: list[Examples], test: list[Examples], order: int, *, ends: bool = True
) -> tuple[int, int]:
    """Fit counts of (position, the last ``order`` answers) -> answer; return correct and scored.

    ``ends``: answers end with EOS, which is not scored; else 2 is a class like any other.
    """
    counts: dict[tuple, Counter[int]] = defaultdict(Counter)
    for key, token in pairs(train, order, ends):
        counts[key][token] += 1
    guess = {key: counter.most_common(1)[0][0] for key, counter in counts.items()}
    outcomes = [guess.get(key) == token for key, token in pairs(test, order, ends)]
    return sum(outcomes), len(outcomes)


def pairs(batches: list[Examples], order: int, ends: bool) -> list[tuple[tuple, int]]:
    found = []
    for batch in batches:
        for row in range(len(batch)):
            tokens = np.atleast_1d(answer(batch, row)).tolist()
            for place, token in enumerate(tokens):
                if not (ends and batch.target.ndim == 2 and token == EOS):
                    found.append(((place, *tokens[max(0, place - order) : place]), token))
    return found


STRUCTURE = (lint_arrays, lint_answers, lint_reproducible, lint_disjoint, lint_slices)
"""What holds for every task."""

EVERY = (*STRUCTURE, lint_balance, lint_floor)
"""Those, and that answers are as hard to guess as the task says, where they are drawn evenly."""
