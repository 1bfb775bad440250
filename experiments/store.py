"""A folder of records: the truth. Written atomically, one file a cell. No torch."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.record import FORMAT, Record
from models.errors import BadInput

_NUMBERS = re.compile(r"\[\n[-+.0-9eE,\s]+\]")  # no string holds a line feed as it is


class Store:
    """Records under ``folder/records``, large things under ``folder/artifacts``, and the manifest."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.records = self.folder / "records"
        self.artifacts = self.folder / "artifacts"
        self.manifest = self.folder / "manifest.json"

    def create(self) -> None:
        """Make the folders, and make sure that they can be written to and are not a newer version's.

        Raises:
            BadInput: the folder cannot be written, or was written by a newer version.
        """
        try:
            self.records.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise BadInput(f"--store '{self.folder}' cannot be written: {error.strerror}.") from error
        self.check_format()

    def check_format(self) -> None:
        """Refuse a store of a newer version by name."""
        if self.manifest.exists():
            refuse_newer(read_json(self.manifest), self.manifest)

    def path(self, key: str) -> Path:
        """Return the file of a record."""
        return self.records / f"{key}.json"

    def has(self, key: str) -> bool:
        """Whether a cell has a record, whatever its status."""
        return self.path(key).exists()

    def read(self, key: str) -> Record:
        """Return one record.

        Raises:
            BadInput: it is missing, damaged, or of a newer version.
        """
        path = self.path(key)
        data = read_json(path)
        refuse_newer(data, path)
        try:
            return Record.model_validate(data)
        except ValidationError as error:
            raise BadInput(f"{path} is no record: {error.errors()[0]['msg']}.") from error

    def __iter__(self) -> Iterator[Record]:
        """Yield every record, ordered by key."""
        for path in sorted(self.records.glob("*.json")):
            yield self.read(path.stem)

    def write(self, record: Record) -> None:
        """Write a record so that it is whole or absent, whatever happens meanwhile."""
        self.write_json(self.path(record.key), record.model_dump(mode="json"))

    def write_json(self, path: Path, data: Any) -> None:
        """Write JSON atomically: a temporary file in the same folder, flushed to disk, then renamed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(_readable(data) + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _readable(data: Any) -> str:
    """Return JSON with a line for each entry, but lists of numbers on one: they can be long."""
    text = json.dumps(data, indent=1, sort_keys=True, allow_nan=False)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", text)


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or damaged one is the user's to know, in one line."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadInput(
            f"{path} is damaged: {error}. Remove it to have its cell measured again."
        ) from error


def refuse_newer(data: Any, path: Path) -> None:
    """Refuse a file whose format is newer than this version understands."""
    found = data.get("format", 0) if isinstance(data, dict) else 0
    if not isinstance(found, int):
        raise BadInput(f"{path} is damaged: format = {found!r} is no whole number.")
    if found > FORMAT:
        raise BadInput(
            f"{path}: format = {found} was written by a newer Seqyard; this one reads up to {FORMAT}. "
            "Upgrade Seqyard, or choose another --store."
        )
