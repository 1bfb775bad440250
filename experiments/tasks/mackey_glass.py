"""The Mackey-Glass series: forecast a chaotic system from its past.

B examples, S source positions, two features a position: the series and the horizon; R trajectories.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from experiments.tasks.base import Examples, HeldOut, Positive, Positives, Split, Task
from experiments.tasks.generated import SCOPES
from models.problem import Problem

BETA, GAMMA, POWER = 0.2, 0.1, 10
STEPS_PER_UNIT = 10
"""Steps of integration in one unit of time."""

ROWS: dict[Split, range] = {"train": range(48), "validation": range(48, 54), "test": range(54, 64)}
"""The trajectories of each split: no window of one split overlaps one of another."""

SAMPLES, WASHOUT = 1024, 512
"""Units of time of each trajectory that are used, and those before them that are not."""


class MackeyGlass(Task):
    """A window of the Mackey-Glass series, to its value some time later: squared error by horizon.

    Mackey and Glass 1977 ("Oscillation and Chaos in Physiological Control Systems"):
    dx/dt = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x(t), chaotic from tau = 17 on; forecast 84 units
    ahead by Jaeger and Haas 2004 ("Harnessing Nonlinearity"). Integrated with the fourth-order
    Runge-Kutta method in steps of 0.1, sampled once a unit of time.

    The second feature of every position is the horizon, in units of the longest. Every trajectory
    starts from its own constant history; training, validation and test windows are of different
    trajectories. Chance is the error of always answering the test windows' mean; ``persistence``, the
    error of answering the last value seen, stands beside every score, as do those of each horizon.

    >>> task = MackeyGlass(window=16, horizons=(6,))
    >>> window = np.stack([trajectories(17)[60, 100:116], np.ones(16, dtype=np.float32)], axis=1)
    >>> float(task.solve(window, 16)) == float(trajectories(17)[60, 121])
    True
    """

    name: ClassVar[str] = "mackey_glass"
    slice_names: ClassVar[tuple[str, ...]] = ("horizon",)

    tau: Annotated[int, Field(gt=1, le=100)] = Field(17, description="delay of the equation")
    window: Annotated[int, Field(ge=16, le=512)] = Field(64, description="source positions")
    horizons: Positives = Field((1, 6, 24, 84), description="units of time ahead of the last value")
    test_per_value: Positive = Field(512, description="test windows for each horizon")
    validation_per_value: Positive = Field(128, description="validation windows for each horizon")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.window + max(self.horizons) > SAMPLES:
            raise ValueError(
                f"horizons = {max(self.horizons)}: at most {SAMPLES - self.window} behind a window of "
                f"{self.window}"
            )
        return self

    def problem(self) -> Problem:
        """Return sizes: two features, and one number at the end."""
        return Problem(
            source_kind="floats",
            source_size=2,
            target_size=1,
            readout="last",
            objective="mean_squared_error",
        )

    def slice_values(self, split: HeldOut) -> dict[str, tuple[int, ...]]:
        """Return the horizons."""
        return {"horizon": self.horizons}

    def draw(self, generator: np.random.Generator, split: Split, horizon_B: NDArray) -> Examples:
        """Draw windows (B, S, 2) float32 and what follows (B,) float32, anywhere in a split."""
        series_RT, count = trajectories(self.tau), len(horizon_B)
        row_B = generator.choice(np.array(ROWS[split]), size=count)
        start_B = generator.integers(SAMPLES - self.window - horizon_B + 1)
        source_BSF = np.empty((count, self.window, 2), dtype=np.float32)
        places_BS = start_B[:, None] + np.arange(self.window)
        source_BSF[:, :, 0] = series_RT[row_B[:, None], places_BS]
        source_BSF[:, :, 1] = (horizon_B / max(self.horizons))[:, None]
        return Examples(
            source_BSF,
            np.full(count, self.window, dtype=np.int64),
            series_RT[row_B, places_BS[:, -1] + horizon_B],
            slices={"horizon": horizon_B},
        )

    def train_batch(self, seed: int, step: int, batch_size: int) -> Examples:
        """Return a step's windows, at horizons mixed uniformly."""
        generator = np.random.default_rng([SCOPES["train"], seed, step])
        horizon_B = generator.choice(np.asarray(self.horizons, dtype=np.int64), size=batch_size)
        return self.draw(generator, "train", horizon_B)

    def evaluation(self, split: HeldOut, batch_size: int) -> Iterator[Examples]:
        """Yield the split's windows, one horizon after the other."""
        count = self.test_per_value if split == "test" else self.validation_per_value
        for horizon in self.horizons:
            generator = np.random.default_rng([SCOPES[split], horizon])
            yield from self.draw(generator, split, np.full(count, horizon)).batches(batch_size)

    def chance(self) -> float:
        """Return the variance of the test split's answers: the mean as every answer."""
        answers = np.concatenate([batch.target for batch in self.evaluation("test", 1024)])
        return float(answers.var(dtype=np.float64))

    def target_only_floor(self) -> float:
        """Return chance: there is no prefix to see."""
        return self.chance()

    def facts(self) -> dict[str, float]:
        """Return the errors of persistence on the test split: over all, and at each horizon."""
        errors = {
            f"persistence_{int(batch.slices['horizon'][0])}": float(
                ((batch.source[:, -1, 0] - batch.target).astype(np.float64) ** 2).mean()
            )
            for batch in self.evaluation("test", self.test_per_value)
        }
        return {"persistence": sum(errors.values()) / len(errors), **errors}

    def solve(self, source: NDArray, length: int) -> NDArray:
        """Return what follows the identical window in the series: chaos has no other exact oracle."""
        series_RT = trajectories(self.tau)
        horizon = round(float(source[0, 1]) * max(self.horizons))
        for row, start in np.argwhere(series_RT == source[0, 0]):
            if np.array_equal(series_RT[row, start : start + length], source[:length, 0]):
                return np.asarray(series_RT[row, start + length - 1 + horizon])
        raise ValueError("no such window in the series")


