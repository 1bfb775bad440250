"""Build stores from numbers that a test writes down: nothing is trained, nothing is random.

``Synthetic`` collects cells with their records (or without: planned, never run); ``results()`` gives
them to analysis directly, ``write(folder)`` as a store on disk.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.load import Results
from experiments.cell import Cell, digest
from experiments.record import Record
from experiments.store import Store

ARCHITECTURES = ("rnn", "lstm", "attentional_lstm", "transformer")
PARTS = {
    "rnn": ["recurrent"],
    "lstm": ["recurrent"],
    "attentional_lstm": ["recurrent_attention", "recurrent"],
    "transformer": ["attention", "scores", "transformer"],
}
DEVICE = "Example CPU, 2 cores"
CHANCE = 0.1
PER_VALUE = 1000  # test examples a distance


class Synthetic:
    """Cells and records that become a store."""

    def __init__(self, architectures: Sequence[str] = ARCHITECTURES) -> None:
        self.architectures = list(architectures)
        self.records: list[Record] = []
        self.cells: dict[str, Any] = {}
        self.blocks: dict[str, list[str]] = {}

    def add(
        self,
        cell: Cell,
        *,
        status: str = "ok",
        block: str = "block",
        theory: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """Plan a cell and give it a record, or none if ``status`` is "missing"; return its key."""
        self.cells[cell.key] = {
            "cell": cell.model_dump(mode="json"),
            "block": digest(block),
            "theory": dict(theory or {}),
        }
        self.blocks.setdefault(block, []).append(cell.key)
        if status != "missing":
            environment = {"device_model": DEVICE, **fields.pop("environment", {})}
            if status != "ok":
                fields = {"reason": fields.get("reason", f"it {status}")}
            self.records.append(
                Record.model_validate(
                    {
                        "key": cell.key,
                        "block": digest(block),
                        "cell": cell,
                        "status": status,
                        "environment": environment,
                        **fields,
                    }
                )
            )
        return cell.key

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of everything that was added."""
        return {
            "format": 1,
            "plan": "table1",
            "profile": "quick",
            "architectures": self.architectures,
            "parts": {name: PARTS.get(name, []) for name in self.architectures},
            "layers": {},
            "tasks": {
                "recall": {
                    "chance": CHANCE,
                    "target_only_floor": CHANCE,
                    "slice_names": ["distance"],
                    "description": "Remember symbols past distractors",
                }
            },
            "blocks": [
                {"key": digest(name), "name": name, "exclusive": False, "cells": keys}
                for name, keys in self.blocks.items()
            ],
            "cells": self.cells,
        }

    def results(self) -> Results:
        """Return what analysis reads."""
        return Results(self.manifest(), self.records)

    def write(self, folder: Path) -> Path:
        """Write a store; return its folder."""
        store = Store(folder)
        store.create()
        for record in self.records:
            store.write(record)
        store.write_json(store.manifest, self.manifest())
        return folder

    # Training ------------------------------------------------------------------------------------

    def recall(
        self,
        architecture: str,
        seed: int,
        accuracy: Mapping[int, float],
        *,
        converged: bool = True,
        status: str = "ok",
        length: int | None = 34,
        **model: Any,
    ) -> str:
        """Add a run of task ``recall`` with an accuracy for each distance."""
        mean = sum(accuracy.values()) / max(1, len(accuracy))
        return self.add(
            Cell(
                measure="train",
                architecture=architecture,
                task="recall",
                model={"width": 64, **model},
                data={"length": length},
                seed=seed,
            ),
            status=status,
            block=f"recall {architecture} {seed}",
            metrics={"test": mean, "validation": mean, "converged": converged, "chance": CHANCE},
            slices=[
                {
                    "split": "test",
                    "slice": "distance",
                    "value": value,
                    "correct": round(PER_VALUE * share),
                    "count": PER_VALUE,
                }
                for value, share in accuracy.items()
            ],
        )

    def gradient(
        self,
        architecture: str,
        seed: int,
        slope: float,
        *,
        trained: str = "",
        status: str = "ok",
        points: int = 20,
        floor: float = 0.0,
    ) -> str:
        """Add a gradient profile J(k) = exp(slope·k), for every curve; zero below ``floor``."""
        profile = [[k, math.exp(slope * k)] for k in range(points)]
        profile = [[k, value if value > floor else 0.0] for k, value in profile]
        names = ("state_init", "state_trained", "logit_init", "logit_trained")
        return self.add(
            Cell(
                measure="gradient",
                architecture=architecture,
                task="recall",
                model={"width": 64},
                options={"trained": trained},
                seed=seed,
            ),
            status=status,
            block=f"recall {architecture} {seed}",
            curves=dict.fromkeys(names, profile),
        )

    # Sizes ---------------------------------------------------------------------------------------

    def size(
        self,
        measure: str,
        architecture: str,
        part: str,
        n: int,
        d: int,
        value: float,
        *,
        status: str = "ok",
        batch: int = 1,
        model: Mapping[str, Any] | None = None,
        parameters: int | None = None,
    ) -> str:
        """Add a count of FLOPs, depth or path, or a peak of memory, of one layer."""
        name = {"path": "updates", "memory": "peak_bytes"}.get(measure, "forward")
        return self.add(
            Cell(
                measure=measure,
                architecture=architecture,
                model={"width": d, **(model or {})},
                options={"scope": "layer", "part": part, "n": n, "batch": batch},
                device_model=DEVICE if measure == "memory" else None,
            ),
            status=status,
            block=f"{measure} {architecture}",
            theory={} if parameters is None else {"parameters": parameters},
            metrics={name: value},
        )

    def time(
        self,
        architecture: str,
        part: str,
        n: int,
        d: int,
        rounds: Sequence[float],
        *,
        scope: str = "layer",
        comparison: str = "fixed_batch",
        batch: int = 2,
        kernel: str = "fused",
        status: str = "ok",
        block: str = "layer time",
        model: Mapping[str, Any] | None = None,
    ) -> str:
        """Add the raw rounds of a timed layer or model."""
        middle = statistics.median(rounds)
        return self.add(
            Cell(
                measure="step_time",
                architecture=architecture,
                model={"width": d, **(model or {})},
                options={
                    "scope": scope,
                    "part": part,
                    "n": n,
                    "batch": batch,
                    "comparison": comparison,
                },
                device_model=DEVICE,
                threads=2,
            ),
            status=status,
            block=block,
            metrics={"seconds": middle, "tokens_per_second": n * batch / middle},
            rounds=list(rounds),
            environment={"kernel": kernel},
        )
