"""minGRU encoder-decoder with a fixed context vector, trained by a parallel scan.

For shapes and the encoder-decoder around the layer see models.minimal_recurrent.
"""

from models.minimal_recurrence import MinGRURecurrence
from models.minimal_recurrent import MinimalConfig, MinimalSeq2Seq


class MinGRU(MinimalSeq2Seq):
    """GRU without a reset gate, whose update gate sees the input alone; parallel in training."""

    citation = "Feng et al. 2024, Were RNNs All We Needed?, section 3.1"
    cell_name = "minGRU"
    gates = MinGRURecurrence.gates

    @classmethod
    def recurrence(cls, config: MinimalConfig, inputs: int) -> MinGRURecurrence:
        """Return one minGRU layer."""
        return MinGRURecurrence(inputs, config.width, config.candidate, config.forget_bias)
