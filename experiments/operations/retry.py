"""Set records aside, so that the next run measures their cells again. No torch."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiments.cell import Block, Cell
from experiments.operations.cancel import with_dependents
from experiments.record import Record
from experiments.run import NOT_AGAIN
from experiments.store import Store
from models.errors import BadInput

FAULTS = ("failed", "killed", "timed_out")
"""Statuses that are set aside unless others are asked for: what may well not happen again."""
FOLDER = "retried"


@dataclass(frozen=True, kw_only=True)
class Retried:
    """A record that was set aside."""

    record: Record
    path: Path  # where it is now
    why: str = ""  # it goes with others: for which reason


def retry(
    store: Store,
    cells: Mapping[str, Cell],
    blocks: Iterable[Block],
    *,
    keys: Collection[str] = (),
    statuses: Collection[str] = (),
) -> list[Retried]:
    """Move records to ``STORE/retried``; return them.

    With a training cell go those of the cells that use its weights. A comparison is measured as a
    whole, so with a cell of an exclusive block go all others, except what killed a worker or ran out
    of time.

    Args:
        store: the store.
        cells: every planned cell by its key.
        blocks: every planned block.
        keys: these cells alone; none: all.
        statuses: these statuses alone; none: FAULTS, or any where keys are given.

    Raises:
        BadInput: a record is damaged, or the folder cannot be written.
    """
    wanted = set(statuses or (() if keys else FAULTS))
    records = {key: store.read(key) for key in cells if store.has(key)}
    chosen = {
        key
        for key, record in records.items()
        if (not keys or key in keys) and (not wanted or record.status in wanted)
    }
    why = dict.fromkeys(chosen, "")
    for key in with_dependents(chosen, cells) - chosen:
        why[key] = f"uses the weights of {cells[key].options['trained']}"
    for block in blocks:
        keys_of_block = [cell.key for cell in block.cells]
        if block.exclusive and any(key in why for key in keys_of_block):
            for key in keys_of_block:
                if key in records and records[key].status not in NOT_AGAIN:
                    why.setdefault(key, f"is compared in block '{block.name}'")
    moved = []
    for key in cells:
        if key in why and key in records:
            path = _set_aside(store, key)
            moved.append(Retried(record=records[key], path=path, why=why[key]))
    return moved


def _set_aside(store: Store, key: str) -> Path:
    folder = store.folder / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        target = folder / f"{key}.json"
        number = 1
        while target.exists():
            number += 1
            target = folder / f"{key}.{number}.json"
        store.path(key).replace(target)
    except OSError as error:
        raise BadInput(f"store '{store.folder}' cannot be written: {error.strerror}.") from error
    return target