@lru_cache(maxsize=4)
def trajectories(tau: int) -> NDArray[np.float32]:
    """Return the 64 trajectories of a delay, (R, SAMPLES), each from a constant history."""
    history_R = np.random.default_rng([1977, tau]).uniform(0.5, 1.5, size=64)
    fine_TR = integrate(history_R, tau, WASHOUT + SAMPLES, STEPS_PER_UNIT)
    return np.ascontiguousarray(fine_TR[::STEPS_PER_UNIT][-SAMPLES:].T, dtype=np.float32)


def integrate(history_R: NDArray, tau: int, units: int, steps: int) -> NDArray[np.float64]:
    """Return x from time 0 to ``units``, (units * steps + 1, R), by the Runge-Kutta method.

    The delayed value in the middle of a step is interpolated by a cubic through its four neighbours,
    whose error is of the method's own order.
    """
    delay, size = tau * steps, units * steps
    x_TR = np.empty((delay + 1 + size, len(history_R)))
    x_TR[: delay + 1] = history_R
    step = 1 / steps
    for now in range(delay, delay + size):
        late = now - delay  # x at time - tau
        before = x_TR[max(0, late - 1)]
        middle = (9 * (x_TR[late] + x_TR[late + 1]) - before - x_TR[late + 2]) / 16
        inflow = [BETA * d / (1 + d**POWER) for d in (x_TR[late], middle, x_TR[late + 1])]
        x = x_TR[now]
        first = inflow[0] - GAMMA * x
        second = inflow[1] - GAMMA * (x + step / 2 * first)
        third = inflow[1] - GAMMA * (x + step / 2 * second)
        fourth = inflow[2] - GAMMA * (x + step * third)
        x_TR[now + 1] = x + step / 6 * (first + 2 * second + 2 * third + fourth)
    return x_TR[delay:]
