"""GRU encoder-decoder with a fixed context vector.

For shapes and the encoder-decoder around the cell see models.recurrent.
"""

from models.gated import GatedConfig, gated_search_space
from models.recurrence_gru import GRURecurrence
from models.recurrent import RecurrentSeq2Seq
from models.search import Space


class GRU(RecurrentSeq2Seq):
    """GRU; the decoder starts from the encoder's last state and sees nothing else."""

    Config = GatedConfig
    citation = (
        "Cho et al. 2014, Learning phrase representations using RNN encoder-decoder; reset gate after "
        "the product, as cuDNN has it (Chung et al. 2014 have it before)"
    )
    cell_name = "GRU"
    gates = GRURecurrence.gates
    state_tensors = GRURecurrence.tensors

    @classmethod
    def own_search_space(cls) -> Space:
        """Return what is tuned for the GRU: how long its state lasts at first."""
        return {**super().own_search_space(), **gated_search_space()}

    @classmethod
    def recurrence(cls, config: GatedConfig, inputs: int) -> GRURecurrence:
        """Return one GRU layer."""
        return GRURecurrence(inputs, config.width, config.kernel, config.forget_bias, config.chrono_max)

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
