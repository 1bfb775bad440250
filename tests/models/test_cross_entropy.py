"""The cross-entropy that overwrites its logits equals torch's own, and so do its gradients."""

import pytest
import torch
from torch.nn import functional

from models.batch import Batch
from models.cross_entropy import consuming_cross_entropy
from models.problem import Problem
from models.recipe import Recipe
from models.registry import architecture, config_for

PROBLEM = Problem(source_size=20, target_size=30)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize(("positions", "classes"), [(1, 3), (700, 1000), (37, 5)])
def test_value_and_gradient_are_torchs(
    positions: int, classes: int, dtype: torch.dtype, smoothing: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(positions, classes, generator=generator, dtype=torch.float64)
    target = torch.randint(classes, (positions,), generator=generator)
    one, other = (logits.to(dtype).requires_grad_() for _ in range(2))
    expected = functional.cross_entropy(one.float(), target, label_smoothing=smoothing)
    (0.5 * expected).backward()
    found = consuming_cross_entropy(other * 1, target, smoothing)
    (0.5 * found).backward()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    scale = float(one.grad.abs().max())
    torch.testing.assert_close(other.grad / scale, one.grad / scale, rtol=0, atol=2e-3)
    if dtype != torch.bfloat16:
        torch.testing.assert_close(other.grad / scale, one.grad / scale, rtol=0, atol=1e-5)


def test_large_logits_do_not_overflow() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]])
    assert float(consuming_cross_entropy(logits.clone(), torch.tensor([0]))) == 0.0
    assert float(consuming_cross_entropy(logits.clone(), torch.tensor([1]))) == pytest.approx(2e4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", ["rnn", "attentional_lstm", "transformer"])
def test_a_training_step_has_the_gradients_of_the_whole_loss(name: str, smoothing: float) -> None:
    """Projecting the real positions alone must change nothing."""
    cls = architecture(name)
    recipe = Recipe(label_smoothing=smoothing)
    torch.manual_seed(0)
    model = cls(config_for(cls, {"width": 16}), PROBLEM, recipe).train()
    length_S, length_T = torch.tensor([5, 3, 4]), torch.tensor([6, 2, 4])
    source_mask = torch.arange(5) < length_S[:, None]
    target_mask = torch.arange(6) < length_T[:, None]
    batch = Batch(
        source=torch.randint(3, 20, (3, 5)) * source_mask,
        source_mask=source_mask,
        target=torch.randint(3, 30, (3, 6)) * target_mask,
        target_mask=target_mask,
    )
    model.loss(model(batch), batch).backward()
    expected = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    model.training_step(batch, 0).backward()
    for parameter, value in model.named_parameters():
        torch.testing.assert_close(value.grad, expected[parameter], rtol=1e-4, atol=1e-6)
