"""Measure ``flops``: counted on the meta device, and held against the formula.

On a CPU torch's FlopCounterMode sees nothing inside a fused LSTM or fused attention and says 0; on
the meta device both are counted.
"""

from typing import Any

from experiments.cell import Cell
from experiments.measures.base import Context, Measure, Outcome
from experiments.measures.counting import Counter
from experiments.measures.sizes import SizeOptions
from experiments.measures.subject import formula


class Flops(Measure):
    """FLOPs of one forward and one backward pass, counted, and the formula beside them."""

    Options = SizeOptions

    def one(self, cell: Cell, context: Context) -> Outcome:
        """Count at n, or at four short lengths if the graph grows with n and n is long.

        The status is ``failed`` where the forward count is not exactly what the formula says.

        Raises:
            NotPolynomial: the counts are no polynomial of degree 2 over the short lengths.
        """
        counter = Counter(cell)
        context.progress(f"counting FLOPs, n = {counter.n}")
        forward = counter.get(lambda counts: counts.forward_flops, 2, "forward FLOPs")
        expected = formula(cell)
        metrics: dict[str, Any] = {
            "forward": forward,
            "backward": counter.get(lambda counts: counts.backward_flops, 2, "backward FLOPs"),
            "formula": expected,
            "agrees": forward == expected,
            "extrapolated": counter.extrapolated,
        }
        if forward == expected:
            return Outcome(metrics=metrics)
        reason = f"counted {forward} FLOPs forward, but the formula gives {expected}"
        if forward == 0:
            reason += ": an operator that the counter does not know"
        return Outcome(status="failed", reason=reason, metrics=metrics)
