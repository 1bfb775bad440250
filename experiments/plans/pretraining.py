"""Plan ``pretraining``: what do word vectors and denoising give where few documents have labels?

1, 10 or 100 % of them do. Encoders start from nothing, from word vectors, or from the encoder of a
model that restored noisy text. Without a corpus the documents are generated; ``--corpus`` names a
folder or file of labelled ones. Word vectors are learned from the training text, its labels unread,
unless a file of them is named: ``--set task.vectors=PATH``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments.cell import Block, Cell
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request
from experiments.tasks.few_labels import LEARNED, NO_VECTORS
from experiments.tasks.find import task_for
from models.errors import BadInput

SHARES = (0.01, 0.1, 1.0)

TEXT = ("corpus", "content", "vocabulary", "max_tokens", "cut", "documents")
"""Options of the documents that the text to be restored is of."""

DROPOUT = 0.1


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile."""

    seeds: int
    parameter_budget: int  # of the encoder that classifies
    data: dict[str, Any]
    recipe: dict[str, Any]
    restoring: dict[str, Any]  # the recipe of denoising
    timeout_s: float = 4 * 3600.0


RATES = [1e-3, 3e-3]

SETTINGS: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        parameter_budget=8_400,
        data={"documents": 500, "max_tokens": 32},
        recipe={
            "steps": 10,
            "batch_size": 16,
            "learning_rates": RATES[:1],
            "validate_every": 5,
            "warmup_steps": 5,
        },
        restoring={
            "steps": 10,
            "batch_size": 16,
            "learning_rates": RATES[:1],
            "validate_every": 5,
            "warmup_steps": 5,
        },
    ),
    "quick": Setting(
        seeds=3,
        parameter_budget=15_100,
        data={"documents": 4000, "max_tokens": 64},
        recipe={
            "steps": 300,
            "batch_size": 32,
            "learning_rates": RATES[1:],
            "validate_every": 50,
            "schedule": "cosine",
        },
        restoring={
            "steps": 300,
            "batch_size": 32,
            "learning_rates": RATES[1:],
            "validate_every": 150,
            "schedule": "cosine",
        },
    ),
    "standard": Setting(
        seeds=12,
        parameter_budget=100_000,
        data={"documents": 8000, "max_tokens": 200},
        recipe={
            "steps": 3000,
            "batch_size": 32,
            "learning_rates": RATES,
            "validate_every": 100,
            "schedule": "cosine",
        },
        restoring={
            "steps": 6000,
            "batch_size": 64,
            "learning_rates": RATES[1:],
            "validate_every": 300,
            "schedule": "cosine",
        },
    ),
    "full": Setting(
        seeds=12,
        parameter_budget=1_000_000,
        data={"documents": 20_000, "max_tokens": 800},
        recipe={
            "steps": 10_000,
            "batch_size": 32,
            "learning_rates": [3e-4, *RATES],
            "validate_every": 250,
            "schedule": "cosine",
        },
        restoring={
            "steps": 40_000,
            "batch_size": 128,
            "learning_rates": RATES,
            "validate_every": 1000,
            "schedule": "cosine",
        },
        timeout_s=48 * 3600.0,
    ),
}


def blocks(request: Request) -> list[Block]:
    """Return two blocks a (seed, architecture): word vectors beside none; denoising and what follows.

    Raises:
        BadInput: the corpus or the vectors are not there or wrong, or languages are asked for.
    """
    if request.pair is not None:
        raise BadInput(
            f"pair = '{request.pair}': plan 'pretraining' reads one language; leave --pair out."
        )
    setting = SETTINGS[request.profile]
    request, vectors = _without_vectors(request)
    corpus = {} if request.corpus is None else {"corpus": request.corpus}
    # read once, here, and from then on known by their content
    data = task_for(
        "few_labels", {**setting.data, **corpus, **request.settings.get("task", {}), "vectors": vectors}
    ).model_dump(mode="json")
    found = []
    for seed in request.replicates(setting.seeds):
        for architecture in request.architectures:
            label = f"few labels {architecture} seed {seed}"
            cells = _classifiers(request, setting, data, seed, architecture)
            found.append(_block(label, cells, setting))
            restored = _restored(request, setting, data, seed, architecture, cells[0].model)
            found.append(_block(f"{label}, denoising", restored, setting))
    return found


def _without_vectors(request: Request) -> tuple[Request, str]:
    """Return the request without ``task.vectors``, which is not for every cell, and what it said."""
    task = dict(request.settings.get("task", {}))
    vectors = str(task.pop("vectors", LEARNED))
    if vectors == NO_VECTORS:
        raise BadInput(f"task.vectors = '{NO_VECTORS}': plan 'pretraining' compares with vectors.")
    return replace(request, settings={**request.settings, "task": task}), vectors


def _block(name: str, cells: list[Cell], setting: Setting) -> Block:
    return Block(name=name, cells=tuple(cells), timeout_s=setting.timeout_s)


def _classifiers(
    request: Request, setting: Setting, data: Mapping[str, Any], seed: int, architecture: str
) -> list[Cell]:
    """Return training without vectors and with them, at every share."""
    bare = {"vectors": NO_VECTORS, "vectors_content": ""}
    return [
        make_cell(
            measure="train",
            architecture=architecture,
            task="few_labels",
            model={"dropout": DROPOUT},
            data={**data, **kind, "share": share},
            recipe=setting.recipe,
            seed=seed,
            request=request,
            parameter_budget=setting.parameter_budget,
        )
        for share in SHARES
        for kind in (bare, {})
    ]


def _restored(
    request: Request,
    setting: Setting,
    data: Mapping[str, Any],
    seed: int,
    architecture: str,
    model: Mapping[str, Any],
) -> list[Cell]:
    """Return denoising of the whole training text, and training at every share that starts from it.

    All of one width, so that the encoder fits: what restores has a decoder beside it.
    """
    shared: dict[str, Any] = {
        "architecture": architecture,
        "model": model,
        "seed": seed,
        "request": request,
    }
    restoring = make_cell(
        measure="train",
        task="denoising",
        data={"of": "documents", "data": {name: data[name] for name in TEXT}},
        recipe=setting.restoring,
        options={"free_running": False},
        **shared,
    )
    bare = {"vectors": NO_VECTORS, "vectors_content": ""}
    return [
        restoring,
        *(
            make_cell(
                measure="fine_tune",
                task="few_labels",
                data={**data, **bare, "share": share},
                recipe=setting.recipe,
                options={"trained": restoring.key},
                **shared,
            )
            for share in SHARES
        ),
    ]


PLAN = Plan(
    name="pretraining",
    description="What do word vectors and denoising give where few data have labels?",
    budget="equal parameters of what classifies (within 2 %), equal steps, equal learning-rate trials; "
    "what restores text has a decoder beside the same encoder",
    blocks=blocks,
    architectures=("lstm", "transformer"),
    corpora=True,
    equal_sizes=False,  # an encoder of a given size has a decoder of another
    figures=("pretraining",),
    claims=("D3",),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "3 seeds, 1 learning rate, 300 steps, 3,200 short documents",
        "standard": "12 seeds, 2 learning rates, 3,000 steps, documents of up to 200 words",
        "full": "12 seeds, 3 learning rates, 10,000 steps, documents of up to 800 words: GPU days",
    },
)
