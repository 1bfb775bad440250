"""A plan whose cells only take time: enough of them that two workers can be disturbed meanwhile."""

from experiments.cell import Block, Cell
from experiments.planning import make_cell
from experiments.plans.base import Plan, Request

BLOCKS = 30
CELLS = 2  # in each block
SECONDS = 0.7


def blocks(request: Request) -> list[Block]:
    """Return ordinary blocks and, last, a timing comparison, which runs alone."""
    found = [
        Block(name=f"cells {b}", cells=tuple(cell("Act", CELLS * b + i, request) for i in range(CELLS)))
        for b in range(BLOCKS)
    ]
    alone = tuple(cell("Together", CELLS * BLOCKS + i, request) for i in range(CELLS))
    return [*found, Block(name="alone", cells=alone, exclusive=True)]


def cell(measure: str, seed: int, request: Request) -> Cell:
    """Return a cell that sleeps."""
    return make_cell(
        measure=f"tests.experiments.toys:{measure}",
        architecture="tests.models.toy:Toy",
        model={"width": 8},
        options={"action": "sleep", "seconds": SECONDS},
        seed=seed,
        request=request,
    )


PLAN = Plan(
    name="cells", description="Cells", budget="none", blocks=blocks, profiles={"smoke": "a minute"}
)
