"""Plan ``formal_languages``: which rules, learned on short strings, hold on longer ones?

Twelve tasks of Delétang et al. 2023 ("Neural Networks and the Chomsky Hierarchy"), regular to
context-sensitive, at equal parameters and equal steps: trained on lengths 1 to 40, tested on 41 to 500.
The score is the mean over the tested lengths of the accuracy at each. The paper trains a million steps
of 128 strings, and reports the best of 10 seeds with 3 learning rates each (for its Transformer with 5
kinds of positions, too) on the tested lengths; here trained lengths select.
"""

from dataclasses import dataclass, field
from typing import Any

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request
from experiments.tasks.find import find_task
from experiments.tasks.string_task import StringTask
from models.registry import architecture as find_architecture

LANGUAGES = (
    *("parity_check", "even_pairs", "cycle_navigation", "modular_arithmetic"),
    *("reverse_string", "stack_manipulation", "modular_brackets"),
    *("duplicate_string", "missing_duplicate", "odds_first", "binary_addition", "bucket_sort"),
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    recipe: dict[str, Any]
    seeds: int
    parameter_budget: int
    data: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = 4 * 3600.0


RATES = [3e-4, 1e-3, 3e-3]

SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        recipe={
            "steps": 4,
            "batch_size": 8,
            "learning_rates": RATES[1:2],
            "validate_every": 2,
            "warmup_steps": 2,
        },
        seeds=1,
        parameter_budget=13_000,
        data={
            "train_lengths": [1, 20],
            "validation_lengths": [20],
            "test_lengths": [21, 30],
            "test_per_value": 8,
            "validation_per_value": 8,
        },
    ),
    "quick": Setting(
        recipe={
            "steps": 1500,
            "batch_size": 32,
            "learning_rates": RATES[2:],
            "validate_every": 250,
        },
        seeds=2,
        parameter_budget=20_000,
        data={
            "test_lengths": [41, 133, 225, 316, 408, 500],
            "test_per_value": 32,
            "validation_per_value": 32,
        },
    ),
    "standard": Setting(
        recipe={
            "steps": 10_000,
            "batch_size": 64,
            "learning_rates": RATES,
            "validate_every": 500,
        },
        seeds=12,
        parameter_budget=100_000,
    ),
    "full": Setting(
        recipe={
            "steps": 1_000_000,
            "batch_size": 128,
            "learning_rates": [1e-4, 3e-4, 5e-4],
            "validate_every": 5000,
        },
        seeds=12,
        parameter_budget=300_000,
        data={"test_lengths": list(range(41, 501))},
        timeout_s=7 * 24 * 3600.0,
    ),
}


def readout(task: str, architecture: str) -> dict[str, str]:
    """Return how a task is answered: strings on blanks, but by a decoder where that is what attends."""
    from models.recurrent_attention import AttentionalSeq2Seq  # it brings torch with it

    strings = issubclass(find_task(task), StringTask)
    attends = issubclass(find_architecture(architecture), AttentionalSeq2Seq)
    return {"readout": "decoder"} if strings and attends else {}


def blocks(request: Request) -> list[Block]:
    """Return one block a (task, seed, architecture)."""
    setting = SETTINGS[request.profile]
    found = []
    for task in LANGUAGES:
        for seed in request.replicates(setting.seeds):
            for architecture in request.architectures:
                cell = make_cell(
                    measure="train",
                    architecture=architecture,
                    task=task,
                    data={**setting.data, **readout(task, architecture)},
                    recipe=setting.recipe,
                    seed=seed,
                    request=request,
                    parameter_budget=setting.parameter_budget,
                )
                name = f"{task} {architecture} seed {seed}"
                found.append(Block(name=name, cells=(cell,), timeout_s=setting.timeout_s))
    return found


PLAN = Plan(
    name="formal_languages",
    description="Which rules, learned on short strings, hold on longer ones?",
    budget="equal parameters (within 2 %), equal steps, equal learning-rate trials",
    blocks=blocks,
    figures=("formal_languages",),
    tables=("formal_languages",),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "2 seeds, 1 learning rate, 1,500 steps, 6 lengths to 500: half an hour or more",
        "standard": "12 seeds, 3 learning rates, 10,000 steps, 28 lengths to 500: GPU hours, CPU days",
        "full": "12 seeds, the paper’s learning rates and million steps, every length: GPU weeks",
    },
)
