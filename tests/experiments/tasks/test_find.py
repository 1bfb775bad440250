"""Tasks by name, and one-line refusals."""

import pytest

from experiments.tasks.copying import Copying
from experiments.tasks.find import find_task, task_for
from models.errors import BadInput


def test_by_name_and_by_module():
    assert find_task("copying") is Copying
    assert find_task("experiments.tasks.copying:Copying") is Copying
    assert task_for("copying", {"alphabet": 12}) == Copying(alphabet=12)


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(BadInput, match=r"unknown task 'copyng'. Did you mean 'copying'"):
        task_for("copyng")


def test_what_is_no_task_is_refused():
    with pytest.raises(BadInput, match=r"is not a subclass of experiments.tasks.base.Task"):
        find_task("models.problem:Problem")


def test_an_unfinished_task_names_what_it_lacks():
    with pytest.raises(BadInput, match="SymbolStrings does not implement answers, solve"):
        task_for("experiments.tasks.symbol_strings:SymbolStrings")


def test_all_wrong_options_are_named_at_once():
    with pytest.raises(BadInput, match=r"alphabet = 1: .*; unknown key 'train_length'.*train_lengths"):
        task_for("copying", {"alphabet": 1, "train_length": [4, 8]})
