"""Our Transformer's training step against ``torch.nn.Transformer``'s, optimiser included.

Same sizes, batches, embeddings, positions, loss and optimiser; what differs is said by each name. The
competitors take turns in one process, and the median of the ratios within the rounds is printed.
Run: python tests/benchmarks/transformer_step.py [--json]
"""

import time
import warnings
from collections.abc import Callable

import torch
from interleaved import flags, race, tell
from torch import Tensor, nn

from models import speed
from models.base import Memory
from models.batch import Batch
from models.positions import SinusoidalPositions
from models.problem import Problem
from models.recipe import Recipe
from models.transformer import Transformer

WIDTH, HEADS, LAYERS, INNER, VOCABULARY = 256, 4, 3, 1024, 1000
BATCH, LENGTH, DROPOUT = 64, 24, 0.1


class Peer(Transformer):
    """``torch.nn.Transformer`` between our embeddings and our loss.

    ``same_places``: drop where the paper does, which is also where ours does (section 5.4); as it
    ships, torch also drops attention weights and inside the feed-forward network.
    """

    def build(self, config) -> None:
        self.positions = SinusoidalPositions(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.core = nn.Transformer(
            config.width,
            config.heads,
            config.layers,
            config.layers,
            config.inner,
            config.dropout,
            norm_first=config.norm == "pre",
            batch_first=True,
        )

    def same_places(self) -> None:
        for module in self.core.modules():
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0
            if isinstance(module, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
                module.dropout.p = 0.0

    def encode(self, source_BSD: Tensor, mask_BS: Tensor | None) -> Memory:
        hidden = None if mask_BS is None else ~mask_BS
        x_BSD = self.dropout(self.positions(source_BSD))
        return Memory(self.core.encoder(x_BSD, src_key_padding_mask=hidden), mask_BS)

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        hidden = None if memory.mask is None else ~memory.mask
        x_BTD = self.dropout(self.positions(target_BTD))
        causal_TT = nn.Transformer.generate_square_subsequent_mask(x_BTD.shape[1])
        return self.core.decoder(
            x_BTD,
            memory.states,
            tgt_mask=causal_TT,
            memory_key_padding_mask=hidden,
            tgt_is_causal=True,
        )


def stepper(cls: type[Transformer], settings: speed.Speed, dropout: float, same: bool) -> Callable:
    """Return a function that makes one training step under these settings."""
    torch.manual_seed(0)
    config = Transformer.Config(
        width=WIDTH, heads=HEADS, layers=LAYERS, feedforward=INNER, dropout=dropout
    )
    problem = Problem(source_size=VOCABULARY, target_size=VOCABULARY)
    model = cls(config, problem, Recipe(learning_rates=(1e-4,))).train()
    if isinstance(model, Peer) and same:
        model.same_places()
    wanted = Transformer.core_parameters(config, problem)
    assert model.counted_core_parameters() == wanted, "the competitors differ in size"
    optimizer = model.configure_optimizers()["optimizer"]
    tokens = torch.randint(3, VOCABULARY, (2, BATCH, LENGTH))
    batch = Batch(tokens[0], None, tokens[1], None)

    def step() -> float:
        speed.apply(settings)
        began = time.perf_counter()
        optimizer.zero_grad()
        model.loss(model(batch), batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return time.perf_counter() - began

    return step


def main() -> None:
    found = flags(__doc__ or "", rounds=15)
    warnings.filterwarnings("ignore", message="enable_nested_tensor")
    fast = speed.choose("cpu")
    competitors = {
        "ours": stepper(Transformer, fast, DROPOUT, True),
        "ours, no dropout": stepper(Transformer, fast, 0.0, True),
        "torch, same precision, dropout in the same places": stepper(Peer, fast, DROPOUT, True),
        "torch, same precision, no dropout": stepper(Peer, fast, 0.0, True),
        "torch, same precision, its own dropout": stepper(Peer, fast, DROPOUT, False),
        "torch as it ships": stepper(Peer, speed.PLAIN, DROPOUT, False),
        "ours under the plain settings": stepper(Transformer, speed.PLAIN, DROPOUT, True),
    }
    tell(
        race(competitors, found.rounds),
        lambda name: "ours, no dropout" if "no dropout" in name else "ours",
        found.json,
    )


if __name__ == "__main__":
    main()
