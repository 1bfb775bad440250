"""Synthetic ablations: rows of table 3 whose scores a test writes down."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.cell import Cell
from tests.analysis.synthetic import CORPUS, Synthetic

JITTER = (0.00, 0.01, -0.01, 0.005, -0.005, 0.012, -0.012, 0.003, -0.003, 0.008, -0.008, 0.001)
BASE: dict[str, Any] = {
    "width": 32,
    "heads": 4,
    "layers": 2,
    "feedforward": 128,
    "dropout": 0.1,
    "positions": "sinusoidal",
}
ROWS: tuple[dict[str, Any], ...] = (
    {},
    *({"heads": count} for count in (1, 2, 8)),
    *({"key_width": width} for width in (2, 4)),
    *({"layers": count} for count in (1, 4)),
    *({"width": width} for width in (16, 64)),
    *({"feedforward": width} for width in (64, 256)),
    *({"dropout": share} for share in (0.0, 0.2)),
    *({"label_smoothing": share} for share in (0.0, 0.2)),
    {"positions": "learned", "max_positions": 25},
    *({"positions": kind} for kind in ("none", "rotary", "alibi")),
)
"""What each row changes, the base first."""

PER_LENGTH = 10_000
LENGTHS = (4, 8, 12, 16, 24)
TRAINED_TO = 12

Scores = Mapping[tuple[str, Any], float]
"""(option, value) -> score; rows that are not named score as the base."""


def ablation(
    scores: Scores | None = None,
    *,
    base: float = 0.8,
    beyond: Scores | None = None,
    seeds: int = 12,
    scatter: float = 0.5,
    rows: Sequence[dict[str, Any]] = ROWS,
    converged: bool = True,
    translated: bool = False,
    heads: bool = True,
    missing: Sequence[tuple[str, Any]] = (),
) -> Synthetic:
    """Return a store with every row; of ``missing`` rows the first seed was never run.

    ``scatter`` is how much rows scatter of their own, to what they share on a seed. ``translated``:
    BLEU of a translation.
    """
    made = Synthetic(["transformer"])
    for seed in range(seeds):
        for place, change in enumerate(rows):
            name = next(iter(change.items()), ("", None))
            own = scatter * JITTER[(seed + 5 * place) % len(JITTER)]
            score = (scores or {}).get(name, base) + JITTER[seed] + own
            gone = name in missing and seed == 0
            key = _run(
                made, change, seed, score, (beyond or {}).get(name, 0.2), converged, translated, gone
            )
            if heads and name[0] in ("", "heads") and not gone:
                _heads(made, change, seed, key, translated)
    return made


def _cell(measure: str, change: Mapping[str, Any], seed: int, translated: bool, **more: Any) -> Cell:
    smoothing = change.get("label_smoothing", 0.1)
    return Cell(
        measure=measure,
        architecture="transformer",
        task="translation" if translated else "reversal",
        model={**BASE, **{k: v for k, v in change.items() if k != "label_smoothing"}},
        data=CORPUS if translated else {"train_lengths": [4, TRAINED_TO], "test_lengths": LENGTHS},
        recipe={"steps": 400, "label_smoothing": smoothing},
        seed=seed,
        **more,
    )


def _run(
    made: Synthetic,
    change: Mapping[str, Any],
    seed: int,
    score: float,
    beyond: float,
    converged: bool,
    translated: bool,
    gone: bool,
) -> str:
    shares = {n: score if n <= TRAINED_TO else beyond for n in LENGTHS}
    return made.add(
        _cell("translate" if translated else "train", change, seed, translated),
        status="missing" if gone else "ok",
        block=f"{change} {seed}",
        theory={"parameters": 100 * BASE["width"] + sum(v for v in change.values() if type(v) is int)},
        metrics={
            "test": statistics.fmean(shares.values()),  # over all lengths: not the score of a row
            **({"bleu": 100 * score} if translated else {}),
            "converged": converged,
            "chance": 0.125,
        },
        slices=[]
        if translated
        else [
            {
                "split": "test",
                "slice": "length",
                "value": n,
                "correct": round(PER_LENGTH * share),
                "count": PER_LENGTH,
            }
            for n, share in shares.items()
        ],
    )


def _heads(made: Synthetic, change: Mapping[str, Any], seed: int, key: str, translated: bool) -> None:
    count = change.get("heads", BASE["heads"])
    distance = 0.4 + JITTER[seed] if count > 1 else None
    modules = ("encoder", "decoder", "cross")
    curves: dict[str, Any] = {}
    for module in modules:
        several = [] if distance is None else [[1, distance], [2, distance + 0.1]]
        curves[f"distance_{module}"] = several
        curves[f"distance_{module}_init"] = [[layer, 0.05] for layer, _ in several]
        for layer in (1, 2):
            for head in range(1, count + 1):
                place = -(head % 3)  # this head, the one before, or two before
                curves[f"offsets_{module}_{layer}_{head}"] = [
                    [offset, float(offset == place)] for offset in range(-3, 4)
                ]
    made.add(
        _cell("heads", change, seed, translated, options={"trained": key}),
        block=f"{change} {seed}",
        metrics={
            "distance": distance,
            "distance_init": None if distance is None else 0.05,
            "entropy": 1.0,
            "entropy_init": 2.0,
            "examples": 36,
        },
        curves=curves,
    )
