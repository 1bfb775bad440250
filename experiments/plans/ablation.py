"""Plan ``ablation``: table 3 of "Attention Is All You Need", measured.

One Transformer, and beside it the same with one option changed at a time, in the rows of the paper:
(A) heads at a fixed width, (B) the width of a head's queries and keys, (C) layers, width and inner
width of the feed-forward network, (D) dropout and label smoothing, (E) how positions are given. All
rows see the same batches for the same steps, so sizes differ: that is what (C) is about.

Without a corpus the task is reversal: the answer is a matter of order alone, encoder, decoder and the
attention between them all take part, and strings longer than any trained one are tested, too. With one
the rows translate it, and the score is BLEU. What the heads of the rows (A) attend to follows in the
same block.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiments.cell import Block, Cell
from experiments.environment import training_precision
from experiments.planning import make_cell
from experiments.plans.base import Plan, Profile, Request
from experiments.plans.translation import JOINED, PUBLISHED
from experiments.tasks.find import task_for
from models.errors import BadInput

ARCHITECTURE = "transformer"

HEADS = (1, 2, 4, 8)
PUBLISHED_HEADS = (1, 4, 8, 16, 32)
"""Of table 3, (A), at a width of 512."""

POSITIONS = ("learned", "none", "rotary", "alibi")


@dataclass(frozen=True)
class Row:
    """A row of the table: its letter, what is changed in words, and the options that are."""

    letter: str
    words: str
    model: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The sizes of one profile: those of the base."""

    seeds: int
    width: int
    data: Mapping[str, Any]
    recipe: Mapping[str, Any]
    heads: int = 4
    layers: int = 2
    varied_heads: tuple[int, ...] = HEADS
    options: Mapping[str, Any] = field(default_factory=dict)  # of the measure that trains
    timeout_s: float = 3600.0

    @property
    def model(self) -> dict[str, Any]:
        """Return the base, its sizes spelled out so that no other change moves them."""
        return {
            "width": self.width,
            "heads": self.heads,
            "layers": self.layers,
            "feedforward": 4 * self.width,
            "dropout": 0.1,
        }


_SMOOTHED = {"label_smoothing": 0.1}

REVERSAL: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        width=16,
        data={
            "train_lengths": [4, 6],
            "test_lengths": [4, 6, 8],
            "test_per_value": 16,
            "validation_per_value": 8,
        },
        recipe={
            **_SMOOTHED,
            "steps": 8,
            "batch_size": 8,
            "learning_rates": [3e-3],
            "validate_every": 4,
            "warmup_steps": 4,
        },
    ),
    "quick": Setting(
        seeds=3,
        width=32,
        data={
            "train_lengths": [4, 10],
            "test_lengths": [4, 7, 10, 14, 20],
            "test_per_value": 128,
        },
        recipe={
            **_SMOOTHED,
            "steps": 300,
            "batch_size": 32,
            "learning_rates": [5e-3],
            "validate_every": 75,
        },
    ),
    "standard": Setting(
        seeds=12,
        width=64,
        data={"train_lengths": [4, 20], "test_lengths": [4, 8, 12, 16, 20, 24, 32, 40]},
        recipe={
            **_SMOOTHED,
            "steps": 6000,
            "batch_size": 64,
            "learning_rates": [1e-3, 3e-3],
            "validate_every": 300,
        },
        timeout_s=4 * 3600.0,
    ),
    "full": Setting(
        seeds=12,
        width=256,
        heads=8,
        layers=4,
        data={"train_lengths": [4, 40], "test_lengths": [4, 10, 20, 30, 40, 50, 60, 80]},
        recipe={
            **_SMOOTHED,
            "steps": 30_000,
            "batch_size": 64,
            "learning_rates": [3e-4, 1e-3],
            "validate_every": 1000,
        },
        timeout_s=12 * 3600.0,
    ),
}

CORPUS: dict[Profile, Setting] = {
    "smoke": Setting(
        seeds=1,
        width=16,
        data={"vocabulary": 1000, "scored_sentences": 20},
        recipe={**PUBLISHED, "steps": 8, "validate_every": 4, "warmup_steps": 4},
        options={"beam": 2, "samples": 2},
    ),
    "quick": Setting(
        seeds=1,
        width=64,
        data={"scored_sentences": 200, "joined": JOINED[:1]},
        recipe={**PUBLISHED, "steps": 2000, "validate_every": 500},
    ),
    "standard": Setting(
        seeds=12,
        width=128,
        layers=3,
        data={"joined": JOINED},
        recipe={**PUBLISHED, "steps": 20_000, "validate_every": 1000},
        timeout_s=24 * 3600.0,
    ),
    "full": Setting(
        seeds=12,
        width=512,
        heads=8,
        layers=6,
        varied_heads=PUBLISHED_HEADS,
        data={"vocabulary": 37_000, "joined": JOINED},
        recipe={
            **PUBLISHED,
            "learning_rates": [7e-4],
            "warmup_steps": 4000,
            "batch_size": 25_000,
            "steps": 100_000,
            "validate_every": 5000,
        },
        timeout_s=48 * 3600.0,
    ),
}


