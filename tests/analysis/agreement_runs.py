"""Agreement runs written down by hand: accuracy at every distance and number of attractors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis.agreement import CROSSED
from experiments.cell import Cell
from tests.analysis.synthetic import Synthetic

PER_POINT = 1000
POINTS = {1: 1, 4: 2, 16: 5}  # distance -> how many numbers of attractors, from 0
SHARES = (0.05, 0.1, 0.2)
UD = {"corpus": "agreement_ud", "content": "0123"}


def agreement(
    made: Synthetic,
    architecture: str,
    seed: int,
    accuracy: Callable[[int, int], float],
    *,
    lost: float | None = None,
    pairs: Mapping[str, float] | None = None,
    data: Mapping[str, Any] | None = None,
    points: Mapping[int, int] = POINTS,
    distances: bool = True,
    baseline: float = 0.6,
    seen: int | None = None,
    converged: bool = True,
    best_step: int = 1000,
    status: str = "ok",
    further: str = "ok",
) -> str:
    """Add a training run, and its tests on corrupted input and minimal pairs; return its key.

    ``lost``: accuracy lost at 10 % of the tokens, in proportion at other shares. None: not planned.
    """
    about: dict[str, Any] = {
        "architecture": architecture,
        "task": "agreement",
        "model": {"width": 64},
        "data": dict(data if data is not None else {"corpus": "generated"}),
        "seed": seed,
    }
    rows = [
        (distance, attractors, round(PER_POINT * min(1.0, max(0.0, accuracy(distance, attractors)))))
        for distance, count in points.items()
        for attractors in range(count)
    ]
    mean = sum(right for *_, right in rows) / (PER_POINT * len(rows))
    block = f"agreement {architecture} {seed} {about['data']['corpus']}"
    values: list[tuple[str, Sequence[int]]] = [("attractors", [a for _, a, _ in rows])]
    if distances:
        values.append(("distance", [d for d, _, _ in rows]))
        values.append(("distance_attractors", [CROSSED * d + a for d, a, _ in rows]))
    slices = []
    for name, of_rows in values:
        for value in sorted(set(of_rows)):
            mine = [right for (*_, right), own in zip(rows, of_rows, strict=True) if own == value]
            slices.append(
                {
                    "split": "test",
                    "slice": name,
                    "value": value,
                    "correct": sum(mine),
                    "count": PER_POINT * len(mine),
                }
            )
    trained = made.add(
        Cell(measure="train", **about),
        status=status,
        block=block,
        metrics={
            "test": mean,
            "validation": mean,
            "chance": baseline,
            "converged": converged,
            "best_step": best_step,
            "steps": 1000,
            "learning_rate": 0.001,
            **({} if seen is None else {"test_sentences": 400.0, "test_seen_in_training": float(seen)}),
        },
        slices=slices,
        curves={"validation": [[500, mean], [1000, mean]]},
    )
    if lost is not None:
        curves = {
            name: [[0.0, mean], *([share, mean - lost * share / 0.1] for share in SHARES)]
            for name in ("cut", "drop", "swap")
        }
        made.add(
            Cell(measure="robustness", options={"trained": trained}, **about),
            status=further,
            block=block,
            metrics={"test": mean, "lost": lost},
            curves=curves,
        )
    if pairs is not None:
        made.add(
            Cell(measure="minimal_pairs", options={"trained": trained}, **about),
            status=further,
            block=block,
            metrics={"test": sum(pairs.values()) / len(pairs), "majority": 0.5},
            slices=[
                {
                    "split": "minimal pairs",
                    "slice": "construction",
                    "value": name,
                    "correct": round(100 * share),
                    "count": 100,
                }
                for name, share in pairs.items()
            ],
        )
    return trained
