"""What is drawn. One line a figure: name → ``"module:function"`` of (results) → Figure or None."""

import importlib
from typing import Any

from analysis.figures.base import Figure

FIGURES: dict[str, str] = {
    "accuracy_by_distance": "analysis.figures.accuracy:draw",
    "gradient_profile": "analysis.figures.gradient:draw",
    "training_curves": "analysis.figures.training:draw",
    "digits": "analysis.figures.scores:draw",
    "throughput": "analysis.figures.throughput:draw",
    "kernels": "analysis.figures.kernels:draw",
    "step_time": "analysis.figures.step_time:draw",
    "layer_time": "analysis.figures.layer_time:draw",
    "memory": "analysis.figures.memory:draw",
    "flops": "analysis.figures.flops:draw",
    "depth": "analysis.figures.depth:draw",
    "bleu_by_length": "analysis.figures.bleu_length:draw",
    "bleu_by_cost": "analysis.figures.bleu_cost:draw",
    "translation_training": "analysis.figures.training:draw_translation",
    "heads": "analysis.figures.heads:draw",
    "attention_maps": "analysis.figures.attention:draw",
    "agreement": "analysis.figures.agreement:draw",
    "agreement_crossed": "analysis.figures.agreement:draw_crossed",
    "agreement_corruption": "analysis.figures.agreement_tests:draw_corruption",
    "agreement_pairs": "analysis.figures.agreement_tests:draw_pairs",
    "agreement_training": "analysis.figures.agreement_tests:draw_training",
    "formal_languages": "analysis.figures.formal_languages:draw",
    "exposure_gap": "analysis.figures.exposure:draw",
    "length_generalisation": "analysis.figures.length_generalisation:draw",
    "accuracy_by_offset": "analysis.figures.offset:draw",
    "receptive_field": "analysis.figures.receptive_field:draw",
    "pretraining": "analysis.figures.pretraining:draw",
    "tuning": "analysis.figures.tuning:draw",
}


def draw(name: str, results: Any) -> Figure | None:
    """Return the figure called ``name``, or None if no record of ``results`` can be drawn in it."""
    module, _, function = FIGURES[name].partition(":")
    figure: Figure | None = getattr(importlib.import_module(module), function)(results)
    return figure
