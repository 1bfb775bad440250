"""A plan that trains in a second: two tasks, two seeds; what it does is told by its task's options."""

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Request

DATA = {
    "recall": {
        "symbols": 2,
        "length": 8,
        "distances": [1, 4],
        "test_per_value": 8,
        "validation_per_value": 8,
    },
    "copying": {
        "train_lengths": [4, 6],
        "test_lengths": [4, 6],
        "test_per_value": 8,
        "validation_per_value": 8,
    },
}
RATES = [1e-3, 1e-2]


def blocks(request: Request) -> list[Block]:
    """Return a training cell and its gradient for each seed; a FLOP count besides."""
    found = []
    for task, data in DATA.items():
        for seed in range(2):
            for architecture in request.architectures:
                shared = {
                    "architecture": architecture,
                    "task": task,
                    "data": data,
                    "recipe": {
                        "steps": 8,
                        "batch_size": 4,
                        "learning_rates": RATES,
                        "validate_every": 2,
                        "warmup_steps": 2,
                    },
                    "seed": seed,
                    "request": request,
                    "parameter_budget": 8000,
                }
                train = make_cell(measure="train", **shared)
                block = f"{task} {architecture} {seed}"
                found.append(Block(name=block, cells=(train,), timeout_s=120.0))
    for architecture in request.architectures:
        count = make_cell(measure="flops", architecture=architecture, options={"n": 4}, request=request)
        found.append(Block(name=f"flops {architecture}", cells=(count,)))
    return found


PLAN = Plan(name="tiny", description="Tiny", budget="equal steps", blocks=blocks)
NOTHING = Plan(
    name="nothing",
    description="Trains nothing",
    budget="none",
    blocks=lambda request: [block for block in blocks(request) if block.name.startswith("flops")],
)
