"""A store shaped like a run of ``translation``, made without training anything: for report tests.

Two settings: a small corpus with long joined sentences, whose samples are beside the records, and
SCAN, whose samples and attention maps are in them.
"""

import math
from pathlib import Path
from typing import Any

from experiments.store import Store
from tests.analysis.synthetic import ARCHITECTURES, WORDS, Synthetic, slices_of

COMMAND = "seqyard run translation --profile quick --store runs/translation"
SCAN = {"split": "length"}
COMMANDS = (
    ("walk twice", "WALK WALK"),
    ("jump left and look", "LTURN JUMP LOOK"),
    ("run around left after walk", "WALK LTURN RUN LTURN RUN LTURN RUN LTURN RUN"),
)
EVIL = (
    "<script>alert(1)</script> & \"quoted\" 'single' | *bold* [a](javascript:alert(2)) `code` $x$ n^2",
    "<img src=x onerror=alert(3)> </td></table> # Titel\n- Liste &amp; mehr",
)
TOP = {"rnn": 0.42, "lstm": 0.55, "attentional_lstm": 0.74, "transformer": 0.8}
FALL = {"rnn": 0.008, "lstm": 0.006, "attentional_lstm": 0.001, "transformer": 0.0005}
COST = {"rnn": 0.6, "lstm": 1.3, "attentional_lstm": 2.1, "transformer": 1.6}
HEADS = ("layer 1 head 1", "layer 1 head 2", "layer 2 head 1", "layer 2 head 2")


def build(
    folder: Path,
    *,
    seeds: int = 2,
    architectures: tuple[str, ...] = ARCHITECTURES,
    scan: bool = True,
    artifacts: bool = True,
    labels: tuple[tuple[str, str], ...] = (EVIL,),
) -> Path:
    """Write a store; ``artifacts``: with samples of the corpus, ``labels`` among them."""
    made = Synthetic(architectures)
    kept: dict[str, list[dict[str, Any]]] = {}
    for seed in range(seeds):
        for name in architectures:
            key = _corpus(made, name, seed)
            kept[key] = [_sample(name, *pair) for pair in (*labels, ("A dog runs.", "Ein Hund läuft."))]
            if scan:
                _scan(made, name, seed)
    made.translate(architectures[0], seeds, lambda n: 0.4, status="killed")
    made.write(folder)
    store = Store(folder)
    manifest = made.manifest() | {
        "plan": "translation",
        "profile": "quick",
        "description": "Translation with BLEU",
        "budget": "equal training time",
        "commands": [COMMAND],
    }
    store.write_json(store.manifest, manifest)
    if artifacts:
        for key, rows in kept.items():
            store.write_json(store.artifacts / f"{key}.samples.json", rows)
    return folder


def _corpus(made: Synthetic, name: str, seed: int) -> str:
    top, fall, cost = TOP[name], FALL[name], COST[name]
    points = [
        [1e13 * k * cost, max(0.0, 55 * top * (1 - math.exp(-k / 6)) - 8 + seed)] for k in range(1, 26)
    ]
    forced = {10: top, 20: top - 0.01, 40: top - 0.02}
    free = {10: top - 0.05, 20: top - 0.12 * cost, 40: top - 0.19 * cost + 0.01 * seed}
    return made.translate(
        name,
        seed,
        lambda n: top - fall * n + 0.01 * seed,
        words=WORDS * 3,
        joined=[38 + (i * 11) % 60 for i in range(120)],
        greedy_loss=0.012,
        converged=seed == 0,
        slices=slices_of(forced, free),
        curves={
            "bleu_by_flops": points,
            "bleu_by_seconds": [[x * 1.5e-12 * (1 + 0.3 * cost), y] for x, y in points],
            "validation_bleu": [[80 * k, y] for k, (_, y) in enumerate(points, 1)],
        },
        learning_rate=0.001,
        parameters=3_100_000 + 10_000 * len(name),
        parameters_total=4_100_000 + 10_000 * len(name),
        training_flops=int(2.5e14 * cost),
        seconds=1480.0,
        cpu_seconds=1462.0,
        tokens_per_second=9500 / cost,
        padding_share=0.073,
        peak_bytes=int(1.1e9 * cost),
        overlong=2,
        validation_bleu=points[-1][1],
    )


def _scan(made: Synthetic, name: str, seed: int) -> str:
    share = {"rnn": 0.09, "lstm": 0.14, "attentional_lstm": 0.12, "transformer": 0.02}[name]
    return made.translate(
        name,
        seed,
        lambda n: 1.2 if n <= 3 else 0.6,
        words=[1 + i % 9 for i in range(180)],
        task="scan",
        data=SCAN,
        exact_match=share + 0.01 * seed,
        exact_match_greedy=share,
        learning_rate=0.003,
        samples=[_sample(name, *pair) for pair in COMMANDS],
    )


def _sample(name: str, source: str, reference: str) -> dict[str, Any]:
    """Return an output that is right for one architecture in two, with its attention."""
    words = reference.split()
    output = words if len(name) % 2 == 0 else [*words[: len(words) // 2], words[0]]
    sources, outputs = [*source.split(), "</s>"], [*output, "</s>"]
    maps = {"attentional_lstm": ("cross",), "transformer": HEADS}.get(name, ())
    return {
        "source": source,
        "reference": reference,
        "output": " ".join(output),
        "source_pieces": sources,
        "output_pieces": outputs,
        "attention": {
            head: [_row(t + shift, len(sources), len(outputs)) for t in range(len(outputs))]
            for shift, head in enumerate(maps)
        },
    }


def _row(place: int, sources: int, outputs: int) -> list[float]:
    """Return weights around the diagonal that add up to 1."""
    at = place * (sources - 1) / max(1, outputs - 1)
    weights = [math.exp(-abs(s - at)) for s in range(sources)]
    return [weight / sum(weights) for weight in weights]
