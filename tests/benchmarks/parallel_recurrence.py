"""Training steps of minGRU and minLSTM, by a parallel scan, against GRU and LSTM.

One layer reads sequences of n tokens and answers once; batch 64 and width 64, forward and backward
pass, clipping and optimiser step. The competitors take turns in one process. GRU and LSTM run both as
torch's operator for whole sequences (cuDNN on a GPU) and as a Python loop over the cell. Published for
a T4 with batch 64 at n = 512 and 4096 (Feng et al. 2024, section 4.1): minGRU 175 and 1324 times as
fast as GRU, minLSTM 235 and 1361 times as fast as LSTM. Runs on a GPU where there is one.
Run: python tests/benchmarks/parallel_recurrence.py [--json]
"""

import time
from collections.abc import Callable

import torch
from interleaved import flags, race, tell
from torch import nn

from models import speed
from models.batch import Batch
from models.problem import Problem
from models.registry import architecture, config_for

WIDTH, BATCH, VOCABULARY = 64, 64, 16
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
COMPETITORS = {
    "mingru": ("mingru", {}),
    "gru": ("gru", {}),
    "gru as a loop": ("gru", {"kernel": "loop"}),
    "minlstm": ("minlstm", {}),
    "lstm": ("lstm", {}),
    "lstm as a loop": ("lstm", {"kernel": "loop"}),
}


def stepper(name: str, options: dict[str, str], n: int) -> Callable[[], float]:
    torch.manual_seed(0)
    cls = architecture(name)
    problem = Problem(source_size=VOCABULARY, target_size=VOCABULARY, readout="last")
    model = cls(config_for(cls, {"width": WIDTH, **options}), problem).to(DEVICE).train()
    optimizer = model.configure_optimizers()["optimizer"]
    source = torch.randint(3, VOCABULARY, (BATCH, n))
    batch = Batch(source, None, source[:, 0], None).to(DEVICE)

    def step() -> float:
        _wait()
        began = time.perf_counter()
        optimizer.zero_grad()
        model.loss(model(batch), batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        _wait()
        return time.perf_counter() - began

    return step


def _wait() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def held_against(name: str) -> str:
    """Return the scan that a competitor is held against: "4096 lstm as a loop" -> "4096 minlstm"."""
    n, kind = name.split(" ")[:2]
    return f"{n} min{kind.removeprefix('min')}"


def main() -> None:
    found = flags(__doc__ or "", rounds=7)
    speed.apply(speed.choose(DEVICE))
    times: dict[str, list[float]] = {}
    for n in (512, 4096):
        steps = {f"{n} {name}": stepper(*what, n) for name, what in COMPETITORS.items()}
        times |= race(steps, found.rounds)
    tell(times, held_against, found.json)


if __name__ == "__main__":
    main()
