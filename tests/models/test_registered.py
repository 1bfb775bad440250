"""Every registered architecture conforms, check by check."""

from collections.abc import Iterator

import pytest

from models import MODELS
from models.conformance import applicable, cases, check
from models.conformance_cases import Case
from models.registry import architecture


def _everything() -> Iterator[object]:
    for name in MODELS:
        for case in cases(architecture(name)):
            for check_name in applicable(case.problem):
                yield pytest.param(case, check_name, id=f"{name}/{case.id}/{check_name}")


@pytest.mark.parametrize(("case", "check_name"), _everything())
def test_registered_architectures_conform(case: Case, check_name: str) -> None:
    result = check(case, check_name)
    assert result.status != "failed", result.detail
