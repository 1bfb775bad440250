"""FLOPs and depth of one training step, counted on the meta device without computing anything."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from torch.utils.flop_counter import FlopCounterMode

from experiments.cell import Cell
from experiments.measures.extrapolation import LENGTHS, extrapolate
from experiments.measures.operator_graph import OperatorGraph
from experiments.measures.subject import build_on_meta, sizes_of
from experiments.planning import theory

EXACT_UP_TO = max(LENGTHS)
"""Positions up to which a graph that grows with n is recorded as it is."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What one forward and backward pass consists of."""

    operators: int  # of the forward pass, views apart
    forward_flops: int
    backward_flops: int
    forward_depth: int
    training_depth: int


class Counter:
    """Counts of what a cell measures, at any number of positions."""

    def __init__(self, cell: Cell) -> None:
        self.n = sizes_of(cell).n
        # cells that differ in n alone share what is counted at short lengths
        options = sizes_of(cell).model_copy(update={"n": 1}).model_dump()
        self.cell = cell.model_copy(update={"options": options, "measure": "", "versions": {}})
        self.extrapolated = self.n > EXACT_UP_TO and self._grows()

    def at(self, n: int) -> Counts:
        """Count at ``n`` positions."""
        return _counts(self.cell.model_dump_json(), n)

    def get(self, value: Callable[[Counts], int], degree: int, what: str) -> int:
        """Return one count at the cell's n: recorded there, or extrapolated from short lengths.

        Args:
            value: which count.
            degree: of the polynomial in n that it must follow exactly if it is extrapolated.
            what: the count in words.

        Raises:
            NotPolynomial: it does not follow one.
        """
        if self.extrapolated:
            return extrapolate(lambda n: value(self.at(n)), self.n, degree, what)
        return value(self.at(self.n))

    def _grows(self) -> bool:
        """Whether the graph is a chain whose length goes with n; if not, any n is recorded at once.

        So says theory, and extrapolation checks it. Constant graphs, and those of parallel scans, which
        grow with log n, are small; and of a scan in chunks short lengths tell nothing.
        """
        first, second, third = (self._chain(times * self.n) for times in (1, 2, 4))
        return third - second > 1.5 * (second - first)

    def _chain(self, n: int) -> int:
        """Return the length of the chain of dependent steps at ``n`` positions, by theory."""
        options = {**self.cell.options, "n": n}
        return theory(self.cell.model_copy(update={"options": options}))["sequential_operations"]


@functools.lru_cache(maxsize=1024)
def _counts(cell: str, n: int) -> Counts:
    subject = build_on_meta(Cell.model_validate_json(cell), n)
    with FlopCounterMode(display=False) as flops, OperatorGraph() as graph:
        output = subject.output()
        operators, depth, forward = graph.operators, graph.depth, flops.get_total_flops()
        subject.loss(output).backward()
    return Counts(
        operators=operators,
        forward_flops=forward,
        backward_flops=flops.get_total_flops() - forward,
        forward_depth=depth,
        training_depth=graph.depth,
    )
