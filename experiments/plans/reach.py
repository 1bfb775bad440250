"""Plan ``reach``: how far does each encoder see, and what lies out of its sight?

Each position is asked for the symbol some places to its right (task ``right_context``), at equal
parameters. Convolutions and restricted self-attention see a window that grows with their layers:
offsets lie inside and beyond it. A forward recurrent encoder sees nothing to its right, a bidirectional
one all. Gradients by distance, at first and after training, follow in the same block (Luo et al. 2016).

Exact cells find the receptive field of untrained encoders, and what a window costs. With a corpus an
LSTM translates, too, with an encoder in one direction and in two.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from experiments.cell import Block, Cell
from experiments.planning import make_cell
from experiments.plans import translation
from experiments.plans.base import Plan, Profile, Request
from models.errors import BadInput

Model = dict[str, Any]

_CONTIGUOUS: Model = {"kernel_size": 3, "layers": 4}
_DILATED: Model = {"kernel_size": 3, "layers": 2, "dilated": True}
_WIDER: Model = {"kernel_size": 3, "layers": 3, "dilated": True}
_LOCAL: Model = {"heads": 2, "positions": "rotary"}  # rotary: what is asked is a relative distance
_DIRECTIONS: tuple[Model, ...] = ({"bidirectional": False}, {"bidirectional": True})

ENCODERS: dict[str, tuple[Model, ...]] = {
    "conv": (_CONTIGUOUS, _DILATED),
    "local_transformer": (
        {**_LOCAL, "window": 5, "layers": 2},
        {**_LOCAL, "window": 9, "layers": 2},
    ),
    "rnn": _DIRECTIONS,
    "lstm": _DIRECTIONS,
    "gru": _DIRECTIONS,
}
"""Architecture → the encoders that are trained. The first two see 4 places to either side, restricted
self-attention 4 and 8: contiguous convolutions need 4 layers for what dilated ones do in 2."""

DEEPER: dict[str, tuple[Model, ...]] = {
    "conv": (_CONTIGUOUS, _DILATED, _WIDER),
    "local_transformer": (
        {**_LOCAL, "window": 5, "layers": 2},
        {**_LOCAL, "window": 5, "layers": 4},
        {**_LOCAL, "window": 9, "layers": 2},
    ),
    **dict.fromkeys(("rnn", "lstm", "gru"), _DIRECTIONS),
}
"""Also with a third layer with gaps, which sees 13 places, and 4 narrow windows, which see 8."""

TRANSLATED = "lstm"

KERNEL_SIZES = (3, 5, 7)
WINDOWS = (5, 9, 17)
LAYERS = (1, 2, 3, 4, 6, 8)
WIDEST = 1024
"""Receptive fields are found up to here, in positions to one side."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    encoders: dict[str, tuple[Model, ...]]
    data: dict[str, Any]
    recipe: dict[str, Any]
    seeds: int
    parameter_budget: int
    counted_length: int = 1024
    timeout_s: float = 3600.0


RATES = [3e-3, 6e-3]

SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        encoders=ENCODERS,
        data={
            "offsets": [1, 4, 8, 9],
            "length": 12,
            "test_per_value": 16,
            "validation_per_value": 16,
        },
        recipe={
            "steps": 6,
            "batch_size": 8,
            "learning_rates": RATES[1:],
            "validate_every": 3,
            "warmup_steps": 2,
        },
        seeds=1,
        parameter_budget=8_800,
    ),
    "quick": Setting(
        encoders=ENCODERS,
        data={"offsets": [1, 2, 4, 5, 8, 9], "length": 16},
        recipe={
            "steps": 400,
            "batch_size": 32,
            "learning_rates": RATES[1:],
            "validate_every": 50,
        },
        seeds=3,
        parameter_budget=8_800,
    ),
    "standard": Setting(
        encoders=DEEPER,
        data={"offsets": [1, 2, 4, 5, 8, 9, 13, 14], "length": 32},
        recipe={
            "steps": 4000,
            "batch_size": 64,
            "learning_rates": RATES,
            "validate_every": 250,
        },
        seeds=12,
        parameter_budget=56_000,
    ),
    "full": Setting(
        encoders=DEEPER,
        data={"offsets": [1, 2, 4, 5, 8, 9, 13, 14, 20, 32], "length": 64},
        recipe={
            "steps": 20_000,
            "batch_size": 64,
            "learning_rates": [1e-3, *RATES],
            "validate_every": 1000,
        },
        seeds=12,
        parameter_budget=200_000,
        timeout_s=6 * 3600.0,
    ),
}


