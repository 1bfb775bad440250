"""Plan ``mechanisms``: what does each part of the Transformer do, when it is taken away?

One option changed beside what it is held against, on generated tasks:

- the feed-forward network (``feedforward`` 0, at equal parameters), on single operations of ListOps:
  the minimum, maximum, median or sum modulo 10 of up to ten digits. Each is a non-linear function of
  all its arguments, the operation must be read too, and one answer is read off at the end, so that
  nothing but the encoder takes part. The task was named before any run without the network;
- the causal mask, on reversal with strings of one length, so that nothing is padded and no symbol
  stands where it stands in the source (in copying it does, and a decoder that copies its own input
  learns to read the source as well). Positions are rotary: the next position is always one further;
- residual connections, over depths, with the gradient of each layer at initialisation;
- layer normalisation (before or after the residual connection, or none) and warm-up, over a ladder of
  learning rates: one cell fits them all, and its trials say which of them train.

Beside them a published trap: the loss of an LSTM on copying memory and adding next to that of a model
that remembers nothing, with forget biases 0, 1 and chrono (Tallec and Ollivier 2018).
"""

from collections.abc import Iterator
from typing import Any

from experiments.cell import Block, Cell
from experiments.planning import make_cell
from experiments.plans.base import Plan, Request
from experiments.plans.mechanisms_settings import FEW, SETTINGS, Setting

NORMS = ("pre", "post", "none")
BIASES = ("one", "zero", "chrono")

OPERATIONS = {"max_depth": 2, "max_args": 10, "min_length": 8, "max_length": 12}
"""ListOps without nesting: one operation on six to ten digits."""

HEADS = 4


def blocks(request: Request) -> list[Block]:
    """Return what takes seconds, then the cells that are trained, seed by seed."""
    return [*exact_blocks(request), *trained_blocks(request)]


def exact_blocks(request: Request) -> list[Block]:
    """Return the exact half of the sentence on the feed-forward network."""
    if "transformer" not in request.architectures:
        return []
    cells = tuple(
        make_cell(
            measure="identity",
            architecture="transformer",
            model=model,
            options={"of": "linearity"},
            request=request,
        )
        for model in ({"width": 64, "heads": 4}, {"width": 48, "heads": 3})
    )
    return [Block(name="linearity of attention", cells=cells)]


def trained_blocks(request: Request) -> list[Block]:
    """Return gradients at initialisation and all training, one cell a block."""
    setting = SETTINGS[request.profile]
    parts = (_feedforward, _causal, _residual, _ladder, _traps)
    return [
        Block(name=f"{words} seed {seed}", cells=(cell,), timeout_s=setting.timeout_s)
        for seed in request.replicates(setting.seeds)
        for part in parts
        for words, cell in part(request, setting, seed)
        if cell.architecture in request.architectures
    ]


Named = Iterator[tuple[str, Cell]]


def _operations(setting: Setting) -> dict[str, Any]:
    return {
        "architecture": "transformer",
        "task": "listops",
        "data": {**OPERATIONS, **setting.operations},
    }


def _feedforward(request: Request, setting: Setting, seed: int) -> Named:
    """Yield a Transformer with the feed-forward network and one without, of as many parameters."""
    for words, option in (("with", {}), ("without", {"feedforward": 0})):
        cell = make_cell(
            measure="train",
            **_operations(setting),
            model={"layers": 2, "heads": HEADS, **option},
            recipe=setting.feedforward,
            parameter_budget=setting.parameter_budget,
            seed=seed,
            request=request,
        )
        yield f"{words} feed-forward network", cell


def _causal(request: Request, setting: Setting, seed: int) -> Named:
    """Yield a decoder with the causal mask and one without."""
    for causal in (True, False):
        cell = make_cell(
            measure="train",
            architecture="transformer",
            task="reversal",
            data=setting.reversal,
            model={"layers": 1, "heads": HEADS, "positions": "rotary", "causal": causal},
            recipe=setting.causal,
            parameter_budget=setting.causal_budget,
            seed=seed,
            request=request,
        )
        yield f"{'with' if causal else 'without'} causal mask", cell


def _residual(request: Request, setting: Setting, seed: int) -> Named:
    """Yield gradients at initialisation and training, over depths, with and without the connections."""
    for depth in setting.depths:
        for residual in (True, False):
            words = f"{depth} layers {'with' if residual else 'without'} residual connections"
            shared: dict[str, Any] = {
                **_operations(setting),
                "model": {
                    "layers": depth,
                    "heads": HEADS,
                    "width": setting.width,
                    "residual": residual,
                },
                "seed": seed,
                "request": request,
            }
            yield f"gradients of {words}", make_cell(measure="layer_gradients", **shared)
            yield words, make_cell(measure="train", recipe=setting.residual, **shared)


def _ladder(request: Request, setting: Setting, seed: int) -> Named:
    """Yield every normalisation with warm-up, and those that normalise without it, over the ladder."""
    for norm in NORMS:
        for steps in (setting.warmup_steps, 0):
            if norm == "none" and steps == 0:
                continue
            cell = make_cell(
                measure="train",
                **_operations(setting),
                model={
                    "layers": setting.ladder_layers,
                    "heads": HEADS,
                    "width": setting.width,
                    "norm": norm,
                },
                recipe={**setting.ladder, "warmup_steps": steps},
                seed=seed,
                request=request,
            )
            yield f"norm {norm}, warm-up of {steps} steps", cell


def _traps(request: Request, setting: Setting, seed: int) -> Named:
    """Yield LSTMs with three forget biases on two tasks whose loss looks small with nothing learned."""
    distance, length = setting.copying_distance, setting.adding_length
    few = FEW if request.profile == "smoke" else {}
    tasks: tuple[tuple[str, dict[str, Any], int], ...] = (
        # a symbol is asked for T + 10 steps after it was read
        ("copy_memory", {"distances": [distance], "scored": "all", **few}, distance + 10),
        ("adding", {"distances": [length // 2, length], "length": length, **few}, length),
    )
    for task, data, longest in tasks:
        for bias in BIASES:
            option = {"chrono_max": longest} if bias == "chrono" else {}
            cell = make_cell(
                measure="train",
                architecture="lstm",
                task=task,
                data=data,
                model={"forget_bias": bias, **option},
                recipe=setting.traps,
                parameter_budget=setting.lstm_budget,
                seed=seed,
                request=request,
            )
            yield f"{task} forget bias {bias}", cell


PLAN = Plan(
    name="mechanisms",
    description="What does each part of the Transformer do?",
    budget="equal steps and equal learning-rate trials; equal parameters where a part has many",
    blocks=blocks,
    architectures=("lstm", "transformer"),
    equal_sizes=False,
    figures=("training_curves",),
    tables=("learning_rates", "memory_tasks", "digits"),
    claims=("T6", "T7", "T9", "T10", "T11"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "3 seeds, 2 and 8 layers, six learning rates: minutes",
        "standard": "12 seeds, 2 to 16 layers, 13 learning rates: nights of CPU, in slices (--seconds)",
        "full": "12 seeds, wider, memory over 1000 steps: GPU days",
    },
)