def rows(setting: Setting) -> Iterator[Row]:
    """Yield the rows of the table, the base first: what the rest of a report shows."""
    width, head = setting.width, setting.width // setting.heads
    yield Row("base", "base")
    for heads in setting.varied_heads:
        if heads != setting.heads:
            yield Row("A", f"heads {heads}", {"heads": heads})
    for key_width in (head // 4, head // 2):
        yield Row("B", f"key width {key_width}", {"key_width": key_width})
    sizes = {"layers": setting.layers, "width": width, "feedforward": 4 * width}
    for option, size in sizes.items():
        for other in (size // 2, 2 * size):
            yield Row("C", f"{option} {other}", {option: other})
    for share in (0.0, 0.2):
        yield Row("D", f"dropout {share:g}", {"dropout": share})
    for share in (0.0, 0.2):
        yield Row("D", f"label smoothing {share:g}", recipe={"label_smoothing": share})
    lengths = setting.data.get("test_lengths")
    learned = {"max_positions": max(lengths) + 1} if lengths else {}  # of a string and its end
    for positions in POSITIONS:
        more = learned if positions == "learned" else {}
        yield Row("E", f"positions {positions}", {"positions": positions, **more})


def blocks(request: Request) -> list[Block]:
    """Return one block a (seed, row): training, and for other heads what they attend to.

    Raises:
        BadInput: languages are asked for without a corpus.
    """
    if ARCHITECTURE not in request.architectures:
        return []
    embedded = request.corpus is None
    if embedded and (request.pair or request.columns):
        raise BadInput("pair: without --corpus the plan reverses strings, which have no language.")
    setting = (REVERSAL if embedded else CORPUS)[request.profile]
    shared: dict[str, Any] = {
        "architecture": ARCHITECTURE,
        "task": "reversal" if embedded else "translation",
        "data": setting.data if embedded else _corpus(request, setting),
        "precision": "float32" if embedded else training_precision(request.device),
        "request": request,
    }
    return [
        Block(
            name=f"{shared['task']} ({row.letter}) {row.words} seed {seed}",
            cells=tuple(_cells(setting, row, {**shared, "seed": seed})),
            timeout_s=setting.timeout_s,
        )
        for seed in request.replicates(setting.seeds)
        for row in rows(setting)
    ]


def _corpus(request: Request, setting: Setting) -> dict[str, Any]:
    """Return the task's options; the corpus is read once, here, and then known by its content."""
    named = {"corpus": request.corpus, "pair": request.pair, "columns": request.columns}
    given = {key: value for key, value in named.items() if value is not None}
    return task_for("translation", {**setting.data, **given}).model_dump(mode="json")


def _cells(setting: Setting, row: Row, shared: dict[str, Any]) -> Iterator[Cell]:
    generated = shared["task"] == "reversal"
    shared = {
        **shared,
        "model": {**setting.model, **row.model},
        "recipe": {**setting.recipe, **row.recipe},
    }
    measure = "train" if generated else "translate"
    trained = make_cell(measure=measure, options=setting.options, **shared)
    yield trained
    if row.letter in ("base", "A"):
        # of strings, those for validation are no longer than the trained ones
        split = "validation" if generated else "test"
        yield make_cell(measure="heads", options={"trained": trained.key, "split": split}, **shared)


PLAN = Plan(
    name="ablation",
    description="Table 3 of Attention Is All You Need, measured: one option changed at a time",
    budget="equal steps over the same batches and equal learning-rate trials; sizes differ by row",
    blocks=blocks,
    architectures=(ARCHITECTURE,),
    corpora=True,
    equal_sizes=False,
    figures=("heads",),
    tables=("ablation",),
    claims=("T4", "T5", "T12"),
    profiles={
        "smoke": "1 seed, a few steps: that everything runs",
        "quick": "3 seeds, 300 steps; a corpus: 1 seed, 2,000 steps",
        "standard": "12 seeds, 2 learning rates, 6,000 steps; a corpus: 20,000 steps",
        "full": "12 seeds, 30,000 steps; a corpus: the paper's base, 100,000 steps: GPU weeks",
    },
)
