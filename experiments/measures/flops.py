"""Measure ``flops``: floating-point operations, counted on the meta device and held to the formula."""

from torch.utils.flop_counter import FlopCounterMode

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.extrapolate import SHORT, extrapolated
from experiments.measures.subject import SizeOptions, Subject, apply_settings, subject_of

LONGEST_COUNTED = 64
"""Above this many sequential operations a count is extrapolated."""


class Flops(Measure):
    """FLOPs of forward and backward, counted operator by operator and checked against the formula."""

    Options = SizeOptions

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Count one cell; a count that disagrees with the formula is a failure, not a result."""
        apply_settings(cell)
        options = SizeOptions.model_validate(cell.options)
        subject = subject_of(cell, options)
        is_long = subject.sequential(options.n) > LONGEST_COUNTED and options.n > max(SHORT)
        if is_long:
            numbers = extrapolated(lambda n: counted(subject, n), options.n, subject.identity("flops"))
        else:
            numbers = counted(subject, options.n)
        formula = subject.formula(options.n)
        agrees = numbers["forward"] == formula
        metrics = {**numbers, "formula": formula, "agrees": agrees, "extrapolated": is_long}
        if not agrees:
            reason = f"counted {numbers['forward']} FLOPs forward, the formula says {formula}"
            return Outcome(status="failed", reason=reason, metrics=metrics)
        return Outcome(metrics=metrics)


def counted(subject: Subject, n: int) -> dict[str, int]:
    """Count the matrix products of one forward and one backward pass at length n.

    Counted on the meta device: on a CPU the counter silently sees nothing inside fused kernels.
    """
    step = subject.step(n, "meta")
    with FlopCounterMode(display=False) as counter:
        result = step.forward()
    forward = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        step.backward(result)
    return {"forward": forward, "backward": counter.get_total_flops()}
