"""Plan ``scan``: do commands longer than any trained one, or new in their parts, come out right?

The three splits of Lake and Baroni 2018 ("Generalization without Systematicity"), at equal parameters
and equal steps; the score is the share of commands whose actions are all right. The paper's networks
saw 100,000 commands one at a time; the best one of all experiments, an LSTM without attention, got
13.8 % on ``length`` and 0.08 % on ``addprim_jump``.
"""

from dataclasses import dataclass
from typing import Any

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request

SPLITS = ("simple", "length", "addprim_jump")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    recipe: dict[str, Any]
    seeds: int
    parameter_budget: int
    data: dict[str, Any]
    options: dict[str, Any]
    timeout_s: float = 4 * 3600.0


RATES = [3e-4, 1e-3, 3e-3]

SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        recipe={
            "steps": 10,
            "batch_size": 16,
            "learning_rates": RATES[1:2],
            "validate_every": 5,
            "warmup_steps": 5,
        },
        seeds=1,
        parameter_budget=13_000,
        data={"held_out": 60},
        options={"beam": 1, "samples": 2, "attention_maps": 1},
    ),
    "quick": Setting(
        recipe={
            "steps": 3000,
            "batch_size": 64,
            "learning_rates": RATES[1:],
            "validate_every": 500,
            "schedule": "cosine",
        },
        seeds=1,
        parameter_budget=200_000,
        data={"scored_sentences": 200},
        options={},
    ),
    "standard": Setting(
        recipe={
            "steps": 10_000,
            "batch_size": 64,
            "learning_rates": RATES,
            "validate_every": 500,
            "schedule": "cosine",
        },
        seeds=12,
        parameter_budget=400_000,
        data={},
        options={},
    ),
    "full": Setting(
        recipe={
            "steps": 100_000,
            "batch_size": 64,
            "learning_rates": RATES,
            "validate_every": 2000,
            "schedule": "cosine",
        },
        seeds=12,
        parameter_budget=1_000_000,
        data={},
        options={},
        timeout_s=24 * 3600.0,
    ),
}


def blocks(request: Request) -> list[Block]:
    """Return one block a (split, seed, architecture)."""
    setting = SETTINGS[request.profile]
    found = []
    for split in SPLITS:
        for seed in request.replicates(setting.seeds):
            for architecture in request.architectures:
                cell = make_cell(
                    measure="translate",
                    architecture=architecture,
                    task="scan",
                    model={"dropout": 0.1},
                    data={**setting.data, "split": split},
                    recipe=setting.recipe,
                    options=setting.options,
                    seed=seed,
                    request=request,
                    parameter_budget=setting.parameter_budget,
                )
                name = f"scan {split} {architecture} seed {seed}"
                found.append(Block(name=name, cells=(cell,), timeout_s=setting.timeout_s))
    return found


PLAN = Plan(
    name="scan",
    description="Do longer commands, and new uses of a known word, come out right?",
    budget="equal parameters (within 2 %), equal steps, equal learning-rate trials",
    blocks=blocks,
    figures=("bleu_by_length", "translation_training", "attention_maps", "exposure_gap"),
    tables=("scan", "translation", "samples"),
    claims=("L6", "D1", "D2", "D4"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "1 seed, 2 learning rates, 3,000 steps of 64 commands",
        "standard": "12 seeds, 3 learning rates, 10,000 steps",
        "full": "12 seeds, 3 learning rates, 100,000 steps: as many as the paper, of 64 commands each",
    },
)
