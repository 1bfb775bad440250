"""Claim D1: beam search beats greedy decoding of the same model."""

from dataclasses import replace

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.decide import mean_beyond
from analysis.claims.translation import (
    TOO_SMALL,
    lead_first,
    mean,
    over_sentences,
    unfinished,
)
from analysis.corpus_scores import BLEU
from analysis.load import Results
from analysis.significance import (
    bootstrap_p,
    randomisation_p,
    resampled_differences,
    score_of,
)
from analysis.statistics import MIN_PAIRED_SEEDS
from analysis.translation import BEAM, GREEDY, System, Translations, stacked

FIGURE = "bleu_by_length"

D1 = Claim(
    id="D1",
    statement="Beam search beats greedy decoding.",
    topic="Training and decoding",
    kind="measured",
    how="Test BLEU with beam search minus test BLEU with greedy decoding of the same model. For "
    f"each architecture, over training seeds: supported when all intervals lie above 0, refuted when "
    f"one lies below {TOO_SMALL}. Beside it, for the models trained here, the paired bootstrap over "
    "sentences (Koehn 2004).",
    source="Sutskever, Vinyals and Le 2014, Table 1; Koehn and Knowles 2017, section 3.6",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on D1."""
    translations = Translations(results)
    parts: list[Verdict] = []
    for place, (setting, systems) in enumerate(lead_first(translations)):
        for system in systems:
            found = _gain(translations, translations.settings[setting], system, f".{len(parts) + 1}")
            parts += [part if place == 0 else replace(part, decides=False) for part in found]
    if not parts:
        return not_measured(D1, "test BLEU with beam search and with greedy decoding")
    return every(D1, parts)


def _gain(translations: Translations, label: str, system: System, suffix: str) -> list[Verdict]:
    beam, greedy = translations.together([system, system], [BEAM, GREEDY])
    gains = [
        score_of(one.bleu, BLEU) - score_of(other.bleu, BLEU)
        for one, other in zip(beam, greedy, strict=True)
    ]
    statement = f"On {label}, beam search gives the {system.label} a higher BLEU."
    effect = f"{system.label}: {mean(gains):+.2f} BLEU." if gains else ""
    by_seed = mean_beyond(
        D1.part(suffix, statement),
        gains,
        bound=0.0,
        refuted_at=TOO_SMALL,
        minimum=MIN_PAIRED_SEEDS,
        blockers=unfinished([system]),
        effect=effect,
        evidence=tuple(run.key for run in beam),
    )
    if not gains:
        return [by_seed]
    one, other = stacked(beam, BLEU), stacked(greedy, BLEU)
    return [
        by_seed,
        over_sentences(
            D1.part(
                f"{suffix}.sentences",
                f"The same over the test sentences, for the {system.label}s trained here.",
            ),
            mean(gains),
            resampled_differences(one, other, BLEU),
            one.shape[1],
            f"p = {bootstrap_p(one, other, BLEU):.2g} by paired bootstrap, "
            f"{randomisation_p(one, other, BLEU):.2g} by approximate randomisation.",
        ),
    ]
