"""minLSTM encoder-decoder with a fixed context vector, trained by a parallel scan.

For shapes and the encoder-decoder around the layer see models.minimal_recurrent.
"""

from models.minimal_recurrence import MinLSTMRecurrence
from models.minimal_recurrent import MinimalConfig, MinimalSeq2Seq


class MinLSTM(MinimalSeq2Seq):
    """LSTM whose two gates see the input alone and add up to one; parallel in training."""

    citation = "Feng et al. 2024, Were RNNs All We Needed?, section 3.2"
    cell_name = "minLSTM"
    gates = MinLSTMRecurrence.gates

    @classmethod
    def recurrence(cls, config: MinimalConfig, inputs: int) -> MinLSTMRecurrence:
        """Return one minLSTM layer."""
        return MinLSTMRecurrence(inputs, config.width, config.candidate, config.forget_bias)
