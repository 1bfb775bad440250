"""Solve for the width that meets a parameter budget: equal parameters for every architecture.

Parameters are counted without token embeddings (or input map) and output projection.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from models.config import ModelConfig
from models.errors import BadInput
from models.problem import Problem
from models.registry import config_for

if TYPE_CHECKING:  # an architecture brings torch with it
    from models.base import Seq2Seq

TOLERANCE = 0.02
WIDEST = 1 << 16


def solve_width(
    cls: "type[Seq2Seq]",
    options: Mapping[str, Any],
    problem: Problem,
    budget: int,
    tolerance: float = TOLERANCE,
) -> ModelConfig:
    """Return the configuration whose parameter count is nearest to ``budget``.

    Bisects over the multiples that ``width`` may take; where they are too coarse, and the
    configuration has a ``fine_dial``, over that one too.

    Raises:
        BadInput: an option is wrong, or no width comes within ``tolerance`` (relative); the message
            names the nearest count that can be reached.
    """
    if budget <= 0:
        raise BadInput(f"parameter budget = {budget}: must be more than 0.")
    if "width" in options:
        raise BadInput(
            f"width = {options['width']!r}: a parameter budget solves for it; give one of the two."
        )
    search = _Search(cls, dict(options), problem, budget)
    candidates = sorted(search.by_width(), key=search.error)
    dial = cls.Config.fine_dial
    if search.error(candidates[0]) > tolerance and dial is not None and options.get(dial) is None:
        # the nearest width first: it needs the least of the other dial
        candidates = [search.by_dial(config, dial) for config in candidates]
    best = next((found for found in candidates if search.error(found) <= tolerance), None)
    if best is None:
        best = min(candidates, key=search.error)
        raise BadInput(
            f"parameter budget = {budget}: {cls.__name__} cannot meet it within {tolerance:.0%}; "
            f"the nearest is {search.count(best)} (width {best.width})."
        )
    return best


class _Search:
    def __init__(
        self, cls: "type[Seq2Seq]", options: dict[str, Any], problem: Problem, budget: int
    ) -> None:
        self.cls, self.options, self.problem, self.budget = cls, options, problem, budget
        self.multiple = self._multiple()

    def count(self, config: ModelConfig) -> int:
        return self.cls.core_parameters(config, self.problem)

    def error(self, config: ModelConfig) -> float:
        return abs(self.count(config) - self.budget) / self.budget

    def by_width(self) -> list[ModelConfig]:
        """Return the widest configuration within the budget, if any, and the next wider one."""

        def at(step: int) -> ModelConfig:
            return config_for(self.cls, {**self.options, "width": step * self.multiple})

        below = last_within(lambda step: self.count(at(step)) <= self.budget, WIDEST // self.multiple)
        return [at(step) for step in (below, below + 1) if step > 0]

    def by_dial(self, config: ModelConfig, dial: str) -> ModelConfig:
        """Return the configuration of the same width with the finer field nearest to the budget."""

        def at(value: int) -> ModelConfig:
            return config.resized(**{dial: value})

        below = last_within(lambda value: self.count(at(value)) <= self.budget, WIDEST)
        return min((at(value) for value in (below, below + 1) if value > 0), key=self.error)

    def _multiple(self) -> int:
        try:
            # not validated: the default width need not fit the other options (heads, for example)
            return max(1, self.cls.Config.model_construct(**self.options).width_multiple())
        except TypeError:
            config_for(self.cls, self.options)  # an option of the wrong type: says which
            raise


def last_within(holds: Callable[[int], bool], limit: int) -> int:
    """Return the largest step up to ``limit`` at which ``holds``, 0 if not at 1.

    ``holds`` must be true up to some step and false from there on.
    """
    if not holds(1):
        return 0
    low, high = 1, 2
    while high <= limit and holds(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
