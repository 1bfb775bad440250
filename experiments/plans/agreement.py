"""Plan ``agreement``: who finds the subject of a verb across intervening nouns, and in noisy input?

Without a corpus the sentences are generated. ``--corpus`` names a folder or file of real ones; where
minimal pairs lie beside it (a folder ``agreement_syneval``), the same models are tested on them. The
corrupted input of claim L13 is tested with the same weights.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.cell import Block
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request
from experiments.tasks.find import task_for
from models.errors import BadInput

PAIRS = "agreement_syneval"
"""Folder of minimal pairs that is used where it lies beside the corpus."""

RATES = [5e-4, 1e-3, 3e-3]

SHARED: dict[str, Any] = {"dropout": 0.1}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    seeds: int
    parameter_budget: int
    recipe: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)  # of the generated sentences
    timeout_s: float = 3600.0


SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        parameter_budget=9_000,
        recipe={
            "steps": 30,
            "batch_size": 16,
            "learning_rates": RATES[1:],
            "validate_every": 10,
            "warmup_steps": 5,
        },
        data={
            "distances": [1, 4, 8, 16],
            "nouns": 2,
            "train_sentences": 400,
            "test_per_point": 16,
            "validation_per_point": 8,
        },
    ),
    "quick": Setting(
        seeds=3,
        parameter_budget=40_000,
        recipe={
            "steps": 1500,
            "batch_size": 32,
            "learning_rates": RATES[1:],
            "validate_every": 100,
        },
        data={"distances": [1, 4, 8, 16]},
    ),
    "standard": Setting(
        seeds=12,
        parameter_budget=100_000,
        recipe={"steps": 4000, "batch_size": 64, "learning_rates": RATES, "validate_every": 200},
        data={"train_sentences": 50_000, "test_per_point": 128},
    ),
    "full": Setting(
        seeds=12,
        parameter_budget=1_000_000,
        recipe={"steps": 20_000, "batch_size": 64, "learning_rates": RATES, "validate_every": 500},
        data={
            "distances": [1, 4, 8, 16, 32, 64, 128],
            "train_sentences": 200_000,
            "test_per_point": 256,
        },
        timeout_s=6 * 3600.0,
    ),
}


def blocks(request: Request) -> list[Block]:
    """Return one block a (seed, architecture): train, then corrupted input and minimal pairs.

    Raises:
        BadInput: the corpus is not there or wrong, or languages are asked for.
    """
    if request.pair is not None:
        raise BadInput(
            f"pair = '{request.pair}': plan 'agreement' reads one language; leave --pair out."
        )
    setting = SETTINGS[request.profile]
    data = _data(request, setting)
    return [
        _block(request, setting, data, seed, architecture)
        for seed in request.replicates(setting.seeds)
        for architecture in request.architectures
    ]


def _data(request: Request, setting: Setting) -> dict[str, Any]:
    """Return the task's options; a corpus is read once, here, and then known by its content."""
    if request.corpus is None:
        return setting.data
    beside = Path(request.corpus).expanduser().resolve().parent / PAIRS
    options = {"corpus": request.corpus, "pairs": str(beside) if beside.is_dir() else ""}
    return task_for("agreement", options).model_dump(mode="json")


def _block(
    request: Request, setting: Setting, data: dict[str, Any], seed: int, architecture: str
) -> Block:
    shared: dict[str, Any] = {
        "architecture": architecture,
        "task": "agreement",
        "model": SHARED,
        "data": data,
        "recipe": setting.recipe,
        "seed": seed,
        "request": request,
        "parameter_budget": setting.parameter_budget,
    }
    train = make_cell(measure="train", **shared)
    tests = ["robustness", *(["minimal_pairs"] if data.get("pairs") else [])]
    further = [make_cell(measure=name, options={"trained": train.key}, **shared) for name in tests]
    return Block(
        name=f"agreement {architecture} seed {seed}",
        cells=(train, *further),
        timeout_s=setting.timeout_s,
    )


PLAN = Plan(
    name="agreement",
    description="Subject-verb agreement over distance and attractors, and in corrupted input",
    budget="equal parameters (within 2 %), equal steps, equal learning-rate trials",
    blocks=blocks,
    corpora=True,
    figures=(
        *("agreement", "agreement_crossed", "agreement_corruption"),
        *("agreement_pairs", "agreement_training"),
    ),
    tables=("agreement",),
    claims=("L12", "L13"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "3 seeds, 2 learning rates, 1,500 steps",
        "standard": "12 seeds, 3 learning rates, distances to 64: a night of CPU",
        "full": "12 seeds, 3 learning rates, distances to 128, a million parameters: GPU days",
    },
)
