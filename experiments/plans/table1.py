"""Plan ``table1``: all three questions in one report, Table 1 of the Transformer paper, measured."""

from experiments.cell import Block
from experiments.plans import complexity, long_range, throughput
from experiments.plans.base import PROFILES, Plan, Request

PARTS = (complexity.PLAN, throughput.PLAN, long_range.PLAN)


def blocks(request: Request) -> list[Block]:
    """Return the blocks of the three plans."""
    return [block for part in PARTS for block in part.blocks(request)]


PLAN = Plan(
    name="table1",
    description="Long-range accuracy, training speed and complexity in one report",
    budget="; ".join(f"{part.name}: {part.budget}" for part in PARTS),
    blocks=blocks,
    figures=tuple(name for part in PARTS for name in part.figures),
    tables=tuple(name for part in PARTS for name in part.tables),
    claims=tuple(name for part in PARTS for name in part.claims),
    profiles={
        profile: "; ".join(f"{part.name}: {part.profiles[profile]}" for part in PARTS)
        for profile in PROFILES
    },
)
