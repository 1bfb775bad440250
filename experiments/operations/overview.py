"""What is done, running, failed and left in a store, as it goes on. No torch."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.cell import Block, Cell
from experiments.cost import cost
from experiments.estimate import Estimator
from experiments.evidence import Observation, known_stores, observation_of, observe
from experiments.presence import present
from experiments.progress import label
from experiments.store import Store, read_json, refuse_newer
from experiments.sweep.identity import known_dead
from experiments.sweep.planned import Planned
from models.errors import BadInput

if TYPE_CHECKING:
    from experiments.sweep.queue import Queue
    from experiments.sweep.rows import Row

NUMBER = re.compile(r"\d[\d.,e+-]*")


class Overview:
    """A store as it is now."""

    def __init__(self, store: Store) -> None:
        """Read the manifest.

        Raises:
            BadInput: there is none, it is damaged, or a newer version wrote it.
        """
        self.store = store
        self.planned = Planned(store)
        self.cells = self.planned.cells
        self.theories = self._theories()
        self.read_at = self.planned.read_at
        self.seen: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}  # key -> file, record
        self.others: dict[str, list[Observation]] = {}  # measure -> what other stores know

    def read(self, queue: "Queue | None" = None) -> dict[str, Any]:
        """Return the store's state as plain data; with a queue also what this has in hand.

        Raises:
            BadInput: a record is damaged or of a newer version.
            Unreachable: the queue's database cannot be reached.
        """
        self.planned.read()
        if self.planned.read_at != self.read_at:
            self.cells, self.theories = self.planned.cells, self._theories()
            self.read_at = self.planned.read_at
        records = self._records()
        running = [row for row in self._running(queue) if row["key"] not in records]
        left = Counter(cell.measure for key, cell in self.cells.items() if key not in records)
        state = {
            "store": str(self.store.folder),
            "plan": self.planned.plan,
            "profile": self.planned.profile,
            "cells": len(self.cells),
            "done": len(records),
            "statuses": dict(sorted(Counter(row["status"] for row in records.values()).items())),
            "left": dict(sorted(left.items())),
            "running": running,
            "time_left": self._time_left(records, running),
            "without_result": [
                {
                    "key": key,
                    "cell": label(self.cells[key]),
                    "status": row["status"],
                    "reason": row["reason"],
                }
                for key, row in records.items()
                if row["status"] != "ok"
            ],
        }
        state["why"] = grouped(state["without_result"])
        if queue is not None:
            state["queue"] = self._queue(queue, records)
        return state

    def _theories(self) -> dict[str, Any]:
        manifest = read_json(self.store.manifest)
        return {key: row.get("theory") or {} for key, row in manifest["cells"].items()}

    def _records(self) -> dict[str, dict[str, Any]]:
        """Return what matters of every planned cell's record; files that stayed are not read again."""
        found = {}
        for key in self.cells:
            path = self.store.path(key)
            try:
                file = path.stat()
            except OSError:  # none yet, or just set aside
                continue
            mark = (file.st_mtime_ns, file.st_size)
            if key not in self.seen or self.seen[key][0] != mark:
                self.seen[key] = (mark, _extract(path))
            found[key] = self.seen[key][1]
        return found

    def _running(self, queue: "Queue | None") -> list[dict[str, Any]]:
        """Return who works on what: from the store's own signs of life, and from the queue."""
        found = [
            self._at(row["cell"], row["host"], row.get("worker_pid", row["pid"]), row["since"])
            for row in present(self.store)
            if row["cell"] in self.cells
        ]
        told = {row["key"] for row in found}
        for row in _taken(queue):
            block = self.planned.block(row.block)
            keys = [cell.key for cell in block.cells] if block else []
            if told.isdisjoint(keys) and keys and row.worker and not known_dead(row.worker):
                missing = (key for key in keys if not self.store.has(key))
                key = row.cell or next(missing, keys[0])
                since = row.begun.replace(tzinfo=UTC).isoformat() if row.begun else ""
                found.append(self._at(key, row.worker["host"], row.worker["pid"], since))
        return sorted(found, key=lambda row: (row["host"], row["pid"], row["key"]))

    def _at(self, key: str, host: str, pid: int, since: str) -> dict[str, Any]:
        return {
            "key": key,
            "cell": label(self.cells[key]),
            "host": host,
            "pid": pid,
            "since": since,
            "seconds": _seconds_since(since),
        }

    def _queue(self, queue: "Queue", records: dict[str, Any]) -> dict[str, Any]:
        rows = [row for row in queue.rows() if not row.state.is_finished() or row.error]
        latest = {row.block: row for row in rows}  # one that failed may wait again
        states = Counter(row.state.name.lower() for row in latest.values())
        unfit = [
            {"block": row.name, "error": row.error}
            for row in latest.values()
            if row.state.name == "FAIL" and not self._done(row.block, records)
        ]
        return {
            "waiting": states["waiting"],
            "running": states["running"],
            "cannot_be_run": unfit,
        }

    def _done(self, key: str, records: dict[str, Any]) -> bool:
        block = self.planned.block(key)
        return block is None or all(cell.key in records for cell in block.cells)

    def _time_left(
        self, records: dict[str, dict[str, Any]], running: list[dict[str, Any]]
    ) -> dict[str, Any] | None:
        """Return the cost of what is left; None: nothing is left."""
        left: list[tuple[Block, list[Cell]]] = []
        for block in self.planned.blocks.values():
            missing = [cell for cell in block.cells if cell.key not in records]
            if missing:
                left.append((block, list(block.cells) if block.exclusive else missing))
        if not left:
            return None
        own = [
            observation_of(self.cells[key], self.theories[key], row)
            for key, row in records.items()
            if row["status"] == "ok"
        ]
        known = {each.cell.measure for each in own}
        others = [
            each
            for measure in {cell.measure for _, cells in left for cell in cells} - known
            for each in self._elsewhere(measure)
        ]
        machines: dict[str, str] = {
            each.cell.device: each.device_model for each in own if each.device_model
        }
        spent = {row["key"]: row["seconds"] for row in running}
        found = cost(
            left,
            Estimator([*own, *others], machines),
            self.theories,
            workers=max(1, len(running)),
            spent=spent,
        )
        return {
            "workers": len(running),
            **{part: round(value, 1) for part, value in found["wall"].items()},
            "cells": found["cells"] - sum(found["unknown"].values()),
            "unknown": found["unknown"],
        }

    def _elsewhere(self, measure: str) -> list[Observation]:
        if measure not in self.others:
            self.others[measure] = observe(known_stores(self.store), {measure})[0]
        return self.others[measure]


def grouped(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return cells without result by status and reason, where numbers make no difference."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        group = found.setdefault(
            (row["status"], NUMBER.sub("#", row["reason"])),
            {"status": row["status"], "reason": row["reason"], "keys": []},
        )
        group["keys"].append(row["key"])
    return sorted(found.values(), key=lambda group: -len(group["keys"]))


def _extract(path: Path) -> dict[str, Any]:
    data = read_json(path)
    refuse_newer(data, path)
    if not isinstance(data, dict) or "status" not in data:
        raise BadInput(f"{path} is no record: it has no status.")
    return {
        "status": data["status"],
        "reason": data.get("reason", ""),
        "duration_s": data.get("duration_s", 0.0),
        "trials": [{"steps": trial.get("steps")} for trial in data.get("trials", [])],
        "environment": {"device_model": data.get("environment", {}).get("device_model")},
    }


def _taken(queue: "Queue | None") -> list["Row"]:
    if queue is None:
        return []
    from optuna.trial import TrialState

    return queue.rows([TrialState.RUNNING])


def _seconds_since(text: str) -> float:
    """Return the seconds since a time in ISO 8601; clocks of two machines may differ."""
    try:
        begun = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return max(0.0, round((datetime.now(UTC) - begun).total_seconds(), 1))
