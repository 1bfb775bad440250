"""The supervisor's source over the shared queue."""

import time
from collections import deque
from collections.abc import Collection, Mapping

from experiments.cell import Block, Cell
from experiments.sweep.client import Client

EMPTY_S = 0.5  # an empty queue is not asked again before
LOOK_S = 2.0  # between two looks at whether waiting is worth it


class QueueSource:
    """Ordinary or exclusive blocks of the queue, as experiments.source.Source asks."""

    def __init__(self, client: Client, *, exclusive: bool) -> None:
        self.client, self.exclusive = client, exclusive
        self.returned: deque[Block] = deque()  # in hand still, without a worker
        self.next_look = self.next_take = 0.0
        self.worth_it = True

    @property
    def threads(self) -> int:
        """Return the most threads that a cell of a planned block uses."""
        blocks = self.client.planned.blocks.values()
        cells = (cell for b in blocks if b.exclusive == self.exclusive for cell in b.cells)
        return max((cell.threads for cell in cells), default=1)

    def take(self) -> Block | None:
        """Return what came back, or the next block of the queue."""
        if self.returned:
            return self.returned.popleft()
        if time.monotonic() < self.next_take:
            return None
        block = self.client.take(exclusive=self.exclusive)
        if block is None:
            self.next_take = time.monotonic() + EMPTY_S
        return block

    def deaths(self, block: Block) -> Mapping[str, int]:
        """Return how often its cells ended a worker anywhere."""
        return self.client.deaths(block)

    def at(self, block: Block, cell: Cell) -> None:
        """Tell the queue which cell is in hand."""
        self.client.at(block, cell)

    def died(self, block: Block, deaths: Mapping[str, int]) -> None:
        """Tell the queue; the block stays in hand."""
        self.client.died(block, deaths)
        self.again(block)

    def again(self, block: Block) -> None:
        """Take it first."""
        if block.key in self.client.held:
            self.returned.appendleft(block)

    def done(self, block: Block) -> None:
        """Tell the queue."""
        self.client.done(block)

    def failed(self, block: Block, error: Exception) -> None:
        """Tell the queue; other blocks go on."""
        self.client.failed(block, error)

    def lost(self) -> Collection[str]:
        """Return the blocks that were given to somebody else, because we seemed dead."""
        keys = self.client.lost()
        if keys:
            self.returned = deque(block for block in self.returned if block.key not in keys)
        return keys

    def waits(self) -> bool:
        """Whether blocks of this kind wait and, before the exclusive ones, no ordinary ones."""
        if time.monotonic() >= self.next_look:
            self.next_look = time.monotonic() + LOOK_S
            counts = self.client.counts()
            if counts is not None:
                kinds = {row.exclusive for row in counts if row.state.name == "WAITING" and row.trials}
                self.worth_it = kinds == {True} if self.exclusive else False in kinds
        return self.worth_it

    def empty(self) -> bool:
        """Whether nothing came back; what the queue holds is asked elsewhere."""
        return not self.returned

    def tick(self) -> None:
        """Tell what is to be told, look for the dead."""
        self.client.tick()
