"""A plan of toy cells; the file named by the variable holds the actions, one a line."""

import os
from pathlib import Path

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Request

ACTIONS = "SEQYARD_TOY_ACTIONS"


def blocks(request: Request) -> list[Block]:
    actions = Path(os.environ[ACTIONS]).read_text().splitlines()
    cells = [
        make_cell(
            measure="tests.experiments.toys:Act",
            architecture="tests.models.toy:Toy",
            model={"width": 8},
            options={"action": action, "seconds": 60.0 if action == "sleep" else 0.0},
            seed=seed,
            request=request,
        )
        for seed, action in enumerate(actions)
    ]
    return [Block(name=f"toy {cell.seed}", cells=(cell,)) for cell in cells]


PLAN = Plan(
    name="toys", description="Toys", budget="none", blocks=blocks, profiles={"smoke": "as listed"}
)
NO_PLAN = "no plan"
