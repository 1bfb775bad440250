"""Measure ``depth``: how many operators must run one after the other.

Recorded on the meta device, where a recurrence decomposes into its steps: on a CPU a fused LSTM is
one operator, of depth 5 at any length, and would look parallel.
"""

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.extrapolate import SHORT, extrapolated
from experiments.measures.flops import LONGEST_COUNTED
from experiments.measures.operator_graph import OperatorGraph
from experiments.measures.subject import SizeOptions, Subject, apply_settings, subject_of


class Depth(Measure):
    """Longest path of the operator graph: the sequential operations of forward, and of training."""

    Options = SizeOptions

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Record one cell's graph."""
        apply_settings(cell)
        options = SizeOptions.model_validate(cell.options)
        subject = subject_of(cell, options)
        is_long = subject.sequential(options.n) > LONGEST_COUNTED and options.n > max(SHORT)
        if is_long:
            numbers = extrapolated(lambda n: recorded(subject, n), options.n, subject.identity("depth"))
        else:
            numbers = recorded(subject, options.n)
        return Outcome(metrics={**numbers, "extrapolated": is_long})


def recorded(subject: Subject, n: int) -> dict[str, int]:
    """Return the longest path of the forward pass, and of forward and backward together."""
    step = subject.step(n, "meta")
    with OperatorGraph() as graph:
        result = step.forward()
        forward = graph.longest
        step.backward(result)
    return {"forward": forward, "training": graph.longest}
