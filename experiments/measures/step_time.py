"""Measure ``step_time``: seconds of one training step, competitors in turn.

Times drift with whatever else a machine does and with its temperature, so all cells of a block take
turns: every round visits each of them once, in a random order, and what is compared lies side by side.
"""

import contextlib
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from pydantic import Field

from experiments.cell import Cell, digest
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.kernel import kernel_class
from experiments.measures.sizes import SizeOptions
from experiments.measures.subject import Subject, build
from experiments.outcomes import guarded

WARM_UP_ROUNDS = 2
LEAST_S = 0.005
"""Seconds that a round lasts at least: far above what reading the clock costs and resolves."""

clock = time.perf_counter


class Options(SizeOptions):
    """What is timed, and for how long."""

    comparison: Literal["fixed_batch", "fixed_tokens"] = Field(
        "fixed_batch", description="what the cells of its block share: batch, or batch x n"
    )
    rounds: int = Field(7, gt=0, description="turns of every cell")
    seconds: float = Field(0.5, ge=0, description="least time that a cell is measured")


class StepTime(Measure):
    """Seconds of one training step; the cells of a block take turns, in random order."""

    exclusive = True
    hardware_bound = True
    Options = Options

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Time one cell on its own."""
        ((_, outcome),) = self.block([cell], context)
        return outcome

    def block(self, cells: Sequence[Cell], context: Context) -> Iterator[tuple[Cell, Outcome]]:
        """Time all cells in turns; one that fails leaves the game, the others go on."""
        competitors = [self.competitor(cell) for cell in cells]
        order = random.Random(digest([cell.key for cell in cells]))
        most = max(competitor.options.rounds for competitor in competitors)
        with collector_at_rest():
            for turn in range(-WARM_UP_ROUNDS, most):
                gc.collect()
                what = "warm-up" if turn < 0 else f"round {turn + 1}/{most}"
                for competitor in order.sample(competitors, len(competitors)):
                    if competitor.has_turn(turn):
                        context.started(competitor.cell)
                        context.progress(f"{what}, {competitor.label}")
                        competitor.take_turn(warm_up=turn < 0)
        for competitor in competitors:
            yield competitor.cell, competitor.outcome()

    def competitor(self, cell: Cell) -> "Competitor":
        """Return what takes the turns of a cell."""
        return Competitor(cell, self.Options.model_validate(cell.options))


class Competitor:
    """One cell in the game: its subject, built at its first turn, and its rounds."""

    def __init__(self, cell: Cell, options: Options) -> None:
        self.cell, self.options = cell, options
        self.subject: Subject | None = None
        self.failure: Outcome | None = None
        self.kernel = ""
        self.last_s = 0.0  # of one step
        self.rounds: list[float] = []

    @property
    def label(self) -> str:
        """Return what the live display calls it."""
        return f"{self.cell.architecture} {self.options.part} n = {self.options.n}"

    def has_turn(self, turn: int) -> bool:
        """Whether it is still in the game at this round."""
        return self.failure is None and turn < self.options.rounds

    def take_turn(self, *, warm_up: bool) -> None:
        """Time one round, or warm up; a failure, out of memory for example, is kept as the outcome."""
        outcome = guarded(self._turn, warm_up)
        if outcome.status != "ok":
            self.failure, self.subject = outcome, None
            gc.collect()
            if self.cell.device == "cuda":
                torch.cuda.empty_cache()

    def _turn(self, warm_up: bool) -> Outcome:
        if self.subject is None:
            self.subject = build(self.cell)
            self.kernel = kernel_class(self.subject, self.options.n)
        subject = self.subject
        subject.settle()
        target = 0.0 if warm_up else max(LEAST_S, self.options.seconds / self.options.rounds)
        self.last_s = time_steps(subject.step, subject.synchronise, target, self.last_s)
        subject.clear()
        if not warm_up:
            self.rounds.append(self.last_s)
        return Outcome()

    def outcome(self) -> Outcome:
        """Return median and quartiles of its rounds, or its failure."""
        environment = {"kernel": self.kernel} if self.kernel else {}
        self.subject = None
        if self.failure is not None:
            reason = self.failure.reason
            return Outcome(
                status=self.failure.status, reason=reason, rounds=self.rounds, environment=environment
            )
        low, median, high = quartiles(self.rounds)
        metrics = {
            "seconds": median,
            "seconds_low": low,
            "seconds_high": high,
            "tokens_per_second": self.options.batch * self.options.n / median,
            "rounds": len(self.rounds),
        }
        return Outcome(metrics=metrics, rounds=self.rounds, environment=environment)


def time_steps(
    step: Callable[[], None], synchronise: Callable[[], None], target: float, last_s: float
) -> float:
    """Repeat ``step`` for at least ``target`` seconds, at least once; return the seconds of one.

    The device is waited for before the clock is read.

    Args:
        step: what is timed.
        synchronise: waits for the device.
        target: seconds.
        last_s: what one step took before; 0 if unknown. Sets how many steps go without a look at
            the clock, so that a GPU's queue need not run empty after each.
    """
    steps, elapsed = 0, 0.0
    synchronise()
    begun = clock()
    while steps == 0 or elapsed < target:
        repeats = max(1, int((target - elapsed) / last_s)) if last_s > 0 else 1
        for _ in range(repeats):
            step()
        synchronise()
        steps += repeats
        elapsed = clock() - begun
        last_s = elapsed / steps
    return elapsed / steps


@contextlib.contextmanager
def collector_at_rest() -> Iterator[None]:
    """Keep Python's garbage collector from running by itself; what exists already is set aside."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()  # a collection between rounds then looks at new objects only
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high
