"""A failure with all that explanations look at, and what an explanation is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from analysis.load import Results
from analysis.pages.failing import Failure
from analysis.pages.gradients import Profiles
from analysis.pages.pairs import Pair, Run
from analysis.style import Style
from analysis.wording import plural

State = Literal["seen", "not seen", "not measured"]
STATES: tuple[State, ...] = get_args(State)

GAP = 0.05
"""Accuracy from which a gap between two splits, or two ways to decode, is named."""


@dataclass(frozen=True)
class Explanation:
    """One known explanation and what the records say of it."""

    name: str  # as part of a sentence: "goes together with ..."
    state: State
    text: str


@dataclass(frozen=True)
class Case:
    """A failure with all that explanations look at."""

    failure: Failure
    others: Sequence[Pair]  # on the same task and data
    results: Results
    profiles: Profiles
    looks: Mapping[str, Style]

    @property
    def pair(self) -> Pair:
        """Return the pair that failed."""
        return self.failure.pair


def counted(runs: Sequence[Run], of: Sequence[Run]) -> str:
    """Return ``2 of 3 failing seeds``."""
    seeds = plural(len(of), "failing seed")
    return f"{len(runs)} of {seeds}" if len(of) > 1 else "the one failing seed"


def sentence(text: str) -> str:
    """Return ``text`` with a capital."""
    return text[:1].upper() + text[1:]
