"""Scores by hand: what counts, what does not, and what a model might get for nothing."""

import pytest
import torch

from models.batch import Batch
from models.problem import BOS, EOS, PAD, Problem
from models.scoring import score_logits, score_tokens

DECODER = Problem(source_size=9, target_size=9)
SOURCE = torch.zeros(2, 1, dtype=torch.long)


def batch(target: list, mask: list | None = None) -> Batch:
    return Batch(SOURCE, None, torch.tensor(target), None if mask is None else torch.tensor(mask))


def test_padding_and_end_of_sequence_do_not_count() -> None:
    given = batch([[5, 6, EOS], [7, EOS, PAD]])
    total, count = score_tokens(torch.tensor([[5, 0, EOS], [7, EOS, PAD]]), given, DECODER)
    assert total.tolist() == [1, 1]
    assert count.tolist() == [2, 1]


def test_stopping_early_scores_nothing_for_what_is_missing() -> None:
    total, count = score_tokens(torch.tensor([[5], [7]]), batch([[5, 6, 7], [7, 8, 5]]), DECODER)
    assert total.tolist() == [1, 1]
    assert count.tolist() == [3, 3]


def test_going_on_too_long_neither_helps_nor_hurts() -> None:
    total, count = score_tokens(torch.tensor([[5, 6, 6], [7, 8, 8]]), batch([[5, 6], [7, 5]]), DECODER)
    assert total.tolist() == [2, 1]
    assert count.tolist() == [2, 2]


def test_a_mask_leaves_positions_out() -> None:
    problem = Problem(source_size=9, target_size=9, readout="position")
    given = batch([[5, 6], [7, 8]], [[True, False], [True, True]])
    total, count = score_tokens(torch.tensor([[5, 6], [0, 8]]), given, problem)
    assert total.tolist() == [1, 1]
    assert count.tolist() == [1, 2]


def test_classes_are_scored_by_the_largest_logit() -> None:
    problem = Problem(source_size=9, target_size=3, readout="last")
    logits = torch.tensor([[0.1, 0.9, 0.2], [3.0, 1.0, 2.0]])
    total, count = score_logits(logits, batch([1, 2]), problem)
    assert total.tolist() == [1, 0]
    assert count.tolist() == [1, 1]


@pytest.mark.parametrize("mask", [None, [True, False]])
def test_regression_sums_squared_errors(mask: list | None) -> None:
    problem = Problem(
        source_kind="floats",
        source_size=2,
        target_size=1,
        readout="last",
        objective="mean_squared_error",
    )
    total, count = score_logits(torch.tensor([[1.0], [3.0]]), batch([0.5, 1.0], mask), problem)
    assert total.tolist() == pytest.approx([0.25, 4.0 if mask is None else 0.0])
    assert count.tolist() == [1, 1 if mask is None else 0]


def test_answering_with_begin_or_padding_scores_nothing() -> None:
    given = batch([[5, 6, EOS], [7, EOS, PAD]])
    for token in (PAD, BOS, EOS):
        total, _ = score_tokens(torch.full((2, 3), token), given, DECODER)
        assert total.tolist() == [0, 0]
