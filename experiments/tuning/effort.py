"""What every architecture gets, alike. No torch, no Optuna."""

from dataclasses import dataclass
from typing import Literal

PRUNERS = ("median", "halving", "none")
PrunerName = Literal["median", "halving", "none"]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much each architecture is tuned."""

    trials: int  # finished ones
    replacements: int  # of trials that failed or diverged, at most
    pruner: PrunerName = "median"
    seed: int = 0  # of the sampler
