"""The question of the parts: answer, tables, and what they do not show."""

from typing import Any

from analysis.claims import causal, feedforward, normalisation, residual, warmup
from analysis.claims.base import NOT_MEASURED
from analysis.view import View
from analysis.wording import listed

PARTS = (
    ("the feed-forward network", feedforward.verdict),
    ("the causal mask", causal.verdict),
    ("residual connections", residual.verdict),
    ("layer normalisation", normalisation.verdict),
    ("warm-up", warmup.verdict),
)


def mechanisms(view: View) -> dict[str, Any] | None:
    """Return what the section is made of; None where no part was taken away.

    The view holds every planned setting: what is compared differs in one option.
    """
    verdicts = {name: verdict(view.results) for name, verdict in PARTS}
    asked = {n: v for n, v in verdicts.items() if not v.missing.startswith(NOT_MEASURED)}
    if not asked:
        return None
    return {
        "anchor": "mechanisms",
        "short": "What does each part do?",
        "question": "What does each part of the Transformer do?",
        "answer": "One part is taken away at a time, beside the same model with it: "
        + listed(f"{name} ({v.claim.id})" for name, v in asked.items())
        + ". The claims say how each is tested, and what the records decide.",
        "remarks": [v.effect for v in asked.values() if v.effect],
        "figures": (),
        "tables": ("learning_rates", "memory_tasks"),
        "limits": (
            "Larger models and text: these are small Transformers on generated tasks.",
            "What other parts would make up for: each is taken away alone.",
        ),
    }
