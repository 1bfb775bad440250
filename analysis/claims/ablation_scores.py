"""What the claims on rows of table 3 share: differences in score between two of its rows."""

from collections.abc import Sequence

import numpy as np

from analysis.ablation import Ablation, Row, Run
from analysis.pairing import unconverged


def percent_or_bleu(ablation: Ablation, value: float, signed: bool = False) -> str:
    """Return a score, or a difference of scores, as a share with three places or as BLEU."""
    sign = "+" if signed else ""
    return f"{value:{sign}.2f} BLEU" if ablation.in_bleu else f"{value:{sign}.3f}"


def mean_score(runs: Sequence[Run]) -> float:
    """Return the mean over seeds."""
    return float(np.mean([run.score for run in runs]))


def where(ablation: Ablation) -> str:
    """Return on what the rows are tested, in words."""
    if ablation.trained_to is None:
        return f"On {ablation.label}"
    return f"On {ablation.label}, at lengths up to the longest trained one ({ablation.trained_to})"


def set_aside(rows: Sequence[Row]) -> str:
    """Return a clause on runs that had not converged, or an empty string."""
    return unconverged({row.words: row.unconverged for row in rows})
