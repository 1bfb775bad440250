"""Join the stores of several machines into a new one, or refuse and write nothing. No torch."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.locks import store_lock
from experiments.operations.cancel import is_cancelled
from experiments.operations.joined_plan import Source, join_plans, read_source
from experiments.operations.results import difference
from experiments.progress import label
from experiments.record import Record
from experiments.store import Store, read_json
from models.errors import BadInput, nearest

UNFINISHED = (".part", ".damaged", ".tmp")
SHOWN = 3  # of several conflicts
Conflict = tuple[Record, Source, Source, str]
"""The first record, its source, the one that has another, and what differs."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge gave: numbers of cells and records."""

    manifest: dict[str, Any]
    kept: dict[str, Source]  # key of a cell -> whose record it is
    duplicates: int  # records beyond the first of their cell
    unplanned: int  # records of no cell that a manifest plans: not taken over


def merge(folders: Sequence[Path], out: Path, *, command: str, prefer: Path | None = None) -> Merged:
    """Write the store ``out`` from all others: manifest, records, weights and samples.

    Equal results of one cell are duplicates, of which one stays. A cell that was cancelled in one store
    and measured in another was measured. The cells of an exclusive block, which compares times, are
    all taken from the store that has most of them.

    Raises:
        BadInput: plans or results conflict and ``prefer`` does not decide, or ``out`` cannot be
            written. Nothing was written then.
    """
    sources = [read_source(Store(folder)) for folder in _distinct(folders)]
    preferred = _preferred(sources, prefer)
    with ExitStack() as locks:
        for source in sources:
            _lock(locks, source)
        found = _choose(sources, join_plans(sources, command=command, prefer=preferred), preferred)
        _write(sources, found, out)
    return found


def _distinct(folders: Sequence[Path]) -> list[Path]:
    return list({folder.resolve(): folder for folder in reversed(folders)}.values())[::-1]


def _preferred(sources: Sequence[Source], prefer: Path | None) -> Source | None:
    if prefer is None:
        return None
    for source in sources:
        if source.store.folder.resolve() == prefer.resolve():
            return source
    names = [source.name for source in sources]
    raise BadInput(f"--prefer '{prefer}' is none of the merged folders.{nearest(str(prefer), names)}")


def _lock(locks: ExitStack, source: Source) -> None:
    """Keep runs away from a store while it is read, where its folder can be written to."""
    try:
        locks.enter_context(store_lock(source.store.folder, shared=True))
    except OSError:  # nobody can run in a folder that cannot be written
        return


def _choose(sources: Sequence[Source], manifest: dict[str, Any], prefer: Source | None) -> Merged:
    """Say whose record of each cell stays.

    Raises:
        BadInput: results of one cell differ.
    """
    order = [*(s for s in sources if s is prefer), *(s for s in sources if s is not prefer)]
    kept: dict[str, Source] = {}
    duplicates = 0
    conflicts: list[Conflict] = []
    for row in manifest["blocks"]:
        records = {key: list(_records(order, key)) for key in row["cells"]}
        records = {key: found for key, found in records.items() if found}
        differing = [found for each in records.values() for found in _differing(each)]
        conflicts += [found for found in differing if found[1] is not prefer]
        whole = _whole(order, row, records, first=prefer if differing else None)
        for key, found in records.items():
            duplicates += len(found) - 1
            if whole is None:
                kept[key] = found[0][0]
            elif any(source is whole for source, _ in found):
                kept[key] = whole
    if conflicts:
        raise BadInput(_explain(conflicts))
    everything = {path.stem for source in sources for path in source.store.records.glob("*.json")}
    unplanned = len(everything - set(manifest["cells"]))
    return Merged(manifest=manifest, kept=kept, duplicates=duplicates, unplanned=unplanned)


def _records(order: Sequence[Source], key: str) -> Iterator[tuple[Source, Record]]:
    """Yield the records of a cell; one that was cancelled only where nobody measured it."""
    found = [(source, source.store.read(key)) for source in order if source.store.has(key)]
    measured = [(source, record) for source, record in found if not is_cancelled(record)]
    yield from measured or found[:1]


def _differing(found: list[tuple[Source, Record]]) -> list[Conflict]:
    """Return the first record of a cell against one that has another result, if any has."""
    holder, first = found[0]
    for source, record in found[1:]:
        what = difference(first, record)
        if what is not None:
            return [(first, holder, source, what)]
    return []


def _whole(
    order: Sequence[Source],
    row: dict[str, Any],
    records: dict[str, list[tuple[Source, Record]]],
    *,
    first: Source | None,
) -> Source | None:
    """Return the source of all cells of an exclusive block: ``first`` if it has any, or who has most.

    None for other blocks: their cells need not be of one source.
    """
    if not row["exclusive"]:
        return None
    counts = Counter(id(source) for found in records.values() for source, _ in found)
    if first is not None and counts[id(first)]:
        return first
    return max(order, key=lambda source: counts[id(source)])


def _explain(conflicts: Sequence[Conflict]) -> str:
    record, one, other, what = conflicts[0]
    further = ", ".join(each[0].key for each in conflicts[1 : 1 + SHOWN])
    more = f"; {len(conflicts) - 1} more cells differ ({further}, ...)" if further else ""
    return (
        f"cell {record.key} ({label(record.cell)}) has different results in {one.name} and "
        f"{other.name}: {what}{more}. Nothing was merged; choose with --prefer {one.name} or "
        f"--prefer {other.name}, or have it measured again: seqyard retry {other.name} {record.key}."
    )


def _write(sources: Sequence[Source], merged: Merged, out: Path) -> None:
    """Write the store beside its place, then put it there at once."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"--store '{out}' exists; name a folder that is not there yet.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=".tmp"))
    except OSError as error:
        raise BadInput(f"--store '{out}' cannot be written: {error.strerror}.") from error
    try:
        _fill(Store(draft), sources, merged)
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(0o777 & ~mask)  # a temporary folder is for its maker alone
        os.sync()
        draft.replace(out)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise BadInput(f"--store '{out}' cannot be written: {error.strerror}.") from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _fill(draft: Store, sources: Sequence[Source], merged: Merged) -> None:
    draft.create()
    draft.write_json(draft.manifest, merged.manifest)
    for key, source in merged.kept.items():
        shutil.copyfile(source.store.path(key), draft.path(key))
    draft.artifacts.mkdir()
    copied: dict[str, float] = {}
    for source in sources:
        for path in _artifacts(source, merged):
            target = draft.folder / path.relative_to(source.store.folder)
            written = path.stat().st_mtime
            if copied.get(str(target), -1.0) < written:
                copied[str(target)] = written
                target.parent.mkdir(exist_ok=True)
                shutil.copy2(path, target)
    queues = [source.store.folder / "sweep.json" for source in sources]
    if all(path.exists() for path in queues) and len({read_json(p)["queue"] for p in queues}) == 1:
        shutil.copyfile(queues[0], draft.folder / "sweep.json")


def _artifacts(source: Source, merged: Merged) -> Iterator[Path]:
    """Yield what belongs to the records that stay, and the checkpoints of cells that have none."""
    folder = source.store.artifacts
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.suffix not in UNFINISHED:
            key = path.name.partition(".")[0]
            if merged.kept.get(key) is source:
                yield path
    for path in sorted(folder.glob("checkpoints/*.ckpt")):
        key = path.name.partition("@")[0]
        if key in merged.manifest["cells"] and key not in merged.kept:
            yield path
