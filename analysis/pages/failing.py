"""When a pair of architecture and task counts as failed: the one place where that is said."""

from dataclasses import dataclass
from typing import Literal

from analysis.claims.distance import NO_DROP
from analysis.pages.pairs import Pair
from analysis.spans import SOLVED
from analysis.wording import listed, number, percent, plural

Why = Literal["no score", "learned, but not for the test", "falls", "as good as guessing", "below 90 %"]

RULE = (
    "An architecture has failed on a task when, in the setting that the plan names first, (1) no run "
    f"gave a score; or (2) the mean over seeds of the test score is below {percent(SOLVED, 0)}, the "
    "share from which a seed counts as having solved the task; or (3) it solves the smallest value of "
    f"a slice (a distance, a length, a load) and falls below {percent(SOLVED, 0)}, by more than "
    f"{percent(-NO_DROP, 0)}, at the largest. For errors, bits a token and BLEU of real text nothing "
    "counts as solved: there it has failed when the score is not told apart from what needs no source, "
    "or no context (the 95 % interval over seeds reaches the baseline)."
)


@dataclass(frozen=True)
class Failure:
    """A pair that failed, and how."""

    pair: Pair
    why: Why
    text: str  # one sentence: the score beside what it is held against

    @property
    def guessing(self) -> bool:
        """Whether the score is not told apart from the hardest baseline."""
        return reaches_baseline(self.pair)


def failure(pair: Pair) -> Failure | None:
    """Return how a pair failed by RULE, or None: it did not, or nothing of it was run yet."""
    if not pair.runs:
        return Failure(pair, "no score", _no_score(pair)) if pair.unfinished else None
    assert pair.mean is not None
    if not pair.kind.solvable:
        return Failure(pair, "as good as guessing", _told(pair)) if reaches_baseline(pair) else None
    falls = fallen(pair)
    if pair.mean >= SOLVED:
        return Failure(pair, "falls", f"{_told(pair)} {fall_told(falls)}") if falls else None
    if learned(pair):
        return Failure(pair, "learned, but not for the test", _told(pair))
    if reaches_baseline(pair):
        return Failure(pair, "as good as guessing", _told(pair))
    return Failure(pair, "falls" if falls else "below 90 %", _told(pair))


def reaches_baseline(pair: Pair) -> bool:
    """Whether the interval of the mean, or the mean where there is none, reaches the baseline."""
    if pair.baseline is None or pair.mean is None:
        return False
    level = pair.baseline[1]
    if pair.kind.larger_is_better:
        return (pair.interval.low if pair.interval else pair.mean) <= level
    return (pair.interval.high if pair.interval else pair.mean) >= level


def learned(pair: Pair) -> bool:
    """Whether the validation split, which is like the training one, is solved: accuracy, or BLEU of 90.

    For pairs whose test score is below SOLVED: then what was learned does not carry over to the test.
    """
    if pair.kind.metric == "exact_match":
        value = pair.mean_of("validation_bleu")
        return value is not None and value >= 100 * SOLVED
    value = pair.mean_of("validation")
    return value is not None and value >= SOLVED


Fall = tuple[str, float, float, float, float]
"""(slice, smallest value, accuracy there, largest value, accuracy there)."""


def fallen(pair: Pair) -> list[Fall]:
    """Return the slices whose smallest value is solved and whose largest is not."""
    found = []
    for name, shares in pair.slices.items():
        near, far = min(shares), max(shares)
        if shares[near] >= SOLVED > shares[far] and shares[far] - shares[near] < NO_DROP:
            found.append((name, near, shares[near], far, shares[far]))
    return found


def fall_told(falls: list[Fall]) -> str:
    """Return the sentence on slices with which accuracy falls."""
    told = listed(
        f"{name.replace('_', ' ')} (from {percent(high)} at {number(near)} to {percent(low)} at "
        f"{number(far)})"
        for name, near, high, far, low in falls
    )
    return f"Accuracy falls with {told}."


def _told(pair: Pair) -> str:
    assert pair.mean is not None
    shown = pair.kind.shown
    interval = ""
    if pair.interval is not None:
        covers = f"{pair.interval.n:,} {pair.interval.covers}"
        interval = f" {pair.bounds} (95 % over {covers})"
    beside = listed(f"{words} {shown(value)}" for words, value in pair.baselines.items())
    solved = (
        f"; {pair.solved} of {plural(len(pair.runs), 'seed')} at {percent(SOLVED, 0)} or more"
        if pair.kind.solvable
        else f" over {plural(len(pair.runs), 'seed')}"
    )
    held = f" Beside it: {beside}." if beside else ""
    return f"Mean {pair.kind.words} {shown(pair.mean)}{interval}{solved}.{held}"


def _no_score(pair: Pair) -> str:
    return f"No run gave a score: {unfinished_told(pair)}."


def unfinished_told(pair: Pair) -> str:
    """Return what became of the runs without a score: ``diverged (seeds 0 and 2)``."""
    by_status: dict[str, list[int]] = {}
    for status, seed in pair.unfinished:
        by_status.setdefault(status.replace("_", " "), []).append(seed)
    return listed(
        f"{status} (seed{'s' * (len(seeds) > 1)} {listed(str(seed) for seed in sorted(seeds))})"
        for status, seeds in by_status.items()
    )
