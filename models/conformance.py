"""The checks that every architecture passes, from inside the repository or outside.

An architecture's configuration may declare an exemption (``ModelConfig.exemptions``), from a check
(``"padding"``), from a check at one readout (``"padding@decoder"``) or from a check wherever there is
a source (``"padding@source"``). The exempt check must then *fail*: an exemption that hides a success
fails itself.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from models import (
    conformance_decoding,
    conformance_outputs,
    conformance_theory,
    conformance_training,
    speed,
)
from models.base import Seq2Seq
from models.config import ModelConfig
from models.conformance_cases import PROBLEMS, Case, cases
from models.conformance_outputs import CheckFailedError
from models.errors import nearest
from models.problem import Problem, Readout

__all__ = ["CHECKS", "PROBLEMS", "Case", "Check", "Result", "cases", "check", "run"]

Status = Literal["passed", "failed", "exempt"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One property, and the function that raises where an architecture lacks it."""

    name: str
    function: Callable[[Case], None]
    readouts: tuple[Readout, ...] = ("decoder", "position", "last")
    needs_source: bool = False
    every_kernel: bool = False  # under the plain and the fast speed settings alike
    exemptable: bool = True

    @property
    def description(self) -> str:
        """Return the property in one sentence."""
        return (self.function.__doc__ or "").partition("\n")[0].replace("``", "")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one check said about one case."""

    name: str
    status: Status
    detail: str  # why it failed; for an exemption its reason and how it failed
    seconds: float


def exemptions(case: Case) -> None:
    """Every declared exemption names a check that can be exempt, and says why."""
    able = [item for item in CHECKS.values() if item.exemptable]
    known = [item.name for item in able]
    known += [f"{item.name}@{scope}" for item in able for scope in (*item.readouts, "source")]
    for name, reason in case.config.exemptions().items():
        if name not in known:
            raise CheckFailedError(f"unknown exemption '{name}'.{nearest(name, known)}")
        if not reason.strip():
            raise CheckFailedError(f"the exemption from '{name}' gives no reason")


def _table(*checks: Check) -> dict[str, Check]:
    return {check.name: check for check in checks}


_outputs, _training, _theory = conformance_outputs, conformance_training, conformance_theory

CHECKS: dict[str, Check] = _table(
    Check(
        name="step_equals_decode",
        function=_outputs.step_equals_decode,
        readouts=("decoder",),
        every_kernel=True,
    ),
    Check(
        name="selects_rows",
        function=conformance_decoding.selects_rows,
        readouts=("decoder",),
        every_kernel=True,
    ),
    Check(name="padding", function=_outputs.padding, every_kernel=True),
    Check(name="batch_mates", function=_outputs.batch_mates, every_kernel=True),
    Check(name="no_future", function=_outputs.no_future, readouts=("decoder",), every_kernel=True),
    Check(name="any_length", function=_outputs.any_length),
    Check(
        name="depends_on_source",
        function=_outputs.depends_on_source,
        needs_source=True,
    ),
    Check(name="dropout_modes", function=_outputs.dropout_modes, every_kernel=True),
    Check(name="gradients", function=_training.gradients),
    Check(name="overfits", function=_training.overfits),
    Check(name="state_dict", function=_training.state_dict),
    Check(name="same_seed", function=_training.same_seed, every_kernel=True),
    Check(name="parameters", function=_theory.parameters, exemptable=False),
    Check(name="flops", function=_theory.flops, every_kernel=True),
    # once a configuration is enough; one that has no case with a decoder has one with a single answer
    Check(
        name="layers",
        function=_theory.layers,
        readouts=("decoder", "last"),
        needs_source=True,
        every_kernel=True,
    ),
    Check(name="overrides", function=_theory.overrides, exemptable=False),
    Check(name="exemptions", function=exemptions, exemptable=False),
)
"""Every check by name. Budgets rest on ``parameters``, fairness on ``overrides``: never exempt."""


def run(cls: type[Seq2Seq], config: ModelConfig, problem: Problem) -> list[Result]:
    """Run every check that applies to the problem's readout."""
    case = Case("", cls, config, problem)
    return [check(case, name) for name in applicable(problem)]


def applicable(problem: Problem) -> list[str]:
    """Return the names of the checks that apply to the problem's readout and kind of source."""
    return [
        name
        for name, item in CHECKS.items()
        if problem.readout in item.readouts and (problem.has_source or not item.needs_source)
    ]


def check(case: Case, name: str) -> Result:
    """Run one check on one case; whatever it raises is a failure."""
    item = CHECKS[name]
    started = time.perf_counter()
    failure = _failure(item, case)
    seconds = time.perf_counter() - started
    declared = case.config.exemptions() if item.exemptable else {}
    scopes = [case.problem.readout, *(["source"] if case.problem.has_source else [])]
    keys = [name, *(f"{name}@{scope}" for scope in scopes)]
    reason = next((declared[key] for key in keys if key in declared), None)
    if reason is not None:
        if failure is None:
            detail = f"declared exempt ({reason}) but passes: remove the exemption"
            return Result(name=name, status="failed", detail=detail, seconds=seconds)
        return Result(name=name, status="exempt", detail=f"{reason} [{failure}]", seconds=seconds)
    if failure is not None:
        return Result(name=name, status="failed", detail=failure, seconds=seconds)
    return Result(name=name, status="passed", detail="", seconds=seconds)


def _failure(item: Check, case: Case) -> str | None:
    """Return in one line how a check fails, or None. Global state is as before afterwards."""
    names: tuple[Literal["plain", "fast"], ...] = ("plain", "fast") if item.every_kernel else ("plain",)
    for name in names:
        try:
            with _speed_settings(speed.choose("cpu", name)), torch.random.fork_rng(devices=[]):
                item.function(case)
        except CheckFailedError as error:
            return str(error)
        except Exception as error:
            return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None


@contextmanager
def _speed_settings(settings: speed.Speed) -> Iterator[None]:
    before, precision = speed.current(), torch.get_float32_matmul_precision()
    speed.apply(settings)
    try:
        yield
    finally:
        speed.apply(before)
        torch.set_float32_matmul_precision(precision)
