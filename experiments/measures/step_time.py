"""Measure ``step_time``: seconds of one training step, the competitors of a block interleaved."""

import gc
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.subject import (
    SizeOptions,
    Step,
    apply_settings,
    autocast,
    subject_of,
    synchronise,
)
from experiments.outcomes import outcome_of

WARM_UP = 2
"""Steps of each competitor that are not counted: first use allocates, chooses kernels, fills caches."""

SHORTEST = 0.02
"""Seconds that one round of a competitor lasts at least: faster steps are repeated within a round."""


class StepTime(Measure):
    """Seconds of forward, backward and optimiser; competitors take turns, in random order."""

    exclusive = True
    hardware_bound = True

    class Options(SizeOptions):
        """Which question is asked, and how long."""

        comparison: Literal["fixed_batch", "fixed_tokens"] = "fixed_batch"
        rounds: int = Field(5, gt=0, description="at least")
        seconds: float = Field(0.5, gt=0, description="least time that a cell is measured")

    def block(self, cells: Sequence[Cell], context: Context) -> Iterator[tuple[Cell, Outcome]]:
        """Time all cells: A B C, C A B, ... Whoever fails drops out, the others go on."""
        runners = []
        for cell in cells:
            context.started(cell)
            context.progress(f"warming up {cell.architecture} n={cell.options['n']}")
            try:
                runners.append(_Runner(cell))
            except Exception as error:
                yield cell, outcome_of(error)
        order = random.Random(0)
        gc.collect()
        gc.disable()
        try:
            done = 0
            while waiting := [runner for runner in runners if runner.wants_more()]:
                done += 1
                context.progress(f"round {done}, {len(waiting)} competitors")
                order.shuffle(waiting)
                for runner in waiting:
                    context.started(runner.cell)
                    runner.round()
        finally:
            gc.enable()
        for runner in runners:
            yield runner.cell, runner.outcome()


class _Runner:
    """One competitor, warmed up and ready."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.options = StepTime.Options.model_validate(cell.options)
        self.rounds: list[float] = []
        self.failure: Outcome | None = None
        apply_settings(cell)
        self.subject = subject_of(cell, self.options)
        self.step: Step | None = self.subject.step(self.options.n, cell.device, seed=cell.seed)
        for _ in range(WARM_UP):
            self._steps(1)
        self.repeats = max(1, round(SHORTEST / max(1e-9, self._steps(1))))

    def wants_more(self) -> bool:
        """Whether this competitor has neither its rounds nor its time yet."""
        if self.failure is not None:
            return False
        enough = len(self.rounds) >= self.options.rounds
        return not enough or self.repeats * sum(self.rounds) < self.options.seconds

    def round(self) -> None:
        """Time one round; a failure ends this competitor, not the others."""
        apply_settings(self.cell)
        try:
            self.rounds.append(self._steps(self.repeats) / self.repeats)
        except Exception as error:
            self.failure, self.step = outcome_of(error), None

    def _steps(self, count: int) -> float:
        assert self.step is not None
        synchronise(self.cell.device)
        begun = time.perf_counter()
        for _ in range(count):
            self.step.train(autocast(self.cell))
        synchronise(self.cell.device)
        return time.perf_counter() - begun

    def outcome(self) -> Outcome:
        """Return median, quartiles and the raw rounds."""
        if self.failure is not None:
            return self.failure
        median = statistics.median(self.rounds)
        low, _, high = statistics.quantiles(self.rounds, n=4) if len(self.rounds) > 1 else [median] * 3
        kernel = self.subject.architecture.kernel_class(
            self.subject.config, self.options.n, self.cell.device
        )
        return Outcome(
            metrics={
                "seconds": median,
                "seconds_low": low,
                "seconds_high": high,
                "tokens_per_second": self.options.batch * self.options.n / median,
                "rounds": len(self.rounds),
            },
            rounds=self.rounds,
            environment={"kernel": kernel},
        )
