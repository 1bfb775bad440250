"""Every registered task passes the linter, with several option sets.

Tasks of language have answers that are neither balanced nor of equal length, and formal languages are
tested beyond the trained lengths: test_scan, test_formal_languages and others choose among the checks.
"""

import pytest

from experiments.tasks import TASKS
from experiments.tasks.base import Task
from experiments.tasks.find import task_for
from tests.experiments.tasks import linter
from tests.experiments.tasks.formal import FORMAL

OPTIONS: dict[str, list[dict]] = {
    "recall": [
        {},
        {"symbols": 2, "length": 34, "distances": [1, 4, 16]},
        {"length": None, "distances": [1, 5, 20]},
        # 4,096 sources: splits that are not disjoint by construction would collide
        {"symbols": 3, "length": None, "distances": [1]},
        {"symbols": 2, "alphabet": 4, "distractors": 3, "distances": [0, 7], "length": 12},
    ],
    "associative_recall": [
        {},
        {"keys": 4, "values": 4, "loads": [1, 4], "distances": [4, 8], "length": 11},
        {"keys": 8, "values": 9, "loads": [2], "distances": [4]},
    ],
    "multi_query_recall": [
        {"test": [[64, 4], [128, 32], [512, 128]], "test_per_value": 64},
        {
            "keys": 8,
            "values": 16,
            "fillers": "values",
            "train": [[16, 3, 1], [24, 4, 2]],
            "test": [[16, 3], [24, 4], [24, 6]],
        },
        {"keys": 4, "values": 8, "train": [[16, 4, 1]], "test": [[16, 4]], "power": 1},
    ],
    "induction_heads": [
        {},
        {"alphabet": 8, "train_length": 8, "test_lengths": [6, 12]},
    ],
    "selective_copying": [
        {},
        {"alphabet": 8, "symbols": 5, "lengths": [5, 9]},
    ],
    "flip_flop": [
        {},
        {"length": 32, "ignore": 0.1, "distances": [2, 30]},
        {"length": 32, "ignore": 0, "distances": [4]},
    ],
    "dyck": [
        {},
        {"kinds": 2, "bound": 3, "depths": [2, 1], "distances": [5, 1], "length": 24},
    ],
    "copy_memory": [
        {},
        {"distances": [1, 30]},
    ],
    "right_context": [
        {},
        {"alphabet": 8, "length": 6, "offsets": [3, 1]},
        {"offsets": [1, 4], "length": 12, "named": "everywhere"},
    ],
    "copying": [
        {},
        {"alphabet": 16, "train_lengths": [3, 3], "test_lengths": [3, 5]},
    ],
    "reversal": [
        {},
        {"alphabet": 16, "train_lengths": [3, 4], "test_lengths": [3, 5]},
    ],
    "adding": [
        {},
        {"objective": "classification"},
        {"distances": [2, 10], "length": 12},
    ],
    "digits": [{}],
    "permuted_digits": [{}],
}
LANGUAGE = {"scan", "characters", "documents", "translation", "agreement"}
LANGUAGE |= {"few_labels", "denoising", "contextual"}
UNEVEN = {"listops", "mackey_glass"}
BALANCED = [name for name in TASKS if name not in LANGUAGE | UNEVEN]
CASES = [
    pytest.param(name, options, id=f"{name}-{index}")
    for name in BALANCED
    if name not in FORMAL
    for index, options in enumerate(OPTIONS.get(name, [{}]))
]
CHECKS = linter.EVERY


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_lint(name, options, check):
    check(task_for(name, options))


@pytest.mark.parametrize("name", BALANCED)
def test_docstring_example_runs(name):
    linter.lint_docstring(type(task_for(name)))


@pytest.mark.parametrize("name", BALANCED)
def test_registered_name_is_the_class_name(name):
    task = task_for(name)
    assert task.name == name
    assert isinstance(task, Task)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_evaluation_batches_are_not_padded(name, options):
    task = task_for(name, options)
    for batch in task.evaluation("test", 32):
        assert (batch.source_lengths == batch.source.shape[1]).all()
        # with an answer a position, the mask says where there is one
        assert batch.target_mask is None or task.problem().readout == "position"
        assert len(batch) <= 32


@pytest.mark.parametrize(("name", "options"), CASES)
def test_plain_data_rebuilds_the_same_task(name, options):
    task = task_for(name, options)
    assert task_for(name, task.model_dump(mode="json")) == task
