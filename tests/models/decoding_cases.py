"""Random models of every architecture whose probabilities are far from even, and padded sources."""

from typing import Any

import torch

from models.attentional import AttentionalLSTM
from models.base import Seq2Seq
from models.lstm import LSTM
from models.problem import EOS, Problem
from models.rnn import RNN
from models.transformer import Transformer
from tests.models.toy import Toy

ARCHITECTURES: dict[str, tuple[type[Seq2Seq], dict[str, Any]]] = {
    "rnn": (RNN, {}),
    "lstm": (LSTM, {"layers": 2}),
    "attentional": (AttentionalLSTM, {}),
    "input-feeding": (AttentionalLSTM, {"input_feeding": True}),
    "additive": (AttentionalLSTM, {"score": "additive", "layers": 2}),
    "transformer": (Transformer, {}),
    "transformer-explicit": (Transformer, {"attention": "explicit", "norm": "post"}),
    "toy": (Toy, {}),  # knows nothing of shared sources
}

VOCABULARY = 11
LENGTHS = [6, 3, 1, 5, 6, 2, 4, 6, 1, 2, 3, 4]
SOURCE = torch.randint(3, VOCABULARY, (12, 6), generator=torch.Generator().manual_seed(0))
MASK = torch.arange(6) < torch.tensor(LENGTHS)[:, None]


def build(name: str, *, target_size: int = VOCABULARY, seed: int = 3) -> Seq2Seq:
    """Return a model in evaluation mode whose outputs differ between rows, and end at times."""
    cls, options = ARCHITECTURES[name]
    torch.manual_seed(seed)
    config = cls.Config.model_validate({"width": 16, "dropout": 0.3, **options})
    model = cls(config, Problem(source_size=VOCABULARY, target_size=target_size)).eval()
    spread = 3.0 if name == "transformer" else 2.0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(spread)
        model.head.bias[EOS] += 2 * spread - 3
    return model
