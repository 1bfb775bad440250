"""LSTM encoder-decoder with forget gates and a fixed context vector.

For shapes and the encoder-decoder around the cell see models.recurrent.
"""

from models.gated import GatedConfig, gated_search_space
from models.recurrence import LSTMRecurrence
from models.recurrent import RecurrentSeq2Seq
from models.search import Space


class LSTMConfig(GatedConfig):
    """Options of the LSTM."""


class LSTM(RecurrentSeq2Seq):
    """LSTM; the decoder starts from the encoder's last state and sees nothing else."""

    Config = LSTMConfig
    citation = (
        "Hochreiter & Schmidhuber 1997, Long short-term memory; Gers et al. 2000, Learning to forget; "
        "Sutskever et al. 2014, sequence to sequence"
    )
    cell_name = "LSTM"
    gates = LSTMRecurrence.gates
    state_tensors = LSTMRecurrence.tensors

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned for the LSTM: how long its state lasts at first."""
        return {**super().own_search_space(), **gated_search_space()}

    @classmethod
    def recurrence(cls, config: LSTMConfig, inputs: int) -> LSTMRecurrence:
        """Return one LSTM layer."""
        return LSTMRecurrence(
            inputs, config.width, config.kernel, config.forget_bias, config.chrono_max
        )

    @classmethod
    def variants(cls) -> list[dict[str, object]]:
        """Return further options that the conformance suite covers."""
        return [
            {"kernel": "loop"},
            {"layers": 3},
            {"bidirectional": True, "layers": 2},
            {"forget_bias": "zero"},
            {"forget_bias": "chrono"},
        ]
