"""Vanilla RNN encoder-decoder with global attention: see models.recurrent_attention."""

from models.recurrent_attention import AttentionalOptions, AttentionalSeq2Seq
from models.rnn import RNN, RNNConfig


class AttentionalRNNConfig(AttentionalOptions, RNNConfig):
    """Options of the attentional vanilla RNN."""


class AttentionalRNN(AttentionalSeq2Seq):
    """Vanilla RNN encoder-decoder with global attention over all encoder states."""

    Config = AttentionalRNNConfig
    citation = "Elman 1990, Finding structure in time; Luong et al. 2015, attention-based NMT"
    alone = RNN
    cell_name = RNN.cell_name
    gates = RNN.gates
    state_tensors = RNN.state_tensors
