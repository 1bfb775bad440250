"""How far encoders see, as analysis reads it: what theory says of each, and its runs by offset."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.load import Results
from analysis.style import short_name
from analysis.variants import is_size
from experiments.cell import digest
from experiments.record import Record

TASK = "right_context"
MEASURE = "effective_receptive_field"

RECURRENT = ("rnn", "lstm", "gru")


@dataclass(frozen=True)
class Run:
    """One finished training run."""

    key: str
    seed: int
    converged: bool
    chance: float
    parameters: float  # NaN where not recorded
    accuracy: Mapping[int, float]  # by offset
    gradients: Record | None  # of the effective receptive field

    def mean(self, offsets: Sequence[int]) -> float:
        """Return the mean accuracy over some offsets."""
        return float(np.mean([self.accuracy[offset] for offset in offsets]))


@dataclass(frozen=True)
class Encoder:
    """One configuration of an architecture, with its runs by seed."""

    architecture: str
    words: str  # what sets it apart within its architecture
    right: float | None  # positions to the right that it sees; infinity: all; None: not known
    left: float | None
    layers: int
    runs: tuple[Run, ...]
    unfinished: tuple[str, ...]  # planned runs without a result, in words
    model: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return its name in full."""
        name = short_name(self.architecture)
        return f"{name} ({self.words})" if self.words else name

    @property
    def offsets(self) -> list[int]:
        """Return the offsets that its runs were tested at."""
        return sorted({offset for run in self.runs for offset in run.accuracy})

    @property
    def inside(self) -> list[int]:
        """Return the offsets that it sees, the farthest last."""
        return [k for k in self.offsets if self.right is not None and k <= self.right]

    @property
    def beyond(self) -> list[int]:
        """Return the offsets out of its sight, the nearest first."""
        return [k for k in self.offsets if self.right is not None and k > self.right]


def sight(architecture: str, model: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return how many positions to the left and to the right a state depends on, by theory.

    A convolution of kernel k reaches (k - 1)/2 further with every layer, with gaps of 1, k, k² ... it
    reaches (k^L - 1)/2 in all; a window of r reaches (r - 1)/2 further with every layer (Vaswani et al.
    2017, section 4). Infinity: all positions; None: not known. What stands at its
    default may be absent.
    """
    if architecture == "conv":
        k, layers = int(model.get("kernel_size", 3)), int(model.get("layers", 4))
        side = (k**layers - 1) // 2 if model.get("dilated") else layers * (k // 2)
        return side, side
    if architecture == "local_transformer":
        side = int(model.get("layers", 2)) * (int(model.get("window", 33)) // 2)
        return side, side
    if architecture in RECURRENT:
        return math.inf, math.inf if model.get("bidirectional") else 0
    return None, None


def described(architecture: str, model: Mapping[str, Any]) -> str:
    """Return the options that decide how far an encoder sees, in words."""
    layers = int(model.get("layers", 1 if architecture in RECURRENT else 0))
    count = f"{layers} layer{'s' if layers != 1 else ''}" if layers else ""
    if architecture == "conv":
        gaps = "gaps" if model.get("dilated") else ""
        return ", ".join(filter(None, (count, f"k = {model.get('kernel_size', 3)}", gaps)))
    if architecture == "local_transformer":
        return ", ".join(filter(None, (count, f"r = {model.get('window', 33)}")))
    if architecture in RECURRENT:
        return "bidirectional" if model.get("bidirectional") else "forward"
    return ""


def encoders(results: Results) -> list[Encoder]:
    """Return every planned encoder on the task, by architecture in legend order, then as planned.

    Of several kinds of data, those with most cells are taken.
    """
    rows = results.training(TASK)
    if rows.empty:
        return []
    data = pd.Series([digest(one) for one in rows.data], rows.index)
    rows = rows[data == data.mode().iloc[0]]
    slices = results.slices(TASK, "offset")
    by_offset = {
        str(key): dict(zip(part.value.astype(int), part.accuracy, strict=True))
        for key, part in slices.groupby("key")
    }
    gradients = {
        str(record.cell.options.get("trained")): record
        for record in results.records.values()
        if record.cell.measure == MEASURE and record.status == "ok"
    }
    legend = {name: place for place, name in enumerate(results.architectures)}
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in sorted(rows.itertuples(), key=lambda row: results.places.get(str(row.key), 0)):
        model: Any = row.model
        options = {key: value for key, value in model.items() if not is_size(key, value)}
        groups.setdefault((str(row.architecture), digest(options)), []).append(row)
    found = [_encoder(mine, by_offset, gradients) for mine in groups.values()]
    return sorted(found, key=lambda encoder: legend.get(encoder.architecture, len(legend)))


def _encoder(
    rows: Sequence[Any],
    by_offset: Mapping[str, Mapping[int, float]],
    gradients: Mapping[str, Record],
) -> Encoder:
    architecture, model = str(rows[0].architecture), dict(rows[0].model)
    left, right = sight(architecture, model)
    words = described(architecture, model)
    name = short_name(architecture) + (f" ({words})" if words else "")
    return Encoder(
        architecture=architecture,
        words=words,
        right=right,
        left=left,
        layers=int(model.get("layers", 1)),
        runs=tuple(
            Run(
                key=row.key,
                seed=int(row.seed),
                converged=bool(row.converged),
                chance=float(row.chance),
                parameters=float(row.parameters),
                accuracy=by_offset[row.key],
                gradients=gradients.get(row.key),
            )
            for row in sorted(rows, key=lambda row: row.seed)
            if row.key in by_offset
        ),
        unfinished=tuple(
            f"{name} {str(row.status).replace('_', ' ')} (seed {row.seed})"
            for row in rows
            if row.status != "ok"
        ),
        model=model,
    )
