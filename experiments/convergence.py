"""Whether training had converged: *unconverged* is not *incapable*. No torch.

A run counts as converged when, over the last quarter of its steps, neither the training loss nor
the validation score still got better by more than its noise. It says that more steps of the same
recipe did not help *yet*: a plateau may still end later, so a report calls a converged failure
"incapable at this budget", never incapable.
"""

from collections.abc import Sequence

import numpy as np

LOSS_TOLERANCE = 0.02  # of the loss, relative
SCORE_TOLERANCE = 0.02  # of accuracy, absolute
FEWEST_STEPS = 100  # a shorter run has not had the time to show anything
SOLVED_SCORE = 0.99  # validation accuracy at the end: solved, whatever the loss still does
SOLVED_LOSS = 0.01  # below it there is nothing left to gain


def converged(
    losses: Sequence[float], scores: Sequence[float], *, larger_is_better: bool = True
) -> bool:
    """Judge one run by its training loss at every step and its validation scores, in order.

    ``scores`` are accuracies, or mean squared errors (``larger_is_better`` False), which are judged
    relative to their own size.
    """
    loss = np.asarray(losses, dtype=float)
    if len(loss) < FEWEST_STEPS or not np.isfinite(loss).all():
        return False
    if larger_is_better and len(scores) and scores[-1] >= SOLVED_SCORE:
        return True
    before, last = np.array_split(loss, 4)[2:]
    if last.mean() > SOLVED_LOSS:
        noise = np.sqrt(before.var(ddof=1) / len(before) + last.var(ddof=1) / len(last))
        if before.mean() - last.mean() > max(LOSS_TOLERANCE * last.mean(), 2 * noise):
            return False
    return not _still_rising(np.asarray(scores, dtype=float), larger_is_better)


def _still_rising(scores: np.ndarray, larger_is_better: bool) -> bool:
    if len(scores) < 4:
        return False
    tail = max(1, len(scores) // 4)
    if larger_is_better:
        return bool(scores[-tail:].mean() - scores[-2 * tail : -tail].mean() > SCORE_TOLERANCE)
    return bool(scores[-tail:].mean() < (1 - LOSS_TOLERANCE) * scores[-2 * tail : -tail].mean())


def thinned(values: Sequence[float], points: int = 60) -> list[list[float]]:
    """Return ``[[step, mean], ...]``: means over equal stretches, for a curve of readable size."""
    array = np.asarray(values, dtype=float)
    stretches = np.array_split(np.arange(len(array)), min(points, len(array)))
    return [[float(part[-1] + 1), float(array[part].mean())] for part in stretches if len(part)]
