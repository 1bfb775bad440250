"""Claim T9: residual connections in deep stacks."""

from typing import Any

import numpy as np

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.quality import TOO_SMALL
from analysis.claims.variations import Configuration, against, configurations, higher_if_learned
from analysis.load import Results
from analysis.statistics import MIN_SEEDS

TASK = "listops"
GRADIENTS = "layer_gradients"

CLAIM = Claim(
    id="T9",
    statement="Residual connections make deep stacks trainable.",
    topic="Inside the Transformer",
    kind="measured",
    how=f"Accuracy on {TASK} with residual connections minus that without, at each depth, same width "
    "and same tuning, paired by seed. Supported when the interval at the greatest depth lies above 0; "
    f"refuted when it lies below {TOO_SMALL}. Beside it the other depths, and how much of the gradient "
    "of the top layer arrives at the bottom one at initialisation, with the connections and without.",
    source="He et al. 2016; Vaswani et al. 2017, section 3.1; Dong, Cordonnier and Loukas 2021",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T9."""
    trained = _by_depth(results, "train")
    gradients = _by_depth(results, GRADIENTS)
    if not trained:
        return not_measured(CLAIM, "a Transformer without residual connections, by depth")
    parts = []
    for depth, (without, given) in trained.items():
        words = f"a Transformer of {depth} layers"
        settings = (
            given.setting(results, f"{words} with residual connections"),
            without.setting(results, f"one of {depth} without"),
        )
        claim = CLAIM.part(f".{depth}", f"With {depth} layers, training needs the connections.")
        deepest = depth == max(trained)
        parts.append(higher_if_learned(claim, results, *settings, f"On {TASK}", decides=deepest))
    parts += [_gradient(results, depth, *pair) for depth, pair in gradients.items()]
    return every(CLAIM, parts)


def _by_depth(results: Results, measure: str) -> dict[int, tuple[Configuration, Configuration]]:
    """Return those without the connections and with them, of each depth from the least."""
    found = against(configurations(results, TASK, measure=measure), "model", "residual", False, True)
    pairs: dict[int, tuple[Configuration, Configuration]] = {}
    for pair in found:
        pairs.setdefault(int(pair[0].option("model", "layers", 2)), pair)
    return dict(sorted(pairs.items()))


def _gradient(results: Results, depth: int, without: Configuration, given: Configuration) -> Verdict:
    claim = CLAIM.part(
        f".gradient.{depth}",
        f"At initialisation of {depth} layers more of the gradient arrives at the bottom with them.",
    )
    shares = [
        {s: _arriving(r.metrics) for s, r in c.records(results).items()} for c in (given, without)
    ]
    seeds = sorted(set(shares[0]) & set(shares[1]))
    blockers = [
        *given.unfinished(results, "gradients with residual connections"),
        *without.unfinished(results, "gradients without residual connections"),
    ]
    effect = ""
    if seeds:
        high, low = (np.exp(np.mean([share[seed] for seed in seeds])) for share in shares)
        effect = (
            f"At initialisation the gradient of the bottom layer of {depth} is {high:.2g} times that "
            f"of the top one with residual connections and {low:.2g} times without."
        )
    return mean_beyond(
        claim,
        [shares[0][seed] - shares[1][seed] for seed in seeds],
        bound=0.0,
        minimum=MIN_SEEDS,
        blockers=blockers,
        effect=effect,
        evidence=tuple(side.keys[seed] for side in (given, without) for seed in seeds),
        decides=False,
    )


def _arriving(metrics: dict[str, Any]) -> float:
    """Return the logarithm of the bottom layer's gradient over the top layer's."""
    tiny = np.finfo(float).tiny  # a gradient that vanished altogether still has a logarithm
    return float(np.log(max(metrics["bottom"], tiny)) - np.log(max(metrics["top"], tiny)))
