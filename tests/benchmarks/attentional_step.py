"""Our attentional LSTM's training step against decoders that loop over the target.

Same sizes, weights, batches, loss and optimiser. Ours runs one fused recurrence over the whole target
and attends for all positions at once; the loops call the cell and the attention at every position,
without and with input feeding, as recurrent decoders are usually written.
Run: python tests/benchmarks/attentional_step.py [--json]
"""

import time
from collections.abc import Callable

import torch
from interleaved import flags, race, tell
from torch import Tensor, nn

from models import speed
from models.attentional import AttentionalLSTM
from models.base import Memory
from models.batch import Batch
from models.problem import Problem

WIDTH, BATCH, LENGTH, VOCABULARY = 256, 64, 24, 1000


class Looping(AttentionalLSTM):
    """The same decoder, one position after the other."""

    def decode(self, target_BTD: Tensor, memory: Memory) -> Tensor:
        state, outputs = self.start(memory), []
        for x_BD in target_BTD.unbind(dim=1):
            output_BD, state = self.step(x_BD, state, memory)
            outputs.append(output_BD)
        return torch.stack(outputs, dim=1)


def stepper(cls: type[AttentionalLSTM], feeding: bool) -> Callable[[], float]:
    torch.manual_seed(0)
    config = AttentionalLSTM.Config(width=WIDTH, input_feeding=feeding)
    model = cls(config, Problem(source_size=VOCABULARY, target_size=VOCABULARY)).train()
    optimizer = model.configure_optimizers()["optimizer"]
    tokens = torch.randint(3, VOCABULARY, (2, BATCH, LENGTH))
    batch = Batch(tokens[0], None, tokens[1], None)

    def step() -> float:
        began = time.perf_counter()
        optimizer.zero_grad()
        model.loss(model(batch), batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return time.perf_counter() - began

    return step


def main() -> None:
    found = flags(__doc__ or "", rounds=15)
    speed.apply(speed.choose("cpu"))
    competitors = {
        "ours": stepper(AttentionalLSTM, feeding=False),
        "a loop over the target": stepper(Looping, feeding=False),
        "a loop with input feeding": stepper(AttentionalLSTM, feeding=True),
    }
    tell(race(competitors, found.rounds), lambda name: "ours", found.json)


if __name__ == "__main__":
    main()
