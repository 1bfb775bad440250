"""The sizes of plan ``mechanisms``, profile by profile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.plans.base import Profile

LADDER = (*(float(f"{first}e{power}") for power in range(-7, 0) for first in (1, 3)), 1.0)
"""Learning rates about a factor of √10 apart, from 1e-7.

A range is known only where neither end trains. The lowest rate that does depends on the steps (what ten
times as many reach with a tenth of it), so that longer training needs lower ones.
"""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    seeds: int
    operations: Mapping[str, Any]
    reversal: Mapping[str, Any]
    feedforward: Mapping[str, Any]  # recipes of what is named so
    parameter_budget: int  # of what has a feed-forward network and what has none
    causal: Mapping[str, Any]
    causal_budget: int
    residual: Mapping[str, Any]
    depths: Sequence[int]
    width: int  # of what is the same but for parts without many weights
    ladder: Mapping[str, Any]
    ladder_layers: int
    warmup_steps: int
    traps: Mapping[str, Any]
    copying_distance: int  # T
    adding_length: int
    lstm_budget: int
    timeout_s: float = 3600.0


_REVERSAL = {"train_lengths": [8, 8], "test_lengths": [8]}
FEW: dict[str, Any] = {"test_per_value": 32, "validation_per_value": 16}
_TRIED = {"steps": 8, "batch_size": 8, "learning_rates": [3e-3], "validate_every": 4}

SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        operations={"test_examples": 64, "validation_examples": 32},
        reversal={**_REVERSAL, **FEW},
        feedforward=_TRIED,
        parameter_budget=4_944,
        causal=_TRIED,
        causal_budget=5_000,
        residual={**_TRIED, "steps": 9},
        depths=(2, 4),
        width=16,
        ladder={**_TRIED, "learning_rates": [1e-3, 3e-3, 1e-2, 3e-2]},
        ladder_layers=2,
        warmup_steps=4,
        traps=_TRIED,
        copying_distance=10,
        adding_length=12,
        lstm_budget=3_000,
    ),
    "quick": Setting(
        seeds=3,
        operations={"test_examples": 1000, "validation_examples": 300},
        reversal=_REVERSAL,
        feedforward={
            "steps": 600,
            "batch_size": 32,
            "learning_rates": [3e-3],
            "validate_every": 100,
        },
        parameter_budget=19_104,
        causal={"steps": 600, "batch_size": 32, "learning_rates": [3e-3], "validate_every": 100},
        causal_budget=20_000,
        residual={"steps": 300, "batch_size": 32, "learning_rates": [1e-3], "validate_every": 50},
        depths=(2, 8),
        width=32,
        ladder={
            "steps": 200,
            "batch_size": 32,
            "learning_rates": LADDER[4::2],
            "validate_every": 50,
        },
        ladder_layers=4,
        warmup_steps=50,
        traps={"steps": 600, "batch_size": 32, "learning_rates": [1e-2], "validate_every": 100},
        copying_distance=20,
        adding_length=40,
        lstm_budget=10_000,
    ),
    "standard": Setting(
        seeds=12,
        operations={},
        reversal={"train_lengths": [16, 16], "test_lengths": [16]},
        feedforward={
            "steps": 10_000,
            "batch_size": 64,
            "learning_rates": [1e-3, 3e-3],
            "validate_every": 500,
        },
        parameter_budget=75_072,
        causal={
            "steps": 3000,
            "batch_size": 64,
            "learning_rates": [1e-3, 3e-3],
            "validate_every": 150,
        },
        causal_budget=75_000,
        residual={
            "steps": 4000,
            "batch_size": 64,
            "learning_rates": [3e-4, 1e-3],
            "validate_every": 200,
        },
        depths=(2, 4, 8, 16),
        width=48,
        ladder={
            "steps": 2000,
            "batch_size": 64,
            "learning_rates": LADDER[2:],
            "validate_every": 100,
        },
        ladder_layers=6,
        warmup_steps=200,
        traps={
            "steps": 10_000,
            "batch_size": 64,
            "learning_rates": [1e-3, 3e-3, 1e-2],
            "validate_every": 500,
        },
        copying_distance=100,
        adding_length=200,
        lstm_budget=70_000,
    ),
    "full": Setting(
        seeds=12,
        operations={},
        reversal={"train_lengths": [32, 32], "test_lengths": [32]},
        feedforward={
            "steps": 50_000,
            "batch_size": 64,
            "learning_rates": [3e-4, 1e-3, 3e-3],
            "validate_every": 1000,
        },
        parameter_budget=335_520,
        causal={
            "steps": 10_000,
            "batch_size": 64,
            "learning_rates": [3e-4, 1e-3, 3e-3],
            "validate_every": 500,
        },
        causal_budget=300_000,
        residual={
            "steps": 20_000,
            "batch_size": 64,
            "learning_rates": [1e-4, 3e-4, 1e-3],
            "validate_every": 1000,
        },
        depths=(2, 4, 8, 16),
        width=128,
        ladder={
            "steps": 10_000,
            "batch_size": 64,
            "learning_rates": LADDER,
            "validate_every": 500,
        },
        ladder_layers=6,
        warmup_steps=1000,
        traps={
            "steps": 50_000,
            "batch_size": 64,
            "learning_rates": [3e-4, 1e-3, 3e-3],
            "validate_every": 1000,
        },
        copying_distance=1000,
        adding_length=750,
        lstm_budget=70_000,
        timeout_s=12 * 3600.0,
    ),
}
