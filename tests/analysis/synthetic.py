"""Build stores from numbers that a test writes down: nothing is trained, nothing is random.

``Synthetic`` collects cells with their records (or without: planned, never run); ``results()`` gives
them to analysis directly, ``write(folder)`` as a store on disk.
"""

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.corpus_scores import BLEU, CHRF
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
WORDS = tuple(3 + (7 * i) % 33 for i in range(99))  # 3 to 35 source words, 99 sentences
CORPUS = {"corpus": "small", "pair": "en-de", "content": "0123"}
SIGNATURES = {
    "bleu_signature": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0",
    "chrf_signature": "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0",
    "tokeniser": "BPE 4000, joint",
}


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
                },
                **{
                    task: {"chance": CHANCE, "target_only_floor": CHANCE, "slice_names": ["length"]}
                    for task in sorted(
                        {r.cell.task or "" for r in self.records} & {"copying", "reversal"}
                    )
                },
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

    def score(
        self,
        architecture: str,
        task: str,
        seed: int,
        test: float,
        *,
        converged: bool = True,
        status: str = "ok",
        **model: Any,
    ) -> str:
        """Add a run that is known by its score on the test set alone."""
        return self.add(
            Cell(measure="train", architecture=architecture, task=task, model=model, seed=seed),
            status=status,
            block=f"{task} {architecture} {model} {seed}",
            metrics={"test": test, "validation": test, "converged": converged, "chance": CHANCE},
        )

    def measured(
        self,
        measure: str,
        architecture: str,
        seed: int = 0,
        *,
        options: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        status: str = "ok",
        metrics: Mapping[str, Any] | None = None,
        curves: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a cell of a measure that trains nothing, with its metrics and curves."""
        return self.add(
            Cell(
                measure=measure,
                architecture=architecture,
                model=dict(model or {}),
                options=dict(options or {}),
                seed=seed,
            ),
            status=status,
            block=f"{measure} {architecture}",
            metrics=dict(metrics or {}),
            curves=dict(curves or {}),
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

    # Translation ---------------------------------------------------------------------------------

    def translate(
        self,
        architecture: str,
        seed: int,
        right: Callable[[int], float],
        *,
        words: Sequence[int] = WORDS,
        joined: Sequence[int] = (),
        task: str = "translation",
        data: Mapping[str, Any] | None = None,
        greedy_loss: float = 0.0,
        floor: float = 3.0,
        converged: bool = True,
        status: str = "ok",
        curves: Mapping[str, Any] | None = None,
        slices: Sequence[Mapping[str, Any]] = (),
        samples: Sequence[Mapping[str, Any]] = (),
        model: Mapping[str, Any] | None = None,
        **metrics: Any,
    ) -> str:
        """Add a translation run; ``right`` gives the share of right words by the source's length.

        Greedy decoding is right less often by ``greedy_loss``. ``joined``: lengths of joined sentences.
        """
        sets = {"test": words, **({"joined 2": joined} if joined else {})}
        sentences = [
            sentence_row(
                name, decoding, lengths, right, loss=loss, about=(architecture, seed, name, decoding)
            )
            for name, lengths in sets.items()
            for decoding, loss in (("beam", 0.0), ("greedy", greedy_loss))
        ]
        scores = {
            f"{score.name}{suffix}": score.one(np.array(row[score.name]).sum(axis=0))
            for row, suffix in zip(sentences, ("", "_greedy"), strict=False)
            for score in (BLEU, CHRF)
        }
        exact = sum(sentences[0]["exact"]) / len(words)
        return self.add(
            Cell(
                measure="translate",
                architecture=architecture,
                task=task,
                model={"width": 256, **(model or {})},
                data=dict(CORPUS if data is None else data),
                recipe={"learning_rates": [0.001], "steps": 2000},
                seed=seed,
            ),
            status=status,
            block=f"{task} {architecture} {seed}",
            metrics={
                **scores,
                "test": exact,
                "exact_match": exact,
                "bleu_floor": floor,
                "converged": converged,
                "chance": 0.001,
                **metrics,
            },
            sentences=sentences,
            slices=[dict(row) for row in slices],
            samples=[dict(row) for row in samples],
            curves=dict(curves or {}),
            environment=SIGNATURES,
        )

    def copying(
        self,
        architecture: str,
        seed: int,
        forced: Mapping[int, float],
        free: Mapping[int, float],
        *,
        task: str = "copying",
        floor: float = CHANCE,
        status: str = "ok",
    ) -> str:
        """Add a training run with accuracy by length, with the true prefix and running freely."""
        return self.add(
            Cell(measure="train", architecture=architecture, task=task, model={"width": 64}, seed=seed),
            status=status,
            block=f"{task} {architecture} {seed}",
            metrics={
                "test": statistics.fmean(free.values()),
                "test_teacher_forced": statistics.fmean(forced.values()),
                "converged": True,
                "chance": CHANCE,
                "target_only_floor": floor,
            },
            slices=slices_of(forced, free, "length"),
        )


def slices_of(
    forced: Mapping[int, float], free: Mapping[int, float], name: str = "target_length"
) -> list[dict[str, Any]]:
    """Return slice rows of accuracy by length, given the true prefix and running freely."""
    return [
        {
            "split": split,
            "slice": name,
            "value": value,
            "correct": round(PER_VALUE * share),
            "count": PER_VALUE,
        }
        for split, shares in (("test_teacher_forced", forced), ("test", free))
        for value, share in shares.items()
    ]


def sentence_row(
    name: str,
    decoding: str,
    lengths: Sequence[int],
    right: Callable[[int], float],
    *,
    loss: float = 0.0,
    about: object = None,
) -> dict[str, Any]:
    """Return the statistics of outputs as long as their sources, of which a share is right."""
    random_ = random.Random(repr(about))
    bleu, chrf, exact = [], [], []
    for words in lengths:
        share = min(1.0, max(0.0, right(words) - loss + random_.uniform(-0.05, 0.05)))
        totals = [max(0, words - n) for n in range(4)]
        correct = [round(total * share ** (n + 1)) for n, total in enumerate(totals)]
        bleu.append([words, words, *correct, *totals])
        letters = [max(0, 5 * words - n) for n in range(6)]
        matching = [round(count * share ** (1 + n / 3)) for n, count in enumerate(letters)]
        chrf.append(
            [n for count, both in zip(letters, matching, strict=True) for n in (count, count, both)]
        )
        exact.append(int(correct == totals))
    return {
        "set": name,
        "decoding": decoding,
        "source_words": list(lengths),
        "bleu": bleu,
        "chrf": chrf,
        "exact": exact,
        "log_probability": [-0.4 * words for words in lengths],
    }
