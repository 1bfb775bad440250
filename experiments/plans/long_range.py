"""Plan ``long_range``: how far back can each architecture remember, at equal parameters and steps?

Two tasks: ``recall`` (accuracy against distance, at a fixed total length, random distractors) and
``digits`` (real data, read pixel by pixel). Every seed is an independent replicate of the whole
procedure: try the learning rates, select on validation, test once. The gradient profile J(k) of the
selected model follows in the same block.
"""

from dataclasses import dataclass
from typing import Any

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one task in one profile."""

    data: dict
    recipe: dict
    seeds: int
    parameter_budget: int
    timeout_s: float = 3600.0


def powers(first: int, last: int) -> list[int]:
    """Return first, 2·first, 4·first ... up to last."""
    return [first << i for i in range(32) if first << i <= last]


RATES = [1e-3, 3e-3, 1e-2]

SETTINGS: dict[Profile, dict[str, Setting]] = {
    "smoke": {
        "recall": Setting(
            data={
                "symbols": 2,
                "length": 10,
                "distances": powers(1, 8),
                "test_per_value": 32,
                "validation_per_value": 16,
            },
            recipe={
                "steps": 30,
                "batch_size": 16,
                "learning_rates": RATES[:2],
                "validate_every": 10,
                "warmup_steps": 5,
            },
            seeds=1,
            parameter_budget=7_950,
        ),
        "digits": Setting(
            data={},
            recipe={
                "steps": 10,
                "batch_size": 16,
                "learning_rates": RATES[:1],
                "validate_every": 5,
                "warmup_steps": 5,
            },
            seeds=1,
            parameter_budget=6_000,
        ),
    },
    "quick": {
        "recall": Setting(
            data={"symbols": 2, "length": 66, "distances": powers(1, 64)},
            recipe={"steps": 1000, "batch_size": 32, "learning_rates": RATES, "validate_every": 100},
            seeds=3,
            parameter_budget=40_200,
        ),
        "digits": Setting(
            data={},
            recipe={
                "steps": 1000,
                "batch_size": 32,
                "learning_rates": RATES[1:2],
                "validate_every": 100,
            },
            seeds=3,
            parameter_budget=20_000,
        ),
    },
    "standard": {
        "recall": Setting(
            data={"symbols": 4, "length": 132, "distances": powers(1, 128)},
            recipe={"steps": 6000, "batch_size": 64, "learning_rates": RATES, "validate_every": 300},
            seeds=12,
            parameter_budget=200_000,
        ),
        "digits": Setting(
            data={},
            recipe={"steps": 3000, "batch_size": 64, "learning_rates": RATES, "validate_every": 200},
            seeds=12,
            parameter_budget=100_000,
        ),
    },
    "full": {
        "recall": Setting(
            data={"symbols": 8, "length": 1032, "distances": powers(1, 1024)},
            recipe={"steps": 30000, "batch_size": 64, "learning_rates": RATES, "validate_every": 1000},
            seeds=12,
            parameter_budget=1_000_000,
            timeout_s=6 * 3600.0,
        ),
        "digits": Setting(
            data={},
            recipe={"steps": 10000, "batch_size": 64, "learning_rates": RATES, "validate_every": 500},
            seeds=12,
            parameter_budget=400_000,
        ),
    },
}


def blocks(request: Request) -> list[Block]:
    """Return one block a (task, seed, architecture): train, then the gradient profile."""
    found = []
    for task, setting in SETTINGS[request.profile].items():
        for seed in request.replicates(setting.seeds):
            for architecture in request.architectures:
                found.append(_block(request, task, setting, seed, architecture))
    return found


def _block(request: Request, task: str, setting: Setting, seed: int, architecture: str) -> Block:
    shared: dict[str, Any] = {
        "architecture": architecture,
        "task": task,
        "data": setting.data,
        "recipe": setting.recipe,
        "seed": seed,
        "request": request,
        "parameter_budget": setting.parameter_budget,
    }
    train = make_cell(measure="train", **shared)
    gradient = make_cell(measure="gradient", options={"trained": train.key}, **shared)
    return Block(
        name=f"{task} {architecture} seed {seed}", cells=(train, gradient), timeout_s=setting.timeout_s
    )


PLAN = Plan(
    name="long_range",
    description="How far back can each architecture remember?",
    budget="equal parameters (within 2 %), equal steps, equal learning-rate trials",
    blocks=blocks,
    figures=("accuracy_by_distance", "gradient_profile", "training_curves", "digits"),
    tables=("spans", "digits"),
    claims=("L1", "L3", "L4", "L7", "L8"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "recall with 3 seeds and 3 learning rates, digits with one",
        "standard": "12 seeds, 3 learning rates, distances to 128: a GPU hour or a night of CPU",
        "full": "12 seeds, 3 learning rates, distances to 1024: GPU days",
    },
)
