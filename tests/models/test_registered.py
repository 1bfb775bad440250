"""Every registered architecture conforms, check by check."""

from collections.abc import Iterator
from typing import Any

import pytest
from torch import Tensor

from models import MODELS
from models.base import Memory
from models.conformance import PROBLEMS, applicable, cases, check, run
from models.conformance_cases import Case, small
from models.registry import architecture
from tests.models.kinds import DECODERS, READERS


def _everything() -> Iterator[object]:
    for name in MODELS:
        usual = small(architecture(name), {})
        for case in cases(architecture(name)):
            marks = () if case.config == usual else pytest.mark.slow
            for check_name in applicable(case.problem):
                yield pytest.param(case, check_name, id=f"{name}/{case.id}/{check_name}", marks=marks)


@pytest.mark.parametrize(("case", "check_name"), _everything())
def test_registered_architectures_conform(case: Case, check_name: str) -> None:
    result = check(case, check_name)
    assert result.status != "failed", result.detail


@pytest.mark.parametrize("name", READERS)
def test_an_encoder_that_ignores_padding_is_caught(name: str) -> None:
    registered: Any = architecture(name)

    class Unmasked(registered):
        def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
            return super().encode(source_BSD, None)._replace(mask=mask_BS)

    # onwards alone, its states never see the padding behind them
    options = {"bidirectional": True} if name == "selective_ssm" else {}
    problem = PROBLEMS["decoder-tokens" if name in DECODERS else "last-tokens"]
    case = Case("", Unmasked, small(Unmasked, options), problem)
    assert check(case, "padding").status == "failed"


@pytest.mark.parametrize(
    "name", ["attentional_rnn", "attentional_lstm", "attentional_gru", "transformer", "conv"]
)
def test_a_decoder_that_attends_to_padding_is_caught(name: str) -> None:
    registered: Any = architecture(name)

    class Unmasked(registered):
        def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
            return super().decode(target_BTD, memory._replace(mask=None))

    case = Case("", Unmasked, small(Unmasked, {}), PROBLEMS["decoder-tokens"])
    assert check(case, "padding").status == "failed"
    assert check(case, "step_equals_decode").status == "failed"


def test_a_transformer_without_causal_mask_is_exempt_as_declared() -> None:
    cls = architecture("transformer")
    results = run(cls, small(cls, {"causal": False}), PROBLEMS["decoder-tokens"])
    declared = {"no_future", "padding", "step_equals_decode"}
    assert {result.name for result in results if result.status == "exempt"} == declared
    assert [result for result in results if result.status == "failed"] == []
