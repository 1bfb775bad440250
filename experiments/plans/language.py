"""Plan ``language``: each half alone, a decoder that models text and an encoder that classifies it.

``characters`` measures bits a character of a language model, ``documents`` the accuracy of one answer
at the end of a long text. Both are generated unless a corpus is named: a folder or a file of labelled
lines (``.tsv``) gives ``documents`` alone, any other file ``characters`` alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one task in one profile."""

    data: dict[str, Any]
    recipe: dict[str, Any]
    seeds: int
    parameter_budget: int
    timeout_s: float = 4 * 3600.0


RATES = [1e-3, 3e-3]

SETTINGS: dict[Profile, dict[str, Setting]] = {
    "smoke": {
        "characters": Setting(
            data={"characters": 4000, "length": 32},
            recipe={
                "steps": 10,
                "batch_size": 8,
                "learning_rates": RATES[:1],
                "validate_every": 5,
                "warmup_steps": 5,
            },
            seeds=1,
            parameter_budget=8_400,
        ),
        "documents": Setting(
            data={"documents": 200},
            recipe={
                "steps": 10,
                "batch_size": 8,
                "learning_rates": RATES[:1],
                "validate_every": 5,
                "warmup_steps": 5,
            },
            seeds=1,
            parameter_budget=8_400,
        ),
    },
    "quick": {
        "characters": Setting(
            data={"length": 128},
            recipe={
                "steps": 1500,
                "batch_size": 16,
                "learning_rates": RATES,
                "validate_every": 250,
                "schedule": "cosine",
            },
            seeds=3,
            parameter_budget=100_000,
        ),
        "documents": Setting(
            data={},
            recipe={
                "steps": 600,
                "batch_size": 16,
                "learning_rates": RATES,
                "validate_every": 100,
                "schedule": "cosine",
            },
            seeds=3,
            parameter_budget=60_000,
        ),
    },
    "standard": {
        "characters": Setting(
            data={"length": 256, "characters": 1_000_000},
            recipe={
                "steps": 8000,
                "batch_size": 32,
                "learning_rates": [3e-4, *RATES],
                "validate_every": 500,
                "schedule": "cosine",
            },
            seeds=12,
            parameter_budget=800_000,
        ),
        "documents": Setting(
            data={"documents": 8000, "max_tokens": 800},
            recipe={
                "steps": 4000,
                "batch_size": 32,
                "learning_rates": [3e-4, *RATES],
                "validate_every": 200,
                "schedule": "cosine",
            },
            seeds=12,
            parameter_budget=400_000,
        ),
    },
    "full": {
        "characters": Setting(
            data={"length": 512, "characters": 2_000_000},
            recipe={
                "steps": 40_000,
                "batch_size": 64,
                "learning_rates": [3e-4, *RATES],
                "validate_every": 1000,
                "schedule": "cosine",
            },
            seeds=12,
            parameter_budget=10_000_000,
            timeout_s=48 * 3600.0,
        ),
        "documents": Setting(
            data={"documents": 20_000, "max_tokens": 2000},
            recipe={
                "steps": 20_000,
                "batch_size": 64,
                "learning_rates": [3e-4, *RATES],
                "validate_every": 500,
                "schedule": "cosine",
            },
            seeds=12,
            parameter_budget=4_000_000,
            timeout_s=48 * 3600.0,
        ),
    },
}

DROPOUT = 0.1


def task_of(corpus: str) -> str:
    """Return the task that a corpus is for: labelled lines or running text."""
    path = Path(corpus).expanduser()
    return "documents" if path.is_dir() or ".tsv" in path.suffixes else "characters"


def blocks(request: Request) -> list[Block]:
    """Return one block a (task, seed, architecture)."""
    settings = SETTINGS[request.profile]
    corpus: dict[str, Any] = {}
    if request.corpus is not None:
        chosen = task_of(request.corpus)
        settings, corpus = {chosen: settings[chosen]}, {"corpus": request.corpus}
    found = []
    for task, setting in settings.items():
        for seed in request.replicates(setting.seeds):
            for architecture in request.architectures:
                cell = make_cell(
                    measure="train",
                    architecture=architecture,
                    task=task,
                    model={"dropout": DROPOUT},
                    data={**setting.data, **corpus},
                    recipe=setting.recipe,
                    seed=seed,
                    request=request,
                    parameter_budget=setting.parameter_budget,
                )
                name = f"{task} {architecture} seed {seed}"
                found.append(Block(name=name, cells=(cell,), timeout_s=setting.timeout_s))
    return found


PLAN = Plan(
    name="language",
    description="One half alone: a decoder that models text, an encoder that classifies documents",
    budget="equal parameters (within 2 %), equal steps, equal learning-rate trials",
    blocks=blocks,
    corpora=True,
    figures=("training_curves",),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "3 seeds, 2 learning rates, windows of 128 characters, documents of up to 400 words",
        "standard": "12 seeds, 3 learning rates, windows of 256, documents of up to 800 words",
        "full": "12 seeds, 3 learning rates, windows of 512, documents of up to 2,000 words: GPU days",
    },
)
