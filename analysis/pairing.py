"""Runs of two settings on the same seed: what a difference in score is told from."""

from collections.abc import Mapping
from typing import Protocol, TypeVar


class Finished(Protocol):
    """A finished run."""

    @property
    def converged(self) -> bool:
        """Whether its training had converged."""


R = TypeVar("R", bound=Finished)
R_co = TypeVar("R_co", bound=Finished, covariant=True)


class BySeed(Protocol[R_co]):
    """A setting with its runs."""

    @property
    def runs(self) -> Mapping[int, R_co]:
        """Finished runs by seed."""


def pairs(one: BySeed[R], other: BySeed[R], *, converged: bool = True) -> list[tuple[R, R]]:
    """Return the runs of both on the same seed, by seed; with ``converged`` only where both had."""
    shared = sorted(set(one.runs) & set(other.runs))
    found = [(one.runs[seed], other.runs[seed]) for seed in shared]
    return [(a, b) for a, b in found if not converged or (a.converged and b.converged)]


def unconverged(counts: Mapping[str, int]) -> str:
    """Return a clause on how many runs of what had not converged, or an empty string."""
    shown = ", ".join(f"{count} of {name}" for name, count in counts.items() if count)
    return f" Unconverged, which is not incapable: {shown}." if shown else ""
