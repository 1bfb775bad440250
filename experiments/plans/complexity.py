"""Plan ``complexity``: how do FLOPs, time, memory, depth and path of one layer scale with length?

One layer, fixed batch, n and d varied apart: Table 1 of Vaswani et al. 2017 is a table of layers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from experiments.cell import Block, Cell
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request
from experiments.plans.long_range import powers
from models.registry import architecture as find_architecture


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    width: int  # d while n varies
    lengths: list[int]  # n, for time and memory
    widths: list[int]  # d, while n is ``length``
    length: int
    batch: int
    counted_lengths: list[int]  # n, for FLOPs and depth, which cost nothing to count
    distances: list[int]  # k, for the path
    seconds: float
    rounds: int


SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        width=16,
        lengths=[16, 32, 64],
        widths=[16, 32, 64],
        length=32,
        batch=2,
        counted_lengths=[8, 16, 32, 64],
        distances=[1, 2, 4],
        seconds=0.02,
        rounds=3,
    ),
    "quick": Setting(
        width=64,
        lengths=powers(64, 4096),
        widths=powers(32, 512),
        length=256,
        batch=2,
        counted_lengths=powers(16, 4096),
        distances=powers(1, 64),
        seconds=0.5,
        rounds=5,
    ),
    "standard": Setting(
        width=128,
        lengths=powers(64, 8192),
        widths=powers(32, 1024),
        length=512,
        batch=4,
        counted_lengths=powers(16, 16384),
        distances=powers(1, 256),
        seconds=2.0,
        rounds=10,
    ),
    "full": Setting(
        width=256,
        lengths=powers(64, 16384),
        widths=powers(32, 2048),
        length=1024,
        batch=8,
        counted_lengths=powers(16, 65536),
        distances=powers(1, 1024),
        seconds=5.0,
        rounds=20,
    ),
}


def blocks(request: Request) -> list[Block]:
    """Return counting blocks for each architecture, then one timing block."""
    setting = SETTINGS[request.profile]
    found = []
    for architecture in request.architectures:
        cells = list(counted_cells(request, architecture))
        found.append(Block(name=f"counts {architecture}", cells=tuple(cells)))
    for architecture in request.architectures:
        sizes = [(n, setting.width) for n in setting.lengths]
        memory = _cells(request, architecture, "memory", sizes, {"batch": setting.batch})
        found.append(Block(name=f"memory {architecture}", cells=tuple(memory)))
    timing = {
        "comparison": "fixed_batch",
        "batch": setting.batch,
        "seconds": setting.seconds,
        "rounds": setting.rounds,
    }
    # one block for both sweeps: they share a cell, and times compare within a block only
    by_n = [(n, setting.width) for n in setting.lengths]
    by_d = [(setting.length, d) for d in setting.widths]
    sizes = list(dict.fromkeys(by_n + by_d))
    cells = [
        cell
        for architecture in request.architectures
        for cell in _cells(request, architecture, "step_time", sizes, timing)
    ]
    found.append(Block(name="layer time", cells=tuple(cells), exclusive=True))
    return found


def counted_cells(request: Request, architecture: str) -> Iterator[Cell]:
    """Yield the cells of one architecture that are counted, which costs next to nothing."""
    setting = SETTINGS[request.profile]
    by_n = [(n, setting.width) for n in setting.counted_lengths]
    by_d = [(setting.length, d) for d in setting.widths if d != setting.width]
    yield from _cells(request, architecture, "flops", by_n + by_d, {"batch": 1})
    yield from _cells(request, architecture, "depth", by_n, {"batch": 1})
    by_k = [(k, setting.width) for k in setting.distances]
    yield from _cells(request, architecture, "path", by_k, {})


def _cells(
    request: Request,
    architecture: str,
    measure: str,
    sizes: list[tuple[int, int]],
    options: dict[str, Any],
) -> Iterator[Cell]:
    """Yield a cell for every part, size and, where it matters, attention kernel."""
    cls = find_architecture(architecture)
    has_kernels = "attention" in cls.Config.model_fields and measure in ("memory", "step_time")
    layers, fixed = cls.layers(), cls.Config.fixed_length
    if len(layers) > 1:  # a bare recurrence is measured where it is the whole layer
        layers = {part: layer for part, layer in layers.items() if part != "recurrent"}
    for part, layer in layers.items():
        attends = has_kernels and layer.explicit_memory_exponent is not None
        for kernel in ("explicit", "fused") if attends else ("",):
            for n, d in sizes:
                positions = n + 1 if measure == "path" else n
                yield make_cell(
                    measure=measure,
                    architecture=architecture,
                    model={"width": d}
                    | ({"attention": kernel} if kernel else {})
                    | ({fixed: positions} if fixed else {}),
                    options={"scope": "layer", "part": part, "n": n, **options},
                    request=request,
                )


PLAN = Plan(
    name="complexity",
    description="How do time, memory and FLOPs of one layer scale with length?",
    budget="equal width d, equal batch",
    blocks=blocks,
    figures=("layer_time", "memory", "flops"),
    tables=("table1", "exponents", "crossovers"),
    claims=("S1", "C1", "C2", "C4", "C5", "C6"),
    profiles={
        "smoke": "n to 64: that everything runs",
        "quick": "n to 4,096 at d = 64, d to 512 at n = 256",
        "standard": "n to 8,192 at d = 128, d to 1,024 at n = 512",
        "full": "n to 16,384 at d = 256, d to 2,048 at n = 1,024",
    },
)
