"""The question of translation: answer, remarks, figures, tables, and what they do not show."""

from typing import Any

from analysis import answers_translation
from analysis.view import View


def translation(view: View) -> dict[str, Any]:
    """Return what the section is made of."""
    return {
        "anchor": "translation",
        "short": "How well?",
        "question": "How well do they translate?",
        "answer": answers_translation.translated(view),
        "remarks": answers_translation.translation_remarks(view),
        "figures": (
            *("bleu_by_length", "bleu_by_cost", "translation_training"),
            *("attention_maps", "exposure_gap"),
        ),
        "leading": ("translation", "scan"),
        "tables": ("significance", "samples"),
        "limits": (
            "Any other text: one corpus is one domain, and most of its sentences are of like length.",
            "Length alone: sentences joined from neighbours are longer than most trained ones, so a "
            "fall there is also one of generalisation to lengths never seen.",
            "How a reader would judge: BLEU and chrF count overlaps with one reference, and a right "
            "translation in other words scores low.",
            "What a larger budget would reach: curves that still rise are marked as not converged.",
            "That a difference over sentences outlives another training: see the spread over seeds.",
            "The best that a recurrent network or a Transformer can do: sizes, recipe and budget are "
            "those under Provenance.",
        ),
    }
