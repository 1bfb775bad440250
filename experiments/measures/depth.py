"""Measure ``depth``: sequential operations, as the longest path of the operator graph."""

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.counting import Counter
from experiments.measures.sizes import SizeOptions


class Depth(Measure):
    """Longest path of the operator graph, forward and in training, recorded on the meta device."""

    version = 2  # of parallel scans every length is recorded
    Options = SizeOptions

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Record the graph at n, or at three short lengths if it grows with n and n is long.

        Raises:
            NotPolynomial: the depth does not grow linearly over the short lengths.
        """
        counter = Counter(cell)
        context.progress(f"recording the operator graph, n = {counter.n}")
        metrics = {
            "forward": counter.get(lambda counts: counts.forward_depth, 1, "forward depth"),
            "training": counter.get(lambda counts: counts.training_depth, 1, "training depth"),
            "extrapolated": counter.extrapolated,
        }
        return Outcome(metrics=metrics)
