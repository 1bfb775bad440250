"""Plan ``claims``: what do records say of the sentences that textbooks repeat?

Exact claims of every architecture, whose cells take seconds, and the cells of the other plans that
measured claims rest on, so that one report holds every verdict. Variations of one option (without
the scale, without positions, other forget biases) have cells of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments.cell import Block
from experiments.plans import (
    ablation,
    agreement,
    claims_cells,
    complexity,
    long_range,
    mechanisms,
    pretraining,
    reach,
    throughput,
    translation,
)
from experiments.plans.base import Plan, Request
from experiments.plans.complexity import counted_cells
from models import CORE, MODELS

PARTS = (
    complexity.PLAN,
    throughput.PLAN,
    long_range.PLAN,
    reach.PLAN,
    agreement.PLAN,
    mechanisms.PLAN,
    ablation.PLAN,
    pretraining.PLAN,
    translation.PLAN,
)

TRAINED = ("rnn", "lstm", "gru", "attentional_lstm", "transformer")
"""What is trained on the tasks of long range."""

TIMED = (*CORE, "local_transformer", "conv")
"""Whose layers are timed: the rows of table 1."""


def blocks(request: Request) -> list[Block]:
    """Return the cells that decide exact claims first, then memory, training and times."""
    setting = claims_cells.SETTINGS[request.profile]
    own = (
        ("identities of attention", claims_cells.identities(request)),
        ("products of queries and keys", claims_cells.products(request, setting)),
        ("gradients by gain", claims_cells.gains(request, setting)),
        ("costs by window and kernel size", claims_cells.reaches(request, setting)),
    )
    found = [Block(name=name, cells=cells) for name, part in own if (cells := tuple(part))]
    timed = _some(request, TIMED)
    found += [
        Block(name=f"counts {name}", cells=tuple(counted_cells(request, name)))
        for name in request.architectures
        if name not in timed.architectures
    ]
    # the usual settings come before what varies them: figures show the first
    found = _blocks(complexity.PLAN, timed) + found
    found += _blocks(
        long_range.PLAN, _at({"learning_rates": list(setting.rates)}, _some(request, TRAINED))
    )
    found += claims_cells.variations(request, setting)
    for part in (reach.PLAN, mechanisms.PLAN, ablation.PLAN, pretraining.PLAN):
        found += _blocks(part, _some(request, part.architectures))
    found += _blocks(agreement.PLAN, _some(request, CORE))
    found += _blocks(translation.PLAN, _at(setting.translation, _some(request, CORE)))
    found += _blocks(throughput.PLAN, _some(request, CORE))
    return sorted(found, key=_stage)


def _some(request: Request, names: Sequence[str]) -> Request:
    """Return the request for some architectures alone, and for those that are not ours."""
    kept = [name for name in request.architectures if name in names or name not in MODELS]
    return replace(request, architectures=kept)


def _at(recipe: Mapping[str, Any], request: Request) -> Request:
    """Return the request with these options of the recipe, unless others are asked for."""
    asked = {**recipe, **request.settings.get("recipe", {})}
    return replace(request, settings={**request.settings, "recipe": asked})


def _blocks(part: Plan, request: Request) -> list[Block]:
    return part.blocks(request) if request.architectures else []


def _stage(block: Block) -> int:
    """Return when a block's turn is: counted, then memory, then trained, and times at last."""
    measures = {cell.measure for cell in block.cells}
    if "step_time" in measures:
        return 3
    if any(cell.recipe for cell in block.cells):
        return 2
    return 1 if "memory" in measures else 0


def _joined(field_name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in PARTS for name in getattr(part, field_name)))


PLAN = Plan(
    name="claims",
    description="What do records say of the sentences that textbooks repeat?",
    budget="; ".join(f"{part.name}: {part.budget}" for part in PARTS),
    blocks=blocks,
    architectures=tuple(MODELS),
    equal_sizes=all(part.equal_sizes for part in PARTS),
    figures=_joined("figures"),
    tables=_joined("tables"),
    claims=(*_joined("claims"), "L2", "L5", "C3", "T1", "T2", "T3", "T8", "T13"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "every exact claim decided, the others with 3 seeds and their effect so far",
        "standard": "verdicts: 12 seeds; nights of CPU, in slices (--seconds)",
        "full": "12 seeds, distances to 1024: GPU days",
    },
)
