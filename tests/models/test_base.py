"""What all architectures share, against hand computation."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from models.base import Memory, Seq2Seq
from models.batch import Batch
from models.conformance import PROBLEMS
from models.conformance_cases import make_batch, small
from models.errors import BadInput
from models.problem import BOS, Problem
from models.recipe import Recipe
from tests.models.toy import Toy


def toy(
    problem: str | Problem = "decoder-tokens", recipe: Recipe | None = None, **options: Any
) -> Seq2Seq:
    torch.manual_seed(0)
    asked = PROBLEMS[problem] if isinstance(problem, str) else problem
    return Toy(small(Toy, options), asked, recipe)


def by_hand(logits: Tensor, target: Tensor, mask: Tensor, smoothing: float) -> float:
    """Mean over counted positions of -(1 - e) log p(target) - e/V sum_v log p(v)."""
    total, count = 0.0, 0
    V = logits.shape[-1]
    for b in range(target.shape[0]):
        for t in range(target.shape[1]):
            if mask[b, t]:
                exponentials = [math.exp(x) for x in logits[b, t].tolist()]
                log_p = [math.log(x / sum(exponentials)) for x in exponentials]
                total -= (1 - smoothing) * log_p[target[b, t]] + smoothing / V * sum(log_p)
                count += 1
    return total / count


@pytest.mark.parametrize(("training", "smoothing"), [(True, 0.1), (False, 0.0)])
def test_cross_entropy_counts_real_positions_and_smooths_in_training(
    training: bool, smoothing: float
) -> None:
    model = toy(recipe=Recipe(label_smoothing=0.1)).train(training)
    batch = make_batch(model.problem, [4, 2], [5, 2])
    logits = torch.randn(2, 5, 11, generator=torch.Generator().manual_seed(0))
    assert batch.target_mask is not None
    expected = by_hand(logits, batch.target, batch.target_mask, smoothing)
    assert model.loss(logits, batch).item() == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_of_one_answer_a_sequence() -> None:
    model = toy("last-tokens")
    batch = Batch(torch.tensor([[3], [4]]), None, torch.tensor([0, 2]), None)
    logits = torch.tensor([[0.0, 0, 0, 0, 0], [0, 0, math.log(6), 0, 0]])
    assert model.loss(logits, batch).item() == pytest.approx((math.log(5) + math.log(10 / 6)) / 2)


def test_squared_error_leaves_masked_positions_out() -> None:
    model = toy("position-floats")
    source = torch.zeros(2, 3, 3)
    target = torch.tensor([[1.0, 2, 3], [4, 1e9, 1e9]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    logits = torch.tensor([[[0.0], [0], [0]], [[2], [0], [0]]])
    masked = model.loss(logits, Batch(source, mask, target, mask))
    assert masked.item() == pytest.approx((1 + 4 + 9 + 4) / 4)
    plain = model.loss(logits[:1], Batch(source[:1], None, target[:1], None))
    assert plain.item() == pytest.approx((1 + 4 + 9) / 3)


def test_squared_error_of_one_answer_a_sequence() -> None:
    model = toy("last-floats")
    batch = Batch(torch.zeros(2, 3, 3), None, torch.tensor([1.0, -1.0]), None)
    assert model.loss(torch.tensor([[3.0], [-2.0]]), batch).item() == pytest.approx((4 + 1) / 2)


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 4, {0: 0.25, 3: 1.0, 4: 1.0, 99: 1.0}),
        ("constant", 0, {0: 1.0, 7: 1.0}),
        ("inverse_sqrt", 4, {0: 0.25, 3: 1.0, 15: 0.5, 63: 0.25}),
        ("inverse_sqrt", 0, {0: 1.0, 3: 0.5}),
        ("cosine", 4, {0: 0.25, 3: 1.0, 4: 1.0, 12: 0.5, 20: 0.0, 30: 0.0}),
    ],
)
def test_learning_rate_schedule(schedule: Any, warmup: int, expected: dict[int, float]) -> None:
    model = toy(recipe=Recipe(steps=20, warmup_steps=warmup, schedule=schedule))
    found = {step: model.learning_rate_factor(step) for step in expected}
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_optimiser_follows_recipe_and_schedule() -> None:
    recipe = Recipe(learning_rates=(0.5, 0.1), warmup_steps=2, weight_decay=0.03, adam_beta2=0.9)
    parts = toy(recipe=recipe).configure_optimizers()
    (group,) = parts["optimizer"].param_groups
    assert (group["weight_decay"], group["betas"]) == (0.03, (0.9, 0.9))
    assert parts["lr_scheduler"]["interval"] == "step"
    rates = []
    for _ in range(3):
        rates.append(group["lr"])
        parts["optimizer"].step()
        parts["lr_scheduler"]["scheduler"].step()
    assert rates == pytest.approx([0.25, 0.5, 0.5])


def test_shift_right_begins_with_bos_and_drops_the_last() -> None:
    shifted = toy().shift_right(torch.tensor([[5, 6, 7], [8, 9, 10]]))
    assert shifted.tolist() == [[BOS, 5, 6], [BOS, 8, 9]]


def test_summary_is_the_last_real_position() -> None:
    states = torch.arange(24.0).view(2, 4, 3)
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    model = toy("last-tokens")
    assert torch.equal(model.summarise(Memory(states, None)), states[:, 3])
    assert torch.equal(model.summarise(Memory(states, mask)), torch.stack([states[0, 1], states[1, 3]]))


@pytest.mark.parametrize("tied", ["none", "target", "all"])
def test_tied_embeddings_are_one_tensor_and_stay_so_when_trained(tied: Any) -> None:
    model = toy(tie_embeddings=tied)
    model.learning_rate = 0.1
    batch = make_batch(model.problem, [4, 4], [4, 4])
    optimizer = model.configure_optimizers()["optimizer"]
    model.training_step(batch, 0).backward()
    optimizer.step()
    head, target = model.head.weight, model.target_embedding.weight
    assert torch.equal(head, target) == (tied != "none")
    assert torch.equal(head, model.source_embedding.weight) == (tied == "all")
    owners = {"none": 3, "target": 2, "all": 1}[tied]
    outside = sum(p.numel() for p in model.parameters()) - model.counted_core_parameters()
    assert outside == owners * 11 * 16 + 11


@pytest.mark.parametrize(
    ("problem", "tied", "message"),
    [
        (PROBLEMS["last-tokens"], "target", "needs a decoder"),
        (PROBLEMS["decoder-floats"], "all", "one joint vocabulary"),
        (Problem(source_size=11, target_size=12), "all", "one joint vocabulary"),
    ],
)
def test_what_cannot_be_tied_is_refused(problem: Problem, tied: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        toy(problem, tie_embeddings=tied)


def test_validation_sums_count_real_tokens() -> None:
    model = toy().eval()
    batch = make_batch(model.problem, [4, 2], [5, 2])
    with torch.no_grad():
        sums = model.validation_step(batch, 0)
        right = model(batch).argmax(-1) == batch.target
    assert int(sums["count"]) == 7
    assert float(sums["total"]) == float((right & batch.target_mask).sum())


@pytest.mark.parametrize("tied", ["none", "target"])
def test_logits_start_small_whether_tied_or_not(tied: Any) -> None:
    torch.manual_seed(0)
    model = toy(tie_embeddings=tied)
    logits = model.head(torch.randn(1000, model.config.width))
    assert 0.3 < float(logits.detach().std()) < 1.5
