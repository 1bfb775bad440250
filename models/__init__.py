"""What is compared. One line an architecture; the order is the order of legends and tables.

The table maps a name to ``"module:Class"``; the module is imported when the architecture is used,
so that reading this table costs nothing.
"""

MODELS: dict[str, str] = {
    "rnn": "models.rnn:RNN",
    "lstm": "models.lstm:LSTM",
    "gru": "models.gru:GRU",
    "attentional_rnn": "models.attentional_rnn:AttentionalRNN",
    "attentional_lstm": "models.attentional:AttentionalLSTM",
    "attentional_gru": "models.attentional_gru:AttentionalGRU",
    "transformer": "models.transformer:Transformer",
    "local_transformer": "models.local_transformer:LocalTransformer",
    "conv": "models.conv:Conv",
    "mingru": "models.mingru:MinGRU",
    "minlstm": "models.minlstm:MinLSTM",
    "qrnn": "models.qrnn:QRNN",
    "linear_attention": "models.linear_attention:LinearAttention",
    "selective_ssm": "models.selective_ssm:SelectiveSSM",
    "mlp": "models.mlp:MLP",
    "markov": "models.markov:Markov",
}

CORE = ("rnn", "lstm", "attentional_lstm", "transformer")
"""What plans compare unless told otherwise; the others are asked for by name."""

ENTRY_POINTS = "seqyard.architectures"
