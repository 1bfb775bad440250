"""Peaks of known allocations, and how memory grows in explicit and fused attention."""

from pathlib import Path

import pytest
import torch

from experiments.measures.kernel import kernel_class
from experiments.measures.memory import CPU_METHOD, Memory, cpu_peak, peak_of
from experiments.measures.subject import build
from models.errors import BadInput
from tests.experiments.measures.layers import cell, context

MIB = 1 << 20


def floats(mib: int) -> torch.Tensor:
    return torch.empty(mib * MIB // 4)


def test_the_peak_is_the_most_held_at_once() -> None:
    def work() -> None:
        a = floats(4)
        b = floats(8)
        del a
        c = floats(16)  # 24 at once: the peak
        del b, c
        floats(10)

    assert cpu_peak(work) == 24 * MIB


def test_what_was_held_before_does_not_count() -> None:
    before = floats(32)
    assert cpu_peak(lambda: floats(8)) == 8 * MIB
    assert before.numel() == 32 * MIB // 4


def test_a_profiler_without_events_is_no_zero() -> None:
    with pytest.raises(RuntimeError, match="no memory event"):
        cpu_peak(lambda: None)


def test_running_sums() -> None:
    assert peak_of([]) == 0
    assert peak_of([5, 3, -6, 4, -6]) == 8
    assert peak_of([-10, 3, 4]) == 0


def test_a_linear_layer_holds_output_and_gradients(tmp_path: Path) -> None:
    outcome = Memory().one(
        cell("memory", "map", model={"width": 64}, n=256, batch=4), context(tmp_path)
    )
    tensor = 4 * 256 * 64 * 4  # bytes of (B, N, D)
    weights = (64 * 64 + 64) * 4
    peak = outcome.metrics["peak_bytes"]
    # at least the gradients of weights and input; at most those, the output and its gradient
    assert tensor + weights <= peak <= 3 * tensor + 2 * weights + 1024
    assert outcome.metrics["method"] == outcome.environment["memory_method"] == CPU_METHOD


def peak(tmp_path: Path, part: str, attention: str, n: int) -> int:
    asked = cell("memory", part, "transformer", model={"attention": attention, "heads": 2}, n=n)
    outcome = Memory().one(asked, context(tmp_path))
    assert outcome.environment["kernel"] == attention
    return outcome.metrics["peak_bytes"]


def test_explicit_scores_need_memory_quadratic_in_n(tmp_path: Path) -> None:
    small, large = (peak(tmp_path, "scores", "explicit", n) for n in (256, 512))
    assert 3.7 < large / small < 4.1
    assert small >= 2 * 256 * 256 * 4, "at least the weights of both heads"


def test_the_fused_kernel_needs_memory_linear_in_n(tmp_path: Path) -> None:
    small, large = (peak(tmp_path, "scores", "fused", n) for n in (1024, 2048))
    assert large / small < 2.3


def test_a_whole_model_counts_neither_weights_nor_optimiser_state(tmp_path: Path) -> None:
    asked = cell("memory", "", "rnn", model={"width": 256}, scope="model", n=2)
    outcome = Memory().one(asked, context(tmp_path))
    weights = sum(p.numel() for p in build(asked).module.parameters()) * 4
    # the gradients, and one more copy while their norm is clipped; AdamW would add two
    assert weights <= outcome.metrics["peak_bytes"] < 2.2 * weights


@pytest.mark.parametrize(
    ("name", "part", "model", "expected"),
    [
        ("rnn", "recurrent", {}, "C++ loop"),
        ("rnn", "recurrent", {"kernel": "loop"}, "loop"),
        ("lstm", "recurrent", {}, "fused"),
        ("lstm", "recurrent", {"kernel": "loop"}, "loop"),
        ("attentional_lstm", "recurrent_attention", {"attention": "fused"}, "fused"),
        ("attentional_lstm", "recurrent_attention", {"attention": "explicit"}, "explicit"),
        (
            "attentional_lstm",
            "recurrent_attention",
            {"kernel": "loop", "attention": "fused"},
            "loop + fused",
        ),
        ("transformer", "scores", {"attention": "fused"}, "fused"),
        ("transformer", "transformer", {"attention": "explicit"}, "explicit"),
    ],
)
def test_the_kernel_that_ran_is_named(
    name: str, part: str, model: dict[str, str], expected: str
) -> None:
    if not torch.backends.mkldnn.is_available() and expected == "fused" and "recurrent" in part:
        pytest.skip("this build of torch has no fused CPU LSTM")
    subject = build(cell("memory", part, name, model=model))
    assert kernel_class(subject, 8) == expected


def test_a_plain_layer_has_no_kernel_class() -> None:
    assert kernel_class(build(cell("memory", "map")), 8) == ""


def test_an_unknown_part_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"part = 'recurent'.*recurrent"):
        build(cell("memory", "recurent", "lstm"))
