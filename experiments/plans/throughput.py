"""Plan ``throughput``: how fast does each architecture train as sequences grow?

Whole models at equal parameters, with the same number of tokens in every batch, so that only the
length changes; all lengths of all architectures are interleaved in one block. A second block
compares the recurrent layers in the same kernel class, to tell kernel from architecture.
"""

from dataclasses import dataclass

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request
from experiments.plans.long_range import powers
from models.registry import architecture as find_architecture


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    lengths: list[int]
    tokens: int  # in every batch
    parameter_budget: int
    seconds: float  # least time for each cell
    rounds: int
    kernel_lengths: list[int]  # for the comparison of kernels
    kernel_width: int


SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        lengths=[8, 16, 32],
        tokens=64,
        parameter_budget=8_000,
        seconds=0.02,
        rounds=3,
        kernel_lengths=[8, 16],
        kernel_width=16,
    ),
    "quick": Setting(
        lengths=powers(32, 1024),
        tokens=2048,
        parameter_budget=200_000,
        seconds=0.8,
        rounds=7,
        kernel_lengths=powers(32, 256),
        kernel_width=128,
    ),
    "standard": Setting(
        lengths=powers(32, 8192),
        tokens=16384,
        parameter_budget=2_000_000,
        seconds=2.0,
        rounds=12,
        kernel_lengths=powers(32, 512),
        kernel_width=256,
    ),
    "full": Setting(
        lengths=powers(32, 16384),
        tokens=65536,
        parameter_budget=10_000_000,
        seconds=5.0,
        rounds=20,
        kernel_lengths=powers(32, 1024),
        kernel_width=512,
    ),
}


def blocks(request: Request) -> list[Block]:
    """Return the block of whole models and the block of kernels."""
    setting = SETTINGS[request.profile]
    timing = {"comparison": "fixed_tokens", "seconds": setting.seconds, "rounds": setting.rounds}
    models = [
        make_cell(
            measure="step_time",
            architecture=architecture,
            options={"scope": "model", "n": n, "batch": max(1, setting.tokens // n), **timing},
            request=request,
            parameter_budget=setting.parameter_budget,
        )
        for n in setting.lengths
        for architecture in request.architectures
    ]
    found = [Block(name="training step, fixed tokens a batch", cells=tuple(models), exclusive=True)]
    kernels = [
        make_cell(
            measure="step_time",
            architecture=architecture,
            model={"width": setting.kernel_width, "kernel": kernel},
            options={
                "scope": "layer",
                "n": n,
                "part": "recurrent",
                "batch": max(1, setting.tokens // n),
                **timing,
            },
            request=request,
        )
        for n in setting.kernel_lengths
        for architecture in request.architectures
        if "kernel" in find_architecture(architecture).Config.model_fields
        and "recurrent" in list(find_architecture(architecture).layers())[:1]
        for kernel in ("loop", "fused")
    ]
    if kernels:
        found.append(Block(name="recurrent layers by kernel", cells=tuple(kernels), exclusive=True))
    return found


PLAN = Plan(
    name="throughput",
    description="How fast does each architecture train as sequences grow?",
    budget="equal parameters (within 2 %), equal tokens a batch",
    blocks=blocks,
    figures=("throughput", "kernels"),
    tables=("throughput",),
    claims=("S2", "S3"),
    profiles={
        "smoke": "lengths to 32: that everything runs",
        "quick": "lengths 32 to 1,024 at 2,048 tokens a batch",
        "standard": "lengths 32 to 8,192 at 16,384 tokens a batch",
        "full": "lengths 32 to 16,384 at 65,536 tokens a batch",
    },
)
