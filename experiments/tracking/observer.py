"""What the supervisor tells whoever watches a run. No torch, and nothing of any tracker."""

from pathlib import Path

from experiments.cell import Cell


class Observer:
    """Watches and does nothing; the base of what does something. No method may raise or wait."""

    def phase(self, *, exclusive: bool) -> None:
        """Ordinary or exclusive blocks begin; while exclusive ones run, the machine is theirs."""

    def started(self, cell: Cell) -> None:
        """A worker turned to a cell."""

    def point(self, key: str, name: str, x: float, y: float) -> None:
        """A cell that runs has a new point of one of its record's curves."""

    def recorded(self, key: str) -> None:
        """A cell has its record, in the store."""

    def reported(self, folder: Path) -> None:
        """The report of all records is written to ``folder``."""

    def close(self) -> None:
        """Nothing more will be told. This alone may wait, for a few seconds."""
