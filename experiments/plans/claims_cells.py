"""What plan ``claims`` measures beside other plans: identities, gradients, single options changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.cell import Block, Cell
from experiments.planning import make_cell
from experiments.plans import long_range
from experiments.plans.base import Profile, Request
from experiments.plans.long_range import RATES, powers

REACHES: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "conv": ("convolution", "kernel_size", (3, 5, 9, 17)),
    "local_transformer": ("local_attention", "window", (17, 33, 65, 129)),
}
"""Architecture → layer, the option that says how far a position sees, and its values."""

ACTIVATIONS: tuple[dict[str, str], ...] = (
    {"activation": "sigmoid", "recurrent_initialisation": "orthogonal"},
    {"activation": "relu", "recurrent_initialisation": "orthogonal"},
    {"activation": "relu", "recurrent_initialisation": "identity"},
    {"activation": "tanh", "recurrent_initialisation": "orthogonal"},
)
GAINS = (0.5, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0)
IDENTITIES: tuple[tuple[str, tuple[dict[str, int], ...]], ...] = (
    ("numbers", ({"width": 64, "heads": 4},)),
    ("masking", ({"width": 64, "heads": 4}, {"width": 48, "heads": 3})),
    ("heads", ({"width": 64, "heads": 4}, {"width": 64, "heads": 8}, {"width": 48, "heads": 3})),
    ("order", ({"width": 64, "heads": 4}, {"width": 48, "heads": 1})),
)
BIASES = ("zero", "chrono")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    seeds: int  # of what is drawn at initialisation
    training_seeds: int
    head_widths: tuple[int, ...]
    n: int  # positions over which gradients flow back
    rates: Sequence[float]  # tried in training with one option changed
    reversal: Mapping[str, Any]
    reversal_recipe: Mapping[str, Any]
    parameter_budget: int
    translation: Mapping[str, Any] = field(default_factory=dict)  # options of its recipe
    counted_length: int = 1024
    counted_lengths: Sequence[int] = field(default_factory=lambda: powers(256, 4096))
    counted_widths: Sequence[int] = field(default_factory=lambda: powers(32, 256))


_STRINGS = {"train_lengths": [4, 16], "test_lengths": [4, 8, 12, 16]}

SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        training_seeds=1,
        head_widths=(4, 16, 64),
        n=16,
        rates=RATES[:1],
        reversal={**_STRINGS, "test_per_value": 32, "validation_per_value": 16},
        reversal_recipe={
            "steps": 10,
            "batch_size": 16,
            "learning_rates": RATES[:1],
            "validate_every": 5,
            "warmup_steps": 5,
        },
        parameter_budget=8_000,
    ),
    "quick": Setting(
        seeds=12,
        training_seeds=3,
        head_widths=(4, 16, 64, 256),
        n=64,
        rates=RATES[1:2],
        reversal=_STRINGS,
        reversal_recipe={
            "steps": 1000,
            "batch_size": 32,
            "learning_rates": RATES[1:2],
            "validate_every": 100,
        },
        parameter_budget=40_000,
        translation={"steps": 500, "learning_rates": RATES[1:2], "validate_every": 125},
    ),
    "standard": Setting(
        seeds=12,
        training_seeds=12,
        head_widths=(4, 16, 64, 256),
        n=128,
        rates=RATES,
        reversal=_STRINGS,
        reversal_recipe={
            "steps": 6000,
            "batch_size": 64,
            "learning_rates": RATES,
            "validate_every": 300,
        },
        parameter_budget=200_000,
    ),
    "full": Setting(
        seeds=24,
        training_seeds=12,
        head_widths=(4, 16, 64, 256, 1024),
        n=128,
        rates=RATES,
        reversal={"train_lengths": [4, 64], "test_lengths": [4, 8, 16, 32, 64]},
        reversal_recipe={
            "steps": 20000,
            "batch_size": 64,
            "learning_rates": RATES,
            "validate_every": 1000,
        },
        parameter_budget=1_000_000,
    ),
}


def identities(request: Request) -> Iterator[Cell]:
    """Yield what holds of attention whatever its weights are."""
    if "transformer" not in request.architectures:
        return
    for of, models in IDENTITIES:
        for model in models:
            yield make_cell(
                measure="identity",
                architecture="transformer",
                model=model,
                options={"of": of},
                request=request,
            )


def products(request: Request, setting: Setting) -> Iterator[Cell]:
    """Yield products of queries and keys over head widths."""
    if "transformer" not in request.architectures:
        return
    for seed in request.replicates(setting.seeds):
        for vectors in ("normal", "layer"):
            yield make_cell(
                measure="score_variance",
                architecture="transformer",
                options={"vectors": vectors, "widths": setting.head_widths},
                seed=seed,
                request=request,
            )


def gains(request: Request, setting: Setting) -> Iterator[Cell]:
    """Yield gradients over recurrent gains, for every activation."""
    if "rnn" not in request.architectures:
        return
    for model in ACTIVATIONS:
        for seed in request.replicates(setting.seeds):
            yield make_cell(
                measure="gain",
                architecture="rnn",
                model=model,
                options={"gains": GAINS, "n": setting.n},
                seed=seed,
                request=request,
            )


def reaches(request: Request, setting: Setting) -> Iterator[Cell]:
    """Yield FLOPs over lengths at one reach, and over widths and reaches at one length."""
    width = setting.counted_widths[1]
    for architecture, (part, option, values) in REACHES.items():
        if architecture not in request.architectures:
            continue
        sizes = [(n, width, values[1]) for n in setting.counted_lengths]
        sizes += [
            (setting.counted_length, d, reach) for d in setting.counted_widths for reach in values
        ]
        for n, d, reach in dict.fromkeys(sizes):
            yield make_cell(
                measure="flops",
                architecture=architecture,
                model={"width": d, option: reach},
                options={"scope": "layer", "part": part, "n": n, "batch": 1},
                request=request,
            )


def variations(request: Request, setting: Setting) -> list[Block]:
    """Return training with one option changed, beside what it is held against."""
    recall = long_range.SETTINGS[request.profile]["recall"]
    on_recall: dict[str, Any] = {
        "task": "recall",
        "data": recall.data,
        "recipe": {**recall.recipe, "learning_rates": list(setting.rates)},
        "parameter_budget": recall.parameter_budget,
    }
    on_reversal: dict[str, Any] = {
        "task": "reversal",
        "data": setting.reversal,
        "recipe": setting.reversal_recipe,
        "parameter_budget": setting.parameter_budget,
    }
    varied: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("positions", "transformer", {"positions": "sinusoidal"}, on_reversal),
        ("no positions", "transformer", {"positions": "none"}, on_reversal),
        ("one head", "transformer", {"heads": 1}, on_recall),
        ("one head without scale", "transformer", {"heads": 1, "scale": False}, on_recall),
        *(
            (f"forget bias {bias}", name, {"forget_bias": bias}, on_recall)
            for name in ("lstm", "gru")
            for bias in BIASES
        ),
    ]
    return [
        Block(
            name=f"{shared['task']} {name} {words} seed {seed}",
            cells=(
                make_cell(
                    measure="train",
                    architecture=name,
                    model=model,
                    seed=seed,
                    request=request,
                    **shared,
                ),
            ),
            timeout_s=recall.timeout_s,
        )
        for seed in request.replicates(setting.training_seeds)
        for words, name, model, shared in varied
        if name in request.architectures
    ]
