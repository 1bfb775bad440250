import numpy as np
import pytest

from experiments.convergence import converged, thinned


def losses(final: float, slope: float, noise: float = 0.02, steps: int = 400) -> list[float]:
    rng = np.random.default_rng(0)
    x = np.arange(steps)
    return list(final + slope * (steps - x) / steps + noise * rng.standard_normal(steps))


def test_a_flat_curve_has_converged() -> None:
    assert converged(losses(2.0, 0.0), [0.12, 0.13, 0.12, 0.13, 0.12, 0.13, 0.12, 0.13])


def test_a_falling_loss_has_not_converged() -> None:
    assert not converged(losses(1.0, 1.0), [0.12] * 8)


def test_a_rising_validation_score_has_not_converged() -> None:
    assert not converged(losses(2.0, 0.0), [0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])


def test_a_solved_task_has_converged_even_if_the_loss_still_halves() -> None:
    shrinking = list(np.geomspace(1.0, 1e-4, 400))
    assert converged(shrinking, [0.5, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])


def test_squared_errors_count_as_better_when_they_fall() -> None:
    flat = losses(0.15, 0.0, noise=0.001)
    assert converged(flat, [0.16, 0.16, 0.16, 0.16, 0.16, 0.16], larger_is_better=False)
    assert not converged(flat, [0.16, 0.15, 0.12, 0.10, 0.07, 0.05], larger_is_better=False)


@pytest.mark.parametrize("values", [[], [1.0] * 99, [float("nan")] * 400])
def test_too_little_or_broken_evidence_is_not_convergence(values: list[float]) -> None:
    assert not converged(values, [1.0] * 8)


def test_thinned_curves_keep_their_mean_and_end_at_the_last_step() -> None:
    values = list(np.arange(1000, dtype=float))
    curve = thinned(values, points=50)
    assert len(curve) == 50
    assert curve[-1][0] == 1000
    assert np.mean([y for _, y in curve]) == pytest.approx(np.mean(values))


def test_what_is_solved_has_converged_though_its_loss_still_falls() -> None:
    falling = losses(0.1, 1.0)
    assert converged(falling, [0.5, 0.9, 0.99, 1.0])
    assert not converged(falling, [0.5, 0.6, 0.7, 0.8])
