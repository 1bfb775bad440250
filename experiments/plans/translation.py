"""Plan ``translation``: who translates best, for what training cost, and how long may a sentence be?

Without a corpus it translates SCAN's commands to actions, with a budget in steps. With one, every
architecture gets the same CPU seconds (on a GPU: seconds), at equal parameters.
"""

from dataclasses import dataclass, field
from typing import Any

from experiments.cell import Block
from experiments.environment import training_precision
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request
from experiments.tasks.find import task_for
from models.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    seeds: int
    parameter_budget: int
    recipe: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = 4 * 3600.0


MODELS: dict[str, dict[str, Any]] = {
    "rnn": {"bidirectional": True},
    "lstm": {"bidirectional": True},
    "attentional_lstm": {"bidirectional": True},
    "transformer": {"heads": 4, "layers": 3},
}
"""What differs from an architecture's defaults; width, or the inner width, meets the budget."""

DROPOUT = 0.1

JOINED = [2, 4]
"""Neighbouring sentences are joined in test sets of their own, as long sentences are rare."""

PUBLISHED: dict[str, Any] = {
    "learning_rates": [3e-3],
    "warmup_steps": 400,
    "schedule": "cosine",
    "label_smoothing": 0.1,
    "batch_size": 1200,
}
"""Of Vaswani et al. 2017, section 5: warm-up and label smoothing; the schedule ends with the budget."""

SCAN: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        parameter_budget=44_000,
        recipe={"steps": 20, "batch_size": 16, "validate_every": 10, "warmup_steps": 5},
        data={"scored_sentences": 40, "held_out": 60},
        options={"beam": 2},
    ),
    "quick": Setting(
        seeds=3,
        parameter_budget=100_000,
        recipe={
            "steps": 2000,
            "batch_size": 64,
            "validate_every": 250,
            "learning_rates": [1e-3, 3e-3],
        },
    ),
    "standard": Setting(
        seeds=12,
        parameter_budget=400_000,
        recipe={
            "steps": 10_000,
            "batch_size": 64,
            "validate_every": 500,
            "learning_rates": [3e-4, 1e-3, 3e-3],
        },
    ),
    "full": Setting(
        seeds=12,
        parameter_budget=1_000_000,
        recipe={
            "steps": 50_000,
            "batch_size": 64,
            "validate_every": 1000,
            "learning_rates": [3e-4, 1e-3, 3e-3],
        },
    ),
}

CORPUS: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        parameter_budget=200_000,
        recipe={**PUBLISHED, "steps": 20, "validate_every": 10, "warmup_steps": 5},
        data={"vocabulary": 1000, "scored_sentences": 50, "joined": JOINED[:1]},
        options={"beam": 2},
    ),
    "quick": Setting(
        seeds=1,
        parameter_budget=1_400_000,
        recipe={**PUBLISHED, "steps": 1_000_000, "seconds": 1500.0, "validate_every": 1000},
        data={"joined": JOINED},
    ),
    "standard": Setting(
        seeds=12,
        parameter_budget=5_000_000,
        recipe={**PUBLISHED, "steps": 1_000_000, "seconds": 3 * 3600.0, "validate_every": 2000},
        data={"joined": JOINED},
        timeout_s=24 * 3600.0,
    ),
    "full": Setting(
        seeds=12,
        parameter_budget=44_000_000,
        recipe={
            **PUBLISHED,
            "learning_rates": [7e-4],
            "warmup_steps": 4000,
            "batch_size": 25_000,
            "steps": 1_000_000,
            "seconds": 12 * 3600.0,
            "validate_every": 5000,
        },
        data={"vocabulary": 37_000, "joined": JOINED},
        timeout_s=48 * 3600.0,
    ),
}


def blocks(request: Request) -> list[Block]:
    """Return one block a (seed, architecture)."""
    embedded = request.corpus is None
    setting = (SCAN if embedded else CORPUS)[request.profile]
    data = dict(setting.data)
    if not embedded:
        named = {"corpus": request.corpus, "pair": request.pair, "columns": request.columns}
        data |= {key: value for key, value in named.items() if value is not None}
        data = task_for("translation", data).model_dump(mode="json")  # read once for all cells
    elif request.pair or request.columns:
        raise BadInput("pair: without --corpus the plan translates SCAN, which has one pair only.")
    found = []
    for seed in request.replicates(setting.seeds):
        for architecture in request.architectures:
            cell = make_cell(
                measure="translate",
                architecture=architecture,
                task="scan" if embedded else "translation",
                model={"dropout": DROPOUT, **MODELS.get(architecture, {})},
                data=data,
                recipe=setting.recipe,
                options=setting.options,
                seed=seed,
                request=request,
                precision="float32" if embedded else training_precision(request.device),
                parameter_budget=setting.parameter_budget,
            )
            name = f"{cell.task} {architecture} seed {seed}"
            found.append(Block(name=name, cells=(cell,), timeout_s=setting.timeout_s))
    return found


PLAN = Plan(
    name="translation",
    description="Who translates best, for what training cost, and how long may a sentence be?",
    budget="equal parameters (within 2 %); on a corpus equal CPU seconds (GPU: seconds), on SCAN equal "
    "steps and learning-rate trials",
    blocks=blocks,
    corpora=True,
    figures=(
        *("bleu_by_length", "bleu_by_cost", "translation_training"),
        *("attention_maps", "exposure_gap"),
    ),
    tables=("translation", "significance", "scan", "samples"),
    claims=("L6", "S4", "D1", "D2", "D4"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "SCAN with 3 seeds; a corpus: 1 seed, 25 CPU minutes for each architecture",
        "standard": "12 seeds; a corpus: 3 hours each",
        "full": "12 seeds, models of the paper's size: GPU weeks",
    },
)
