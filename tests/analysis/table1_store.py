"""A store shaped like a quick run of ``table1``, made without training anything: for report tests.

The numbers follow simple laws plus a small error that depends on the cell alone, so that a store is
the same whenever it is built.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from experiments.cell import Cell, digest
from experiments.record import Record
from experiments.store import Store

ARCHITECTURES = ("rnn", "lstm", "attentional_lstm", "transformer")
LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096)
WIDTHS = (32, 64, 128, 256, 512)
DISTANCES = (1, 2, 4, 8, 16, 32)
COMMAND = "seqyard run table1 --profile quick --store runs/table1-quick"
ENVIRONMENT = {
    "device_model": "Example CPU, 2 cores",
    "cores": 2,
    "threads": 2,
    "python": "3.11.9",
    "torch": "2.13.0",
    "lightning": "2.6.0",
    "seqyard": "0.1.0",
    "commit": "0123abc",
    "platform": "Linux",
    "speed": {"name": "fast", "matmul_precision": "medium"},
}

Flops = Callable[[int, int], int]


def _layer(complexity: str, sequential: str, path: str, n: int, d: int, memory: int) -> dict[str, Any]:
    return {
        "description": f"a layer of {complexity}",
        "complexity": complexity,
        "sequential": sequential,
        "path": path,
        "flop_exponents": [n, d],
        "memory_exponent": memory,
    }


RECURRENT = _layer("n·d²", "n", "n", 1, 2, 1)
LAYERS: dict[str, dict[str, dict[str, Any]]] = {
    "rnn": {"recurrent": RECURRENT},
    "lstm": {"recurrent": RECURRENT},
    "attentional_lstm": {
        "recurrent_attention": _layer("n·d² + n²·d", "n", "1", 2, 1, 1),
        "recurrent": RECURRENT,
    },
    "transformer": {
        "attention": _layer("n²·d", "1", "1", 2, 1, 2),
        "block": _layer("n²·d + n·d²", "1", "1", 2, 1, 2),
    },
}
FLOPS: dict[tuple[str, str], Flops] = {
    ("rnn", "recurrent"): lambda n, d: 4 * n * d * d,
    ("lstm", "recurrent"): lambda n, d: 16 * n * d * d,
    ("attentional_lstm", "recurrent"): lambda n, d: 16 * n * d * d,
    ("attentional_lstm", "recurrent_attention"): lambda n, d: 16 * n * d * d + 4 * n * n * d,
    ("transformer", "attention"): lambda n, d: 4 * n * n * d,
    ("transformer", "block"): lambda n, d: 24 * n * d * d + 4 * n * n * d,
}
KERNEL = {"rnn": "C++ loop", "lstm": "fused", "attentional_lstm": "fused", "transformer": "explicit"}


class Builder:
    """Writes cells with their records and, at the end, the manifest that plans them."""

    def __init__(self, folder: Path, architectures: tuple[str, ...], layers: dict[str, Any]) -> None:
        self.store = Store(folder)
        self.store.create()
        self.architectures, self.layers = architectures, layers
        self.cells: dict[str, Any] = {}
        self.blocks: dict[str, list[str]] = {}

    def add(
        self, block: str, cell: Cell, *, theory: dict[str, Any] | None = None, **fields: Any
    ) -> str:
        """Write one record; ``environment`` is added to the usual one."""
        environment = {**ENVIRONMENT, **fields.pop("environment", {})}
        record = Record(
            key=cell.key,
            block=digest(block),
            cell=cell,
            status=fields.pop("status", "ok"),
            environment=environment,
            started=f"2026-03-01T10:{len(self.cells) % 60:02d}:00+00:00",
            duration_s=fields.pop("duration_s", 1.5),
            **fields,
        )
        self.store.write(record)
        self.plan(block, cell, theory)
        return cell.key

    def plan(self, block: str, cell: Cell, theory: dict[str, Any] | None = None) -> None:
        """Plan a cell without a record."""
        self.cells[cell.key] = {
            "cell": cell.model_dump(mode="json"),
            "block": digest(block),
            "theory": theory or {},
        }
        self.blocks.setdefault(block, []).append(cell.key)

    def finish(self, plan: str = "table1", profile: str = "quick") -> Path:
        """Write the manifest; return the folder."""
        manifest = {
            "format": 1,
            "plan": plan,
            "profile": profile,
            "profile_description": "recall with 3 seeds and 3 learning rates",
            "description": "Long-range accuracy, training speed and complexity in one report",
            "budget": "equal parameters (within 2 %), equal steps, equal learning-rate trials",
            "figures": [],
            "tables": [],
            "claims": ["L1", "L3", "L4", "L7", "L8", "S1", "S2", "S3", "C1", "C2", "C4", "C5", "C6"],
            "request": {"profile": profile, "device": "cpu", "threads": 2, "speed": "fast"},
            "commands": [COMMAND],
            "architectures": list(self.architectures),
            "layers": self.layers,
            "parts": {name: list(parts) for name, parts in self.layers.items()},
            "tasks": {
                "recall": {
                    "chance": 0.1,
                    "target_only_floor": 0.1,
                    "slice_names": ["distance"],
                    "description": "Remember symbols over distractors",
                },
                "digits": {
                    "chance": 0.1,
                    "target_only_floor": 0.1,
                    "slice_names": [],
                    "description": "Handwritten digits, pixel by pixel",
                },
            },
            "blocks": [
                {"key": digest(name), "name": name, "exclusive": False, "cells": keys}
                for name, keys in self.blocks.items()
            ],
            "cells": self.cells,
        }
        self.store.write_json(self.store.manifest, manifest)
        return self.store.folder


def build(
    folder: Path,
    *,
    architectures: tuple[str, ...] = ARCHITECTURES,
    questions: tuple[str, ...] = ("long_range", "throughput", "complexity"),
    failures: bool = True,
) -> Path:
    """Write a store; an unknown architecture takes the looks and laws of the last known one."""
    alike = {name: name if name in LAYERS else "transformer" for name in architectures}
    builder = Builder(folder, architectures, {name: LAYERS[alike[name]] for name in architectures})
    for name in architectures:
        if "long_range" in questions:
            _long_range(builder, name, alike[name])
        if "throughput" in questions:
            _throughput(builder, name, alike[name])
        if "complexity" in questions:
            _complexity(builder, name, alike[name], failures)
    return builder.finish("table1" if len(questions) == 3 else questions[0])


def _noise(*about: object) -> float:
    return random.Random(repr(about)).uniform(-1, 1)


def _long_range(builder: Builder, name: str, law: str) -> None:
    reach = {"rnn": 3.0, "lstm": 14.0, "attentional_lstm": 60.0, "transformer": 400.0}[law]
    decay = {"rnn": 0.35, "lstm": 0.12, "attentional_lstm": 0.02, "transformer": 0.0}[law]
    for task in ("recall", "digits"):
        for seed in range(3):
            cell = Cell(
                measure="train",
                architecture=name,
                task=task,
                model={"width": 64},
                recipe={"steps": 1500, "batch_size": 32, "learning_rates": [0.001, 0.003, 0.01]},
                seed=seed,
            )
            accuracy = {
                k: 0.1 + 0.9 / (1 + (k / reach) ** 2.5) * (1 - 0.04 * abs(_noise(name, seed, k)))
                for k in DISTANCES
            }
            test = sum(accuracy.values()) / len(accuracy)
            if task == "digits":
                test = {"rnn": 0.42, "lstm": 0.88, "attentional_lstm": 0.9, "transformer": 0.93}[law]
                test += 0.03 * _noise(name, seed)
            chance = 0.1
            steps = range(150, 1501, 150)
            converged = not (law == "lstm" and seed == 2)
            curve = [[s, chance + (test - chance) * min(1, s / 900 + 0.05 * seed)] for s in steps]
            key = builder.add(
                f"{task} {name} {seed}",
                cell,
                metrics={
                    "test": test,
                    "test_teacher_forced": test,
                    "validation": test,
                    "test_loss": 1 - test,
                    "learning_rate": 0.003,
                    "best_step": 1500,
                    "converged": converged,
                    "chance": chance,
                    "target_only_floor": chance,
                    "parameters": 39_800 + 10 * len(law),
                    "parameters_total": 45_000,
                    "steps": 1500,
                    "training_flops": 10**12,
                    "seconds": 12.5,
                    "seconds_per_step": 0.0083,
                },
                slices=[
                    {
                        "split": "test",
                        "slice": "distance",
                        "value": k,
                        "correct": round(512 * a),
                        "count": 512,
                    }
                    for k, a in accuracy.items()
                ]
                if task == "recall"
                else [],
                curves={
                    "validation": curve,
                    "training_loss": [[s, 2 - 1.9 * y] for s, y in curve],
                },
                trials=[
                    {
                        "learning_rate": rate,
                        "status": "ok",
                        "validation": test - 0.01 * i,
                        "best_step": 1500,
                        "converged": converged,
                        "steps": 1500,
                        "seconds": 4.0,
                    }
                    for i, rate in enumerate([0.003, 0.001, 0.01])
                ],
                duration_s=13.0,
            )
            gradient = Cell(
                measure="gradient",
                architecture=name,
                task=task,
                model={"width": 64},
                options={"examples": 64, "trained": key},
                seed=seed,
            )
            scale = 1 + 0.2 * _noise(name, seed)
            builder.add(
                f"{task} {name} {seed}",
                gradient,
                curves={
                    f"{what}_{when}": [
                        [k, scale * 2.718281828 ** (-k * decay * (1 if when == "init" else 0.5))]
                        for k in range(34)
                    ]
                    for what in ("state", "logit")
                    for when in ("init", "trained")
                },
            )


def _times(mid: float, *about: object) -> dict[str, Any]:
    rounds = [mid * (1 + 0.03 * _noise(*about, i)) for i in range(7)]
    ordered = sorted(rounds)
    return {
        "rounds": rounds,
        "metrics": {
            "seconds": ordered[3],
            "seconds_low": ordered[1],
            "seconds_high": ordered[5],
            "rounds": 7,
        },
    }


def _throughput(builder: Builder, name: str, law: str) -> None:
    for n in (32, 64, 128, 256, 512, 1024):
        batch = 2048 // n
        base = {"rnn": 0.02, "lstm": 0.04, "attentional_lstm": 0.05, "transformer": 0.045}[law]
        growth = {"rnn": 0.008, "lstm": 0.002, "attentional_lstm": 0.003, "transformer": 0.0022}[law]
        timed = _times(base + growth * n / 32, name, n)
        timed["metrics"]["tokens_per_second"] = n * batch / timed["metrics"]["seconds"]
        cell = Cell(
            measure="step_time",
            architecture=name,
            model={"width": 96},
            options={"scope": "model", "n": n, "batch": batch, "comparison": "fixed_tokens"},
            threads=2,
            device_model="Example CPU, 2 cores",
        )
        builder.add(
            "training step, fixed tokens a batch", cell, environment={"kernel": KERNEL[law]}, **timed
        )
    if law not in ("rnn", "lstm"):
        return
    for kernel in ("loop", "fused"):
        for n in (32, 64, 128, 256):
            gates = 4 if law == "lstm" else 1
            ran = "C++ loop" if law == "rnn" and kernel == "fused" else kernel
            mid = 1e-3 * (gates + (0.1 + 0.02 * gates) * n * (1 if ran.endswith("loop") else 0.2))
            cell = Cell(
                measure="step_time",
                architecture=name,
                model={"width": 128, "kernel": kernel},
                options={
                    "scope": "layer",
                    "part": "recurrent",
                    "n": n,
                    "batch": 2048 // n,
                    "comparison": "fixed_tokens",
                },
                threads=2,
                device_model="Example CPU, 2 cores",
            )
            builder.add(
                "recurrent layers by kernel",
                cell,
                environment={"kernel": ran},
                **_times(mid, name, n, kernel),
            )


def _sizes() -> Iterator[tuple[int, int]]:
    yield from ((n, 64) for n in (16, 32, *LENGTHS))
    yield from ((256, d) for d in WIDTHS if d != 64)


def _complexity(builder: Builder, name: str, law: str, failures: bool) -> None:
    for part in LAYERS[law]:
        flops = FLOPS[(law, part)]
        recurrent = part.startswith("recurrent")

        def cell(measure: str, n: int, d: int, part: str = part, **more: Any) -> Cell:
            kernel = more.pop("attention", None)
            return Cell(
                measure=measure,
                architecture=name,
                model={"width": d, **({"attention": kernel} if kernel else {})},
                options={"scope": "layer", "part": part, "n": n, "batch": more.pop("batch", 1), **more},
            )

        for n, d in _sizes():
            count = flops(n, d)
            builder.add(
                f"counts {name}",
                cell("flops", n, d),
                theory={"flops": count},
                metrics={
                    "forward": count,
                    "backward": 2 * count,
                    "formula": count,
                    "agrees": True,
                    "extrapolated": n > 1024,
                },
            )
            if d == 64:
                depth = 8 * n + 5 if recurrent else 12
                builder.add(
                    f"counts {name}",
                    cell("depth", n, d),
                    metrics={"forward": depth, "training": 2 * depth, "extrapolated": False},
                )
        for k in (1, 2, 4, 8, 16, 32, 64):
            updates = k + 1 if part == "recurrent" else 1
            builder.add(
                f"counts {name}",
                cell("path", k, 64),
                metrics={"updates": updates, "formula": updates},
            )
        for kernel in (None,) if recurrent else ("explicit", "fused"):
            for n in LENGTHS:
                squared = 0 if recurrent or kernel == "fused" else 8 * n * n
                memory = cell("memory", n, 64, attention=kernel, batch=2)
                if failures and squared and n == 4096:
                    builder.add(
                        f"memory {name}",
                        memory,
                        status="out_of_memory",
                        reason="RuntimeError: can't allocate memory",
                    )
                else:
                    builder.add(
                        f"memory {name}",
                        memory,
                        metrics={
                            "peak_bytes": 2 * (4096 * n + squared),
                            "method": "torch profiler, sum of events",
                        },
                        environment={"kernel": kernel or KERNEL[law]},
                    )
            for x, sizes in (
                ("n", [(n, 64) for n in LENGTHS]),
                ("d", [(256, d) for d in WIDTHS]),
            ):
                for n, d in sizes:
                    rate = 5e9 * (4 if kernel == "fused" else 1)
                    timed = cell(
                        "step_time",
                        n,
                        d,
                        attention=kernel,
                        batch=2,
                        comparison="fixed_batch",
                        seconds=0.5,
                        rounds=5 if x == "n" else 4,
                    )
                    builder.add(
                        f"layer time by {x}",
                        timed,
                        environment={"kernel": kernel or KERNEL[law]},
                        **_times(2e-4 + 6 * flops(n, d) / rate, name, part, kernel, n, d),
                    )