def blocks(request: Request) -> list[Block]:
    """Return the exact cells, then one block a (seed, encoder); with a corpus, translations.

    Raises:
        BadInput: a language pair or columns are given without a corpus.
    """
    if request.corpus is None and (request.pair or request.columns):
        raise BadInput("pair: without --corpus the plan translates nothing.")
    setting = SETTINGS[request.profile]
    exact = (
        ("receptive fields", _fields(request)),
        ("costs of windows", _costs(request, setting)),
    )
    found = [Block(name=name, cells=cells) for name, part in exact if (cells := tuple(part))]
    found += [
        _trained(request, setting, architecture, model, seed)
        for seed in request.replicates(setting.seeds)
        for architecture in request.architectures
        for model in setting.encoders.get(architecture, ({},))
    ]
    if request.corpus is not None and TRANSLATED in request.architectures:
        for direction in _DIRECTIONS:
            settings = {
                **request.settings,
                "model": {**request.settings.get("model", {}), **direction},
            }
            asked = replace(request, architectures=[TRANSLATED], settings=settings)
            found += translation.PLAN.blocks(asked)
    return found


def _trained(request: Request, setting: Setting, architecture: str, model: Model, seed: int) -> Block:
    shared: dict[str, Any] = {
        "architecture": architecture,
        "task": "right_context",
        "model": model,
        # a window far from the first token does not see what that one names
        "data": {**setting.data, "named": "everywhere"},
        "recipe": setting.recipe,
        "seed": seed,
        "request": request,
        "parameter_budget": setting.parameter_budget,
    }
    train = make_cell(measure="train", **shared)
    gradient = make_cell(measure="effective_receptive_field", options={"trained": train.key}, **shared)
    words = " ".join(f"{key} {value}" for key, value in model.items())
    name = f"right_context {architecture} {words} seed {seed}".replace("  ", " ")
    return Block(name=name, cells=(train, gradient), timeout_s=setting.timeout_s)


def _fields(request: Request) -> Iterator[Cell]:
    """Yield receptive fields by kernel size or window and layers, the source twice as long."""
    for architecture, model, reach in _stacks(request):
        yield make_cell(
            measure="receptive_field",
            architecture=architecture,
            model=model,
            options={"n": 2 * reach + 2},
            request=request,
        )


def _stacks(request: Request) -> Iterator[tuple[str, Model, int]]:
    """Yield architecture, options and the positions to one side that a stack of layers sees."""
    if "conv" in request.architectures:
        for k in KERNEL_SIZES:
            for layers in LAYERS:
                yield "conv", {"kernel_size": k, "layers": layers}, layers * (k // 2)
                if (reach := (k**layers - 1) // 2) <= WIDEST:
                    yield "conv", {"kernel_size": k, "layers": layers, "dilated": True}, reach
    if "local_transformer" in request.architectures:
        for r in WINDOWS:
            for layers in LAYERS:
                yield "local_transformer", {"window": r, "layers": layers}, layers * (r // 2)


def _costs(request: Request, setting: Setting) -> Iterator[Cell]:
    """Yield FLOPs of restricted self-attention, at last with a window that is no restriction."""
    if "local_transformer" not in request.architectures:
        return
    n = setting.counted_length
    for window in (*WINDOWS, 2 * n + 1):
        yield make_cell(
            measure="flops",
            architecture="local_transformer",
            model={"width": 64, "window": window},
            options={"scope": "layer", "part": "local_attention", "n": n, "batch": 1},
            request=request,
        )


PLAN = Plan(
    name="reach",
    description="How far does each encoder see, and what lies out of its sight?",
    budget="equal parameters (within 2 %), equal steps, equal learning-rate trials; on a corpus equal "
    "CPU seconds (GPU: seconds)",
    blocks=blocks,
    architectures=tuple(ENCODERS),
    corpora=True,
    figures=("accuracy_by_offset", "receptive_field"),
    tables=("reach", "layers_needed"),
    claims=("L9", "L10", "L11"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "3 seeds, 1 learning rate, 400 steps, offsets to 9: 3 minutes on one core",
        "standard": "12 seeds, 2 learning rates, offsets to 14: a night of CPU",
        "full": "12 seeds, 3 learning rates, offsets to 32: GPU days",
    },
)
