"""Claim T11: warm-up of the learning rate."""

from analysis.claims.base import Claim, Verdict, every, not_measured
from analysis.claims.normalisation import PLACES, TASK, ladder_configurations
from analysis.claims.quality import TOO_SMALL
from analysis.claims.variations import Configuration, against, higher_if_learned
from analysis.load import Results

CLAIM = Claim(
    id="T11",
    statement="Warm-up of the learning rate is needed.",
    topic="Inside the Transformer",
    kind="measured",
    how=f"Accuracy on {TASK} of a Transformer with the usual warm-up minus the same without (the full "
    "rate from the first step), each at the best of one ladder of learning rates by validation, paired "
    "by seed; for normalisation after the residual connection, as published, and before it. Supported "
    f"when the interval lies above 0 for both; refuted when it lies below {TOO_SMALL} for one: there "
    "it is not needed. Each place has its own verdict.",
    source="Vaswani et al. 2017, section 5.3; Xiong et al. 2020",
)


def verdict(results: Results) -> Verdict:
    """Return the verdict on T11: the known answer differs between the two places."""
    found = _pairs(results)
    if not found:
        return not_measured(CLAIM, "a Transformer with and without warm-up")
    parts = []
    for norm, words in reversed(PLACES.items()):
        claim = CLAIM.part(f".{norm}", f"Warm-up is needed with normalisation {words}.")
        if norm not in found:
            parts.append(not_measured(claim, f"warm-up with normalisation {words}"))
            continue
        without, given = found[norm]
        steps = given.option("recipe", "warmup_steps")
        settings = (
            given.setting(results, f"a Transformer with {steps} steps of warm-up"),
            without.setting(results, "one without"),
        )
        where = f"On {TASK}, normalised {words}"
        parts.append(higher_if_learned(claim, results, *settings, where))
    return every(CLAIM, parts)


def _pairs(results: Results) -> dict[str, tuple[Configuration, Configuration]]:
    """Return those without warm-up and with it, by where they normalise."""
    found: dict[str, tuple[Configuration, Configuration]] = {}
    for pair in against(ladder_configurations(results), "recipe", "warmup_steps", 0, default=0):
        found.setdefault(str(pair[0].option("model", "norm", "pre")), pair)
    return found
