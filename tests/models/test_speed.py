"""The speed settings: what is chosen where, and that "fast" keeps fp32 accuracy."""

import pytest
import torch

from models import speed


@pytest.mark.parametrize(
    ("vendor", "accurate", "precision"),
    [
        ("AuthenticAMD", True, "medium"),
        ("AuthenticAMD", False, "highest"),
        ("GenuineIntel", True, "highest"),
    ],
)
def test_precision_is_lowered_in_name_only(monkeypatch, vendor, accurate, precision) -> None:
    monkeypatch.setattr(speed, "_cpu_vendor", lambda: f"vendor_id\t: {vendor}\n")
    monkeypatch.setattr(speed, "_keeps_accuracy", lambda precision: accurate)
    assert speed.choose("cpu").matmul_precision == precision
    assert speed.choose("cuda").matmul_precision == "highest"
    assert speed.choose("cpu", "plain") == speed.PLAIN


def test_the_trial_of_accuracy_tells_and_leaves_no_trace() -> None:
    state, precision = torch.get_rng_state(), torch.get_float32_matmul_precision()
    assert speed._keeps_accuracy("highest")
    assert not speed._keeps_accuracy("highest", tolerance=1e-9)  # below what fp32 can keep
    assert torch.get_float32_matmul_precision() == precision
    assert torch.equal(torch.get_rng_state(), state)


def test_byte_dropout_is_for_the_cpu_alone() -> None:
    assert speed.choose("cpu").byte_dropout
    assert not speed.choose("cuda").byte_dropout
    assert not speed.PLAIN.byte_dropout


def test_applied_settings_are_in_force_and_plain_data() -> None:
    chosen = speed.choose("cpu")
    speed.apply(chosen)
    assert speed.current() is chosen
    assert torch.get_float32_matmul_precision() == chosen.matmul_precision
    assert chosen.as_dict() == {
        "name": "fast",
        "matmul_precision": chosen.matmul_precision,
        "attention": "auto",
        "byte_dropout": True,
    }
    speed.apply(speed.PLAIN)
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("size", [(64, 64, 64), (1536, 256, 1024), (33, 257, 129)])
def test_products_under_the_chosen_settings_have_fp32_accuracy(size) -> None:
    """Asserted for what ``choose`` chooses on the CPU at hand, which is all that ever applies."""
    speed.apply(speed.choose("cpu"))
    rows, inner, columns = size
    noise = torch.Generator().manual_seed(0)
    a, b = torch.randn(rows, inner, generator=noise), torch.randn(inner, columns, generator=noise)
    exact = a.double() @ b.double()
    for product in (
        a @ b,
        torch.nn.functional.linear(a, b.T.contiguous()),
        torch.bmm(a[None], b[None])[0],
    ):
        error = (product.double() - exact).norm() / exact.norm()
        assert float(error) < 1e-5
