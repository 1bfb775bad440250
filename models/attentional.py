"""LSTM encoder-decoder with global attention (Luong et al. 2015): see models.recurrent_attention."""

from models.lstm import LSTM, LSTMConfig
from models.recurrent_attention import AttentionalOptions, AttentionalSeq2Seq


class AttentionalConfig(AttentionalOptions, LSTMConfig):
    """Options of the attentional LSTM."""


class AttentionalLSTM(AttentionalSeq2Seq):
    """LSTM encoder-decoder with global attention over all encoder states (Luong et al. 2015)."""

    Config = AttentionalConfig
    citation = (
        "Luong et al. 2015, Effective approaches to attention-based NMT; additive score: Bahdanau et "
        "al. 2015, Neural machine translation by jointly learning to align and translate"
    )
    alone = LSTM
    cell_name = LSTM.cell_name
    gates = LSTM.gates
    state_tensors = LSTM.state_tensors
