"""What a store's manifest has planned, as blocks, and which queue belongs to the store. No torch."""

import os
import tempfile
import uuid
from pathlib import Path

from experiments.cell import Block, Cell
from experiments.record import FORMAT
from experiments.store import Store, read_json, refuse_newer
from models.errors import BadInput


class Planned:
    """The blocks of a manifest; read again when it was extended."""

    def __init__(self, store: Store) -> None:
        """Read the manifest.

        Raises:
            BadInput: there is none, it is damaged, or a newer version wrote it.
        """
        self.store = store
        self.read_at = 0
        self.blocks: dict[str, Block] = {}
        self.read()

    def read(self) -> None:
        """Read the manifest, if it changed."""
        path = self.store.manifest
        if not path.exists():
            raise BadInput(
                f"--store '{self.store.folder}' has no manifest.json; `seqyard sweep PLAN` plans one."
            )
        changed = path.stat().st_mtime_ns
        if changed == self.read_at:
            return
        data = read_json(path)
        refuse_newer(data, path)
        self.plan, self.profile, self.request = data["plan"], data["profile"], data["request"]
        cells = {key: Cell.model_validate(row["cell"]) for key, row in data["cells"].items()}
        self.blocks = {
            row["key"]: Block(
                name=row["name"],
                cells=tuple(cells[key] for key in row["cells"]),
                exclusive=row["exclusive"],
                timeout_s=row.get("timeout_s", Block.model_fields["timeout_s"].default),
            )
            for row in data["blocks"]
        }
        self.read_at = changed

    def block(self, key: str) -> Block | None:
        """Return the block, or None where the manifest has no such."""
        if key not in self.blocks:
            self.read()
        return self.blocks.get(key)

    @property
    def cells(self) -> dict[str, Cell]:
        """Return every planned cell by its key."""
        return {cell.key: cell for block in self.blocks.values() for cell in block.cells}


def queue_name(store: Store, *, create: bool = False) -> str:
    """Return the name of the store's queue, from ``sweep.json``.

    It is random, so that no two stores share a queue, even of the same plan in the same database.
    A copy of the store on another machine has it too, and so works on the same queue.

    Raises:
        BadInput: there is none, and ``create`` is not set.
    """
    path = store.folder / "sweep.json"
    if not path.exists():
        if not create:
            raise BadInput(
                f"--store '{store.folder}' has no sweep.json; `seqyard sweep PLAN --storage URL "
                f"--store {store.folder}` plans one."
            )
        _write_once(path, f'{{"format": {FORMAT}, "queue": "seqyard {uuid.uuid4().hex[:12]}"}}\n')
    data = read_json(path)
    refuse_newer(data, path)
    if not isinstance(data.get("queue"), str):
        raise BadInput(f"{path} is damaged: it names no queue.")
    return str(data["queue"])


def _write_once(path: Path, text: str) -> None:
    """Write a file that is whole or absent; of several writers at once the first one wins."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
