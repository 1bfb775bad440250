"""Where the supervisor takes its blocks from. No torch.

``run`` has them in a deque of its own; ``work`` takes them from a queue that many workers share.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from experiments.cell import Block, Cell


class Source(Protocol):
    """Blocks of one phase, ordinary or exclusive, and who is told what became of them."""

    @property
    def exclusive(self) -> bool:
        """Whether nothing else may run beside these blocks."""

    @property
    def threads(self) -> int:
        """Return the most threads that a cell of these blocks uses."""

    def take(self) -> Block | None:
        """Return the next block, or None where there is none now."""

    def deaths(self, block: Block) -> Mapping[str, int]:
        """Return how often a cell of the block has ended its worker elsewhere, by key."""

    def at(self, block: Block, cell: Cell) -> None:
        """A worker turned to this cell of a block that was taken."""

    def died(self, block: Block, deaths: Mapping[str, int]) -> None:
        """A worker died over the block, which is to be taken again; ``deaths`` by cell, in all."""

    def again(self, block: Block) -> None:
        """The block is to be taken again, first."""

    def done(self, block: Block) -> None:
        """All its cells have records."""

    def failed(self, block: Block, error: Exception) -> None:
        """The block cannot be run. Raises ``error`` where that ends the run."""

    def lost(self) -> Collection[str]:
        """Return the keys of blocks that were taken here and are somebody else's by now."""

    def waits(self) -> bool:
        """Whether it is worth waiting for the machine: there are blocks still."""

    def empty(self) -> bool:
        """Whether everything was taken."""

    def tick(self) -> None:
        """Called several times a second."""


class LocalSource:
    """Blocks in a deque of this process."""

    def __init__(self, blocks: Iterable[Block], *, exclusive: bool) -> None:
        self.blocks = deque(blocks)
        self.exclusive = exclusive
        self.threads = max((cell.threads for block in self.blocks for cell in block.cells), default=1)

    def take(self) -> Block | None:
        """Return the next block."""
        return self.blocks.popleft() if self.blocks else None

    def deaths(self, block: Block) -> Mapping[str, int]:
        """Return nothing: nobody else has them."""
        return {}

    def at(self, block: Block, cell: Cell) -> None:
        """Nobody needs to know."""

    def died(self, block: Block, deaths: Mapping[str, int]) -> None:
        """Nobody else needs to know."""
        self.again(block)

    def again(self, block: Block) -> None:
        """Put the block first."""
        self.blocks.appendleft(block)

    def done(self, block: Block) -> None:
        """Nobody needs to know."""

    def failed(self, block: Block, error: Exception) -> None:
        """End the run."""
        raise error

    def lost(self) -> Collection[str]:
        """Return none."""
        return ()

    def waits(self) -> bool:
        """Return True: nobody else takes them."""
        return True

    def empty(self) -> bool:
        """Whether everything was taken."""
        return not self.blocks

    def tick(self) -> None:
        """Do nothing."""
