"""GRU encoder-decoder with global attention: see models.recurrent_attention."""

from models.gated import GatedConfig
from models.gru import GRU
from models.recurrent_attention import AttentionalOptions, AttentionalSeq2Seq


class AttentionalGRUConfig(AttentionalOptions, GatedConfig):
    """Options of the attentional GRU."""


class AttentionalGRU(AttentionalSeq2Seq):
    """GRU encoder-decoder with global attention over all encoder states (Bahdanau et al. 2015)."""

    Config = AttentionalGRUConfig
    citation = (
        "Bahdanau et al. 2015, Neural machine translation by jointly learning to align and translate, "
        "with the decoder of Luong et al. 2015: attention after the recurrence"
    )
    alone = GRU
    cell_name = GRU.cell_name
    gates = GRU.gates
    state_tensors = GRU.state_tensors
