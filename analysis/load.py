"""Read a store as tidy tables: one row a planned cell, whatever became of it.

Only records of cells that the manifest plans are used. A record of an older version of a model, a
task or a measure has another key, so it is stale and set aside. A planned cell without a record is a
row with the status ``missing``; one that failed keeps its status: both are counted, never dropped.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from experiments.record import Record
from experiments.store import Store, read_json, refuse_newer
from models.errors import BadInput

MISSING = "missing"
"""Status of a planned cell that has no record yet."""

TRAINED = ("train", "translate")
"""The measures that train a model."""

MAIN = {
    "flops": "forward",
    "depth": "forward",
    "path": "updates",
    "memory": "peak_bytes",
    "step_time": "seconds",
}
"""The metric that a measure without training is about."""

_CELL = (
    *("key", "status", "reason", "block", "architecture", "task", "seed"),
    *("model", "data", "device_model", "precision", "threads"),
)
_TRAINING = (
    *("test", "test_teacher_forced", "validation", "learning_rate", "best_step", "chance"),
    *("target_only_floor", "parameters", "parameters_total", "steps", "training_flops"),
    *("seconds", "seconds_per_step"),
)
_TRANSLATION = (
    *("bleu", "chrf", "bleu_greedy", "chrf_greedy", "exact_match", "exact_match_greedy"),
    *("validation_bleu", "validation_chrf", "bleu_floor", "chrf_floor", "epochs", "tokens"),
    *("tokens_per_second", "padding_share", "cpu_seconds", "peak_bytes", "overlong"),
)
_SETTINGS = ("recipe", "options")
_SIZES = ("part", "scope", "n", "d", "batch", "comparison", "asked", "attention", "kernel")


class Results:
    """The records of a store beside the manifest that planned them."""

    def __init__(
        self,
        manifest: Mapping[str, Any],
        records: Iterable[Record],
        stale: Iterable[str] = (),
        artifacts: Path | None = None,
        tuned: Mapping[str, Any] | None = None,
    ) -> None:
        self.manifest = manifest
        self.artifacts = artifacts
        self._samples: dict[str, list[dict[str, Any]]] = {}
        self.planned: dict[str, dict[str, Any]] = dict(manifest.get("cells", {}))
        given = {record.key: record for record in records}
        self.records = {key: given[key] for key in sorted(given) if key in self.planned}
        self.tuned = tuned
        self.others = [given[key] for key in sorted(given) if key not in self.planned]
        self.stale = sorted({*stale, *(set(given) - set(self.planned))})

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a store's folder.

        Raises:
            BadInput: there is no manifest, or a planned cell's record is damaged or of a newer version,
                or ``tuned.json`` is.
        """
        store = Store(folder)
        store.check_format()
        manifest = read_json(store.manifest)
        if not isinstance(manifest, dict):
            raise BadInput(f"{store.manifest} is damaged: it holds no object.")
        planned = manifest.get("cells", {})
        found = {path.stem for path in store.records.glob("*.json")}
        records = [store.read(key) for key in sorted(found & set(planned))]
        tuned = None
        if (path := store.folder / "tuned.json").exists():
            tuned = read_json(path)
            refuse_newer(tuned, path)
            # what was run before without the tuned values; a damaged one of them is no fault of today's
            for key in sorted(found - set(planned)):
                with contextlib.suppress(BadInput):
                    records.append(store.read(key))
        return cls(manifest, records, found - set(planned), store.artifacts, tuned)

    @cached_property
    def architectures(self) -> list[str]:
        """Architectures in the manifest's order, which is that of every legend."""
        return list(self.manifest.get("architectures", []))

    @cached_property
    def missing(self) -> list[str]:
        """Keys of planned cells without a record."""
        return sorted(set(self.planned) - set(self.records))

    def chance(self, task: str) -> float | None:
        """Return the score of blind guessing, or None for a task that was not planned."""
        value = self.manifest.get("tasks", {}).get(task, {}).get("chance")
        return None if value is None else float(value)

    def tasks_with(self, slice_name: str) -> list[str]:
        """Return the planned tasks whose test examples are sliced by ``slice_name``."""
        tasks = self.manifest.get("tasks", {})
        return [name for name, task in tasks.items() if slice_name in task.get("slice_names", ())]

    def first_part(self, architecture: str) -> str:
        """Return the layer that is the architecture's row of Table 1, or an empty string."""
        parts = self.manifest.get("parts", {}).get(architecture, [])
        return str(parts[0]) if parts else ""

    def training(self, task: str | None = None) -> pd.DataFrame:
        """Return one row a training cell: identity, status, metrics, ``converged``, data options.

        ``converged`` is False where there is no record of it; missing metrics are NaN.
        """
        rows = [
            {
                **row,
                **{name: metrics.get(name) for name in _TRAINING},
                "converged": bool(metrics.get("converged", False)),
            }
            for row, metrics in self._rows("train")
            if task in (None, row["task"])
        ]
        frame = pd.DataFrame(rows, columns=[*_CELL, *_TRAINING, "converged"])
        return _numeric(frame, _TRAINING)

    def translations(self) -> pd.DataFrame:
        """Return one row a cell of measure ``translate``, like ``training``, with the scores of texts.

        ``recipe`` and ``options`` are the cell's.
        """
        rows = [
            {
                **row,
                **{name: self.planned[row["key"]]["cell"].get(name, {}) for name in _SETTINGS},
                **{name: metrics.get(name) for name in (*_TRAINING, *_TRANSLATION)},
                "converged": bool(metrics.get("converged", False)),
            }
            for row, metrics in self._rows("translate")
        ]
        columns = [*_CELL, *_SETTINGS, *_TRAINING, *_TRANSLATION, "converged"]
        return _numeric(pd.DataFrame(rows, columns=columns), (*_TRAINING, *_TRANSLATION))

    def samples(self, key: str) -> list[dict[str, Any]]:
        """Return sample outputs of a translation: the record's, or those that its file beside it holds.

        Samples of a corpus are in ``artifacts`` alone, which need not be there.

        Raises:
            BadInput: the file is damaged.
        """
        if key not in self._samples:
            self._samples[key] = self._read_samples(key)
        return self._samples[key]

    def _read_samples(self, key: str) -> list[dict[str, Any]]:
        record = self.records.get(key)
        if record is not None and record.samples:
            return list(record.samples)
        path = None if self.artifacts is None else self.artifacts / f"{key}.samples.json"
        if path is None or not path.exists():
            return []
        rows = read_json(path)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadInput(f"{path} is damaged: it holds no list of samples.")
        return rows

    def slices(self, task: str, slice_name: str, split: str = "test") -> pd.DataFrame:
        """Return one row a finished seed and slice value of a classification task.

        Columns: key, architecture, seed, converged, model, value, correct, count, accuracy.
        """
        columns = [
            *("key", "architecture", "seed", "converged", "model"),
            *("value", "correct", "count", "accuracy"),
        ]
        rows = []
        for row, metrics in self._rows("train"):
            if row["task"] != task or row["status"] != "ok":
                continue
            for part in self.records[row["key"]].slices:
                if (part.get("split"), part.get("slice")) != (split, slice_name):
                    continue
                if "correct" not in part or not part["count"]:
                    continue
                rows.append(
                    {
                        **{name: row[name] for name in ("key", "architecture", "seed", "model")},
                        "converged": bool(metrics.get("converged", False)),
                        **{name: part[name] for name in ("value", "correct", "count")},
                        "accuracy": part["correct"] / part["count"],
                    }
                )
        return _numeric(pd.DataFrame(rows, columns=columns), ("value", "correct", "count", "accuracy"))

    def gradients(self, task: str | None = None) -> pd.DataFrame:
        """Return one row a gradient cell; each curve of J(k) is a column of ``[k, J]`` points.

        ``trained`` is the key of the training cell whose weights were used.
        """
        curves = ("state_init", "state_trained", "logit_init", "logit_trained")
        rows = []
        for row, _ in self._rows("gradient"):
            if task not in (None, row["task"]):
                continue
            found = self.records[row["key"]].curves if row["key"] in self.records else {}
            options = self.planned[row["key"]]["cell"].get("options", {})
            points = {name: found.get(name, []) for name in curves}
            rows.append({**row, "trained": options.get("trained", ""), **points})
        return pd.DataFrame(rows, columns=[*_CELL, "trained", *curves])

    def measured(self, measure: str) -> pd.DataFrame:
        """Return one row a cell of any measure: identity, ``options``, and ``metrics`` and ``curves``.

        The last two are empty where there is no record with status ok.
        """
        rows = []
        for row, metrics in self._rows(measure):
            record = self.records.get(row["key"]) if row["status"] == "ok" else None
            options = self.planned[row["key"]]["cell"].get("options", {})
            curves = {} if record is None else record.curves
            rows.append({**row, "options": options, "metrics": metrics, "curves": curves})
        return pd.DataFrame(rows, columns=[*_CELL, "options", "metrics", "curves"])

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each planned cell in the plan, which lists defaults before what varies them."""
        keys = [key for block in self.manifest.get("blocks", []) for key in block.get("cells", [])]
        return {key: place for place, key in enumerate(keys)}

    def sizes(
        self,
        measure: str,
        *,
        scope: str = "layer",
        architecture: str | None = None,
        part: str | None = None,
        comparison: str | None = None,
    ) -> pd.DataFrame:
        """Return one row a cell of a measure without training (a key of MAIN).

        Columns beside the cell's: ``part``, ``n``, ``d`` (width), ``batch``, ``comparison``, ``asked``
        and ``attention`` (the kernels that the configuration asked for), ``kernel`` (the class that
        ran), ``value`` (the measure's main metric, NaN without), ``rounds`` (raw seconds), ``theory``.

        Raises:
            BadInput: the measure has no sizes.
        """
        if measure not in MAIN:
            raise BadInput(f"measure = '{measure}' has no sizes. Choices: {', '.join(MAIN)}.")
        rows = []
        for row, metrics in self._rows(measure):
            planned = self.planned[row["key"]]
            options, model = planned["cell"].get("options", {}), row["model"]
            record = self.records.get(row["key"])
            rows.append(
                {
                    **row,
                    "scope": options.get("scope", "layer"),
                    "part": options.get("part") or self.first_part(row["architecture"]),
                    "n": options.get("n"),
                    "d": model.get("width"),
                    "batch": options.get("batch", 1),
                    "comparison": options.get("comparison", ""),
                    "asked": model.get("kernel") or "",
                    "attention": model.get("attention") or "",
                    "kernel": str(record.environment.get("kernel") or "") if record else "",
                    "value": metrics.get(MAIN[measure]),
                    "metrics": metrics,
                    "rounds": list(record.rounds) if record else [],
                    "theory": planned.get("theory") or {},
                }
            )
        columns = [*_CELL, *_SIZES, "value", "metrics", "rounds", "theory"]
        frame = pd.DataFrame(rows, columns=columns)
        for column, wanted in (
            ("scope", scope),
            ("architecture", architecture),
            ("part", part if scope == "layer" else None),
            ("comparison", comparison),
        ):
            if wanted is not None:
                frame = frame[frame[column] == wanted]
        frame = _numeric(frame, ("n", "d", "batch", "value"))
        return frame.sort_values(["n", "d", "key"], kind="stable", ignore_index=True)

    def _rows(self, measure: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return identity and metrics of each planned cell of a measure, in the order of the keys."""
        found = []
        for key in sorted(self.planned):
            cell = self.planned[key]["cell"]
            if cell["measure"] != measure:
                continue
            record = self.records.get(key)
            row = {
                "key": key,
                "status": record.status if record else MISSING,
                "reason": record.reason if record else "",
                "block": (record.block if record else "") or self.planned[key].get("block", ""),
                **{name: cell.get(name) for name in _CELL if name in cell},
            }
            ok = record is not None and record.status == "ok"
            found.append((row, record.metrics if record and ok else {}))
        return found


def chosen(frame: pd.DataFrame, column: str, matches: Callable[[Any], bool]) -> pd.DataFrame:
    """Return the rows whose entry in a column of dictionaries matches."""
    return frame[pd.Series([matches(entry) for entry in frame[column]], frame.index, dtype=bool)]


def _numeric(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    frame = frame.copy()
    for column in columns:
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    return frame
