"""The suite passes what is right and catches each fault by name."""

import pytest
import torch

from models.conformance import CHECKS, PROBLEMS, applicable, cases, run
from models.conformance_cases import Case, small
from tests.models import toy


@pytest.mark.parametrize("case", cases(toy.Toy), ids=lambda case: case.id)
def test_a_correct_architecture_passes(case: Case) -> None:
    results = run(case.cls, case.config, case.problem)
    assert [result.name for result in results] == applicable(case.problem)
    assert [(r.name, r.detail) for r in results if r.status != "passed"] == []


FAULTS = [
    (
        toy.FutureLeak,
        "decoder-tokens",
        {
            "no_future": "target tokens from position 0 on change the logits at or before 0",
            "step_equals_decode": "position 0",
            "padding": "2 target positions of padding",
        },
    ),
    (
        toy.Bidirectional,
        "decoder-floats",
        {
            "no_future": "target tokens from position 0 on change",
            "step_equals_decode": "position 0",
            "padding": "2 target positions of padding",
            "flops": "cost says",
        },
    ),
    (
        toy.GradientLeak,
        "decoder-tokens",
        {
            "no_future": "target position 0 depends on the input at 1, 2, 3, 4, 5, 6",
            "padding": "gradient",
        },
    ),
    (toy.LastStateLeak, "decoder-tokens", {"padding": "source"}),
    (toy.LastStateLeak, "last-floats", {"padding": "source"}),
    (toy.UnmaskedAttention, "decoder-tokens", {"padding": "source"}),
    (toy.BatchNorm, "decoder-tokens", {"batch_mates": "row 0"}),
    (toy.BatchNorm, "position-tokens", {"batch_mates": "row 0", "padding": "source"}),
    (toy.Unused, "last-tokens", {"gradients": "spare gets no gradient"}),
    (toy.WrongCount, "last-tokens", {"parameters": "core_parameters says"}),
    (toy.WrongFlops, "last-tokens", {"flops": "cost says"}),
    (toy.WrongLayer, "decoder-tokens", {"layers": "recurrence, n = 1"}),
    (toy.WrongStep, "decoder-floats", {"step_equals_decode": "position 1"}),
    (toy.FixedLength, "position-tokens", {"any_length": "RuntimeError", "parameters": "the model has"}),
    (toy.OwnLoss, "last-tokens", {"overrides": "OwnLoss overrides loss"}),
    (toy.BiggerHead, "last-tokens", {"overrides": "build replaces head", "flops": "cost says"}),
    (
        toy.Blind,
        "decoder-tokens",
        {
            "depends_on_source": "[0, 1, 2, 3, 4] of 5",
            "gradients": "source_embedding.weight gets no gradient",
            "overfits": "after 250 steps",
        },
    ),
    (toy.DeadDropout, "last-tokens", {"dropout_modes": "changes nothing in training"}),
    (toy.DropsAlways, "last-tokens", {"dropout_modes": "two evaluations"}),
    (toy.Forgetful, "last-tokens", {"state_dict": "answers otherwise"}),
    (toy.Unseeded, "last-tokens", {"same_seed": "the same seed"}),
    (toy.Frozen, "decoder-tokens", {"overfits": "after 250 steps"}),
    (
        toy.NeedlesslyExempt,
        "last-tokens",
        {"any_length": "declared exempt (might be too long) but passes"},
    ),
    (toy.MisspeltExemption, "last-tokens", {"exemptions": "Did you mean 'no_future'?"}),
]


@pytest.mark.parametrize(
    ("cls", "problem", "expected"),
    FAULTS,
    ids=[f"{cls.__name__}-{problem}" for cls, problem, _ in FAULTS],
)
def test_each_fault_is_caught_by_name(cls: type, problem: str, expected: dict[str, str]) -> None:
    results = run(cls, small(cls, {}), PROBLEMS[problem])
    failed = {result.name: result.detail for result in results if result.status == "failed"}
    for name, detail in expected.items():
        assert detail in failed[name]
    assert set(failed) == set(expected)


def test_an_exemption_holds_where_the_check_fails() -> None:
    results = {r.name: r for r in run(toy.Exempt, small(toy.Exempt, {}), PROBLEMS["decoder-tokens"])}
    assert {name for name, r in results.items() if r.status == "exempt"} == {
        "no_future",
        "padding",
        "step_equals_decode",
    }
    assert not [r for r in results.values() if r.status == "failed"]
    detail = results["no_future"].detail
    assert detail.startswith("averages the target")
    assert "change the logits" in detail


def test_checks_describe_themselves_and_leave_global_state() -> None:
    before = torch.get_rng_state()
    precision = torch.get_float32_matmul_precision()
    run(toy.Toy, small(toy.Toy, {}), PROBLEMS["decoder-tokens"])
    assert torch.equal(before, torch.get_rng_state())
    assert precision == torch.get_float32_matmul_precision()
    assert all(item.description.endswith(".") for item in CHECKS.values())


def test_cases_cover_variants_once() -> None:
    class Varied(toy.Toy):
        @classmethod
        def variants(cls) -> list[dict[str, object]]:
            return [{}, {"layers": 3}, {"layers": 2}]

    ids = [case.id for case in cases(Varied)]
    assert len(ids) == len(set(ids))
    assert {"default/last-floats", "layers=3/decoder-tokens", "layers=2/last-floats"} <= set(ids)
    assert {case.config.layers for case in cases(Varied)} == {1, 2, 3}
