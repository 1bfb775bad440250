"""Add up what cells will cost: hours, wall clock with so many workers, disk. No torch."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.cell import Block, Cell
from experiments.estimate import KINDS, Estimator, Guess

PARTS = ("seconds", "low", "high")


def cost(
    left: Sequence[tuple[Block, Sequence[Cell]]],
    estimator: Estimator,
    theories: Mapping[str, Mapping[str, Any]],
    *,
    workers: int,
    devices: int = 1,
    spent: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return the cost of what is left, as plain data.

    Every time is ``{"seconds", "low", "high"}``. They cover the cells of which anything is known; the
    others are counted by measure under ``unknown``.

    Args:
        left: blocks, each with its cells that are still to be measured.
        estimator: guesses single cells.
        theories: of each cell by its key, as in the manifest.
        workers: that share the ordinary blocks; exclusive ones follow, one at a time.
        devices: that each training cell takes.
        spent: seconds that went into cells in hand, by key.
    """
    guesses: dict[str, Guess | None] = {}
    disk = [0.0, 0.0]
    sized = 0
    beyond = []
    for block, cells in left:
        for cell in cells:
            guess = estimator.guess(cell, theories[cell.key])
            if guess is not None and guess.seconds > block.timeout_s:
                beyond.append(cell.key)
            gone = (spent or {}).get(cell.key, 0.0)
            guesses[cell.key] = guess and guess.within(block.timeout_s).after(gone)
            found = estimator.bytes_of(cell, theories[cell.key])
            if found is not None:
                sized += 1
                disk = [disk[0] + found[0], disk[1] + found[1]]
    cells = [cell for _, cells in left for cell in cells]
    return {
        "cells": len(cells),
        "by_measure": _by_measure(cells, guesses),
        "evidence": {kind: _count(guesses.values(), kind) for kind in KINDS},
        "unknown": dict(Counter(c.measure for c in cells if guesses[c.key] is None)),
        "beyond_time_limit": beyond,
        "cpu_time": _total((guesses[cell.key], cell.threads) for cell in cells if cell.device == "cpu"),
        "gpu_time": _total(
            (guesses[cell.key], devices if cell.recipe else 1) for cell in cells if cell.device != "cpu"
        ),
        "workers": workers,
        "wall": wall(left, guesses, workers),
        "wall_exclusive": wall([row for row in left if row[0].exclusive], guesses, workers),
        "disk": {"cells": sized, "record_bytes": round(disk[0]), "artifact_bytes": round(disk[1])},
    }


def wall(
    left: Sequence[tuple[Block, Sequence[Cell]]], guesses: Mapping[str, Guess | None], workers: int
) -> dict[str, float]:
    """Return the time until the last block is done: each goes to the first worker that is free."""
    found = {}
    for part in PARTS:
        times = [
            (block.exclusive, sum(_value(guesses[cell.key], part) for cell in cells))
            for block, cells in left
        ]
        free = [0.0] * max(1, workers)
        for exclusive, seconds in times:
            if not exclusive:
                heapq.heapreplace(free, free[0] + seconds)
        found[part] = max(free) + sum(seconds for exclusive, seconds in times if exclusive)
    return found


def _by_measure(
    cells: Sequence[Cell], guesses: Mapping[str, Guess | None]
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for measure in dict.fromkeys(cell.measure for cell in cells):
        of_it = [guesses[cell.key] for cell in cells if cell.measure == measure]
        found[measure] = {
            "cells": len(of_it),
            **_total((guess, 1) for guess in of_it),
            "evidence": {kind: n for kind in KINDS if (n := _count(of_it, kind))},
            "unknown": sum(guess is None for guess in of_it),
        }
    return found


def _total(guesses: Iterable[tuple[Guess | None, int]]) -> dict[str, float]:
    """Add up; what is too high for one cell may be so for all, so the ends of the ranges add up too."""
    rows = list(guesses)
    return {part: sum(_value(guess, part) * times for guess, times in rows) for part in PARTS}


def _value(guess: Guess | None, part: str) -> float:
    return 0.0 if guess is None else float(getattr(guess, part))


def _count(guesses: Iterable[Guess | None], kind: str) -> int:
    return sum(guess is not None and guess.kind == kind for guess in guesses)
