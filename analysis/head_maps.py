"""What the heads of an ablation's rows attend to: records of measure ``heads``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.ablation import Ablation
from analysis.load import Results
from experiments.record import Record

MODULES = {
    "encoder": "encoder self-attention",
    "decoder": "decoder self-attention",
    "cross": "attention to the source",
}
_OFFSETS = re.compile(r"offsets_([a-z]+)_(\d+)_(\d+)")

Points = Sequence[Sequence[float]]


@dataclass(frozen=True)
class HeadMaps:
    """What was measured of one run's heads."""

    key: str
    seed: int
    heads: int
    distance: float | None  # mean pairwise, in bits; None: one head
    distance_init: float | None
    entropy: float  # mean, in nats
    by_layer: Mapping[str, Points]  # module -> [[layer, distance], ...]
    by_layer_init: Mapping[str, Points]
    offsets: Mapping[tuple[str, int, int], Points]  # module, layer, head -> [[offset, share], ...]

    @property
    def modules(self) -> list[str]:
        """Return the modules that there are, from the encoder on."""
        return [name for name in MODULES if name in self.by_layer]


def head_maps(results: Results, ablation: Ablation) -> list[HeadMaps]:
    """Return what was measured of the heads of an ablation's rows, by heads and seed."""
    trained = {key: int(row.options["heads"]) for row in ablation.all_rows for key in row.planned}
    found = []
    for record in results.records.values():
        of = str(record.cell.options.get("trained", ""))
        if record.cell.measure == "heads" and record.status == "ok" and of in trained:
            found.append(_read(record, trained[of]))
    return sorted(found, key=lambda one: (one.heads, one.seed, one.key))


def _read(record: Record, heads: int) -> HeadMaps:
    curves, metrics = record.curves, record.metrics
    offsets = {
        (match[1], int(match[2]), int(match[3])): points
        for name, points in curves.items()
        if (match := _OFFSETS.fullmatch(name))
    }
    return HeadMaps(
        key=record.key,
        seed=record.cell.seed,
        heads=heads,
        distance=metrics.get("distance"),
        distance_init=metrics.get("distance_init"),
        entropy=float(metrics["entropy"]),
        by_layer={name: curves[f"distance_{name}"] for name in MODULES if f"distance_{name}" in curves},
        by_layer_init={
            name: curves.get(f"distance_{name}_init", [])
            for name in MODULES
            if f"distance_{name}" in curves
        },
        offsets=dict(sorted(offsets.items())),
    )
