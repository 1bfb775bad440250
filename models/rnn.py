"""Vanilla RNN encoder-decoder: the simple recurrent network of Elman (1990), fixed context vector.

For shapes and the encoder-decoder around the cell see models.recurrent.
"""

from models.recurrence import TanhRecurrence
from models.recurrent import RecurrentConfig, RecurrentSeq2Seq


class RNN(RecurrentSeq2Seq):
    """Vanilla tanh RNN; the decoder starts from the encoder's last state and sees nothing else."""

    citation = "Elman 1990, Finding structure in time; Sutskever et al. 2014, sequence to sequence"
    cell_name = "vanilla RNN"
    gates = TanhRecurrence.gates
    state_tensors = TanhRecurrence.tensors

    @classmethod
    def recurrence(cls, config: RecurrentConfig, inputs: int) -> TanhRecurrence:
        """Return one tanh layer."""
        return TanhRecurrence(inputs, config.width, config.kernel)

    @classmethod
    def variants(cls) -> list[dict[str, object]]:
        """Return further options that the conformance suite covers."""
        return [{"kernel": "loop"}, {"layers": 3}, {"bidirectional": True, "layers": 2}]
