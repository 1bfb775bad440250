"""Records as training would leave them, with numbers that every digit matters of."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from experiments.cell import Cell
from experiments.record import Record
from experiments.store import Store

DIGITS = (0.1 + 0.2, 1 / 3, 2e-310, 1.7976931348623157e308, 2**53 + 2, -1e-17)


def cell(seed: int = 0, measure: str = "train", **changes: Any) -> Cell:
    return Cell(
        measure=measure,
        architecture="lstm",
        task="recall",
        model={"width": 16, "dropout": 0.1},
        data={"length": 64},
        recipe={"learning_rates": [0.001, 0.01], "steps": 40},
        seed=seed,
        **changes,
    )


def record(of: Cell, **changes: Any) -> Record:
    given: dict[str, Any] = {
        "metrics": {f"digits_{n}": value for n, value in enumerate(DIGITS)}
        | {"test": 0.1 + 0.7, "converged": True, "validation": None},
        "curves": {
            "validation@0.001": [[20 * step, value / 7] for step, value in enumerate(DIGITS[:3])],
            "validation": [[20, 1 / 7], [40, 2 / 7]],
            "bleu_by_flops": [[3_000_000_000_000, 1 / 9], [6_000_000_000_000, 2 / 9]],
        },
        "slices": [
            {"split": "test", "slice": "distance", "value": v, "correct": 100 - v, "count": 103}
            for v in (1, 2, 4)
        ],
        "trials": [{"learning_rate": 0.001, "validation": 1 / 7}],
        "environment": {"cores": 2},
        "started": "2026-01-01T00:00:00+00:00",
        "duration_s": 1.25,
    }
    return Record(**{"key": of.key, "cell": of, "status": "ok", **given, **changes})


def written(store: Store, *cells: Cell, **changes: Any) -> list[Record]:
    """Write a record of every cell."""
    found = [record(of, **changes) for of in cells]
    for each in found:
        store.write(each)
    return found


def inspect(folder: Path) -> dict[str, Any]:
    """Read a run's file with W&B's own reader: run, config, summary, history, and whether it ended."""
    told = subprocess.run(
        [str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--json", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = {"config": {}, "summary": {}, "history": [], "metrics": {}, "exit": None}
    for line in told.stdout.splitlines():
        row = json.loads(line)
        match row["type"]:
            case "run":
                found["run"] = row["run"]
                found["config"] |= row["run"]["config"]["update"]
            case "config":
                found["config"] |= row["config"]["update"]
            case "summary":
                found["summary"] |= row["summary"].get("update", {})
            case "history":
                found["history"].append(row["history"]["item"])
            case "metric":
                found["metrics"][row["metric"].get("name", "")] = row["metric"]
            case "exit":
                found["exit"] = row["exit"].get("exit_code", 0)
    return found


def offline_runs(store: Store) -> dict[str, list[Path]]:
    """Return run id -> its folders."""
    found: dict[str, list[Path]] = {}
    for folder in sorted((store.folder / "wandb").glob("offline-run-*")):
        found.setdefault(folder.name.split("-", 3)[3], []).append(folder)
    return found
