"""Cells that are planned and shall not be measured any more. No torch.

The record is the message: a cancelled cell gets one with the status ``skipped``, so that every run and
every worker that sees the store passes it over, and whoever has it in hand ends it.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from experiments.cell import Cell
from experiments.record import Record
from experiments.run import now
from experiments.store import Store, read_json
from models.errors import BadInput

CANCELLED = "cancelled"
"""How the reason of such a record begins."""


def is_cancelled(record: Record) -> bool:
    """Whether a cell was cancelled, not measured."""
    return record.status == "skipped" and record.reason.startswith(CANCELLED)


def was_cancelled(store: Store, key: str) -> bool:
    """Whether a cell of a store is cancelled by now; False where that cannot be told."""
    if not store.has(key):
        return False
    try:
        data = read_json(store.path(key))
    except BadInput:
        return False
    return data.get("status") == "skipped" and str(data.get("reason")).startswith(CANCELLED)


def with_dependents(keys: Collection[str], cells: Mapping[str, Cell]) -> set[str]:
    """Return the keys, and those of cells that need the weights which one of them trains."""
    return {*keys, *(key for key, cell in cells.items() if cell.options.get("trained") in keys)}


def cancel(
    store: Store,
    keys: Collection[str],
    cells: Mapping[str, Cell],
    blocks: Mapping[str, str],
    why: str = "",
) -> list[str]:
    """Write a record ``skipped`` of every cell that has none; return the keys of these.

    Args:
        store: the store.
        keys: of cells.
        cells: every planned cell by its key.
        blocks: key of a cell -> key of its block.
        why: goes into the reason.

    Raises:
        BadInput: the folder cannot be written.
    """
    reason = f"{CANCELLED}: {why}" if why else CANCELLED
    done = []
    for key in cells:
        if key in keys and not store.has(key):
            record = Record(
                key=key,
                block=blocks.get(key, ""),
                cell=cells[key],
                status="skipped",
                reason=reason,
                started=now(),
            )
            try:
                written = _write_new(store.path(key), record)
            except OSError as error:
                raise BadInput(
                    f"store '{store.folder}' cannot be written: {error.strerror}."
                ) from error
            if written:
                done.append(key)
    return done


def _write_new(path: Path, record: Record) -> bool:
    """Write a record where there is none; a result that came meanwhile stays."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record.model_dump(mode="json"), file, indent=1, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if path.exists():
                return False
            Path(temporary).replace(path)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
